"""SpikingJelly: IFNode with a soft reset, all steps in one call."""

import importlib.metadata

import torch
from spikingjelly.activation_based import neuron

import contender as c
import seed_torch

neurons = neuron.IFNode(v_threshold=1.0, v_reset=None, step_mode="m").eval()


def infer(x, v0):
    drive = torch.relu_(seed_torch.hidden(x)).mul_(float(c.DT))
    neurons.v = v0
    spikes = neurons(drive.unsqueeze(0).expand(c.STEPS, -1, -1))
    return seed_torch.output(spikes.mean(dim=0).div_(float(c.DT)))


seed_torch.serve(f"SpikingJelly {importlib.metadata.version('spikingjelly')}, ", infer)
