"""PyTorch, operation by operation: by hand, in place where that saves a tensor, or the net as its
documentation writes modules."""

import torch

import contender as c
import seed_torch


def by_hand(x, v0):
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


seed_torch.serve("", seed_torch.Net().eval() if c.variant == "documented" else by_hand)
