"""PyTorch, operation by operation, in place where that saves a tensor."""

import torch

import contender as c
import seed_torch


def infer(x, v0):
    drive = torch.relu_(seed_torch.hidden(x)).mul_(float(c.DT))
    v = v0 + drive
    total = torch.floor(v)
    v.sub_(total)
    for _ in range(c.STEPS - 1):
        v.add_(drive)
        n = torch.floor(v)
        v.sub_(n)
        total.add_(n)
    return seed_torch.output(total.mul_(1 / (c.STEPS * float(c.DT))))


seed_torch.serve("", infer)
