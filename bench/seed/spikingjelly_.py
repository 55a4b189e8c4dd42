"""SpikingJelly: IFNode with a soft reset, all steps in one call; its layers before it once by hand,
or in a multi-step net that is reset after every run, as its tutorials write it."""

import importlib.metadata

import torch
from spikingjelly.activation_based import functional, layer, neuron

import contender as c
import seed_torch

neurons = neuron.IFNode(v_threshold=1.0, v_reset=None, step_mode="m").eval()


def by_hand(x, v0):
    drive = torch.relu_(seed_torch.hidden(x)).mul_(float(c.DT))
    neurons.v = v0
    spikes = neurons(drive.unsqueeze(0).expand(c.STEPS, -1, -1))
    return seed_torch.output(spikes.mean(dim=0).div_(float(c.DT)))


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        fc = layer.Linear(c.INPUTS, c.HIDDEN)
        fc.load_state_dict(seed_torch.hidden.state_dict())
        self.hidden = torch.nn.Sequential(fc, seed_torch.Drive(), neurons)
        self.output = seed_torch.output
        functional.set_step_mode(self, step_mode="m")

    def forward(self, x, v0):
        neurons.v = v0
        x_seq = x.unsqueeze(0).repeat(c.STEPS, 1, 1)
        rates = self.hidden(x_seq).mean(dim=0) / float(c.DT)
        functional.reset_net(self)
        return self.output(rates)


infer = Net().eval() if c.variant == "documented" else by_hand
seed_torch.serve(f"SpikingJelly {importlib.metadata.version('spikingjelly')}, ", infer)
