"""snnTorch: Leaky without leak, which subtracts its threshold, one call a step."""

import importlib.metadata

import snntorch
import torch

import contender as c
import seed_torch

neurons = snntorch.Leaky(beta=1.0, threshold=1.0, reset_mechanism="subtract").eval()


def infer(x, mem):
    drive = torch.relu_(seed_torch.hidden(x)).mul_(float(c.DT))
    total = torch.zeros_like(drive)
    for _ in range(c.STEPS):
        spikes, mem = neurons(drive, mem)
        total += spikes
    return seed_torch.output(total.mul_(1 / (c.STEPS * float(c.DT))))


seed_torch.serve(f"snnTorch {importlib.metadata.version('snntorch')}, ", infer)
