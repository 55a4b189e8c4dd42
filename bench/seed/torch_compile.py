"""torch.compile: Inductor's C++, one graph for each of the two shapes, of the net with its constant
product taken out of the loop by hand, or of the net as PyTorch's documentation writes modules. Its
options freezing and cpp_wrapper, tried one by one and together, were no faster."""

import torch
import torch._inductor.config as inductor

import contender as c
import seed_torch

inductor.cpp.threads = 1


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.output = seed_torch.hidden, seed_torch.output

    def forward(self, x, v):
        drive = torch.relu(self.hidden(x)) * seed_torch.DT
        total = torch.zeros_like(drive)
        for _ in range(c.STEPS):
            v = v + drive
            n = torch.floor(v)
            v = v - n
            total = total + n
        return self.output(total * (1 / (c.STEPS * seed_torch.DT)))


net = seed_torch.Net() if c.variant == "documented" else Net()
seed_torch.serve("", torch.compile(net.eval(), fullgraph=True, dynamic=False))
