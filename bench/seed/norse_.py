"""Norse: its spike function and reset by subtraction in a module over time; Norse has no
integrate-and-fire neuron of that reset, so the step is written as its own are."""

import importlib.metadata

import torch
from norse.torch.functional.iaf import IAFFeedForwardState, IAFParameters
from norse.torch.functional.reset import reset_subtract
from norse.torch.functional.threshold import threshold
from norse.torch.module.snn import SNN

import contender as c
import seed_torch


def step(drive, state, p, dt):
    v = state.v + drive
    z = threshold(v - p.v_th, p.method, p.alpha)
    return z, IAFFeedForwardState(reset_subtract(z, v, p.v_reset, p.v_th))


neurons = SNN(step, lambda drive: IAFFeedForwardState(torch.zeros_like(drive)), IAFParameters(),
              dt=float(c.DT)).eval()


def infer(x, v0):
    drive = torch.relu_(seed_torch.hidden(x)).mul_(float(c.DT))
    spikes, _ = neurons(drive.unsqueeze(0).expand(c.STEPS, -1, -1), IAFFeedForwardState(v0))
    return seed_torch.output(spikes.mean(dim=0).div_(float(c.DT)))


seed_torch.serve(f"Norse {importlib.metadata.version('norse')}, ", infer)
