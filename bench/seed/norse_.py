"""Norse: its spike function and reset by subtraction in a module over time; Norse has no
integrate-and-fire neuron of that reset, so the step is written as its own are. Layers before it once
by hand, or in a SequentialState that is called once a step, as its tutorials write it."""

import importlib.metadata

import torch
from norse.torch.functional.iaf import IAFFeedForwardState, IAFParameters
from norse.torch.functional.reset import reset_subtract
from norse.torch.functional.threshold import threshold
from norse.torch.module.sequential import SequentialState
from norse.torch.module.snn import SNN, SNNCell

import contender as c
import seed_torch


def step(drive, state, p, dt):
    v = state.v + drive
    z = threshold(v - p.v_th, p.method, p.alpha)
    return z, IAFFeedForwardState(reset_subtract(z, v, p.v_reset, p.v_th))


def rest(drive):
    return IAFFeedForwardState(torch.zeros_like(drive))


neurons = SNN(step, rest, IAFParameters(), dt=float(c.DT)).eval()
cells = SequentialState(seed_torch.hidden, seed_torch.Drive(),
                        SNNCell(step, rest, IAFParameters(), dt=float(c.DT))).eval()


def by_hand(x, v0):
    drive = torch.relu_(seed_torch.hidden(x)).mul_(float(c.DT))
    spikes, _ = neurons(drive.unsqueeze(0).expand(c.STEPS, -1, -1), IAFFeedForwardState(v0))
    return seed_torch.output(spikes.mean(dim=0).div_(float(c.DT)))


def documented(x, v0):
    state, spikes = [None, None, IAFFeedForwardState(v0)], []
    for _ in range(c.STEPS):
        z, state = cells(x, state)
        spikes.append(z)
    return seed_torch.output(torch.stack(spikes).mean(dim=0) / float(c.DT))


infer = documented if c.variant == "documented" else by_hand
seed_torch.serve(f"Norse {importlib.metadata.version('norse')}, ", infer)
