"""snnTorch: Leaky without leak, which subtracts its threshold, one call a step; its layers before
it once by hand, or at every step, as its tutorials' forward()."""

import importlib.metadata

import snntorch
import torch

import contender as c
import seed_torch

neurons = snntorch.Leaky(beta=1.0, threshold=1.0, reset_mechanism="subtract").eval()


def by_hand(x, mem):
    drive = torch.relu_(seed_torch.hidden(x)).mul_(float(c.DT))
    total = torch.zeros_like(drive)
    for _ in range(c.STEPS):
        spikes, mem = neurons(drive, mem)
        total += spikes
    return seed_torch.output(total.mul_(1 / (c.STEPS * float(c.DT))))


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.lif1, self.fc2 = seed_torch.hidden, neurons, seed_torch.output

    def forward(self, x, mem1):
        spk1_rec = []
        for _ in range(c.STEPS):
            cur1 = torch.relu(self.fc1(x)) * float(c.DT)
            spk1, mem1 = self.lif1(cur1, mem1)
            spk1_rec.append(spk1)
        return self.fc2(torch.stack(spk1_rec, dim=0).mean(dim=0) / float(c.DT))


infer = Net().eval() if c.variant == "documented" else by_hand
seed_torch.serve(f"snnTorch {importlib.metadata.version('snntorch')}, ", infer)
