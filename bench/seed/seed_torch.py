"""What the contenders on PyTorch share: one thread, no gradients, tensors made beforehand."""

import torch
from torch import nn

import contender as c

torch.set_num_threads(1)
torch.set_num_interop_threads(1)
DT = float(c.DT)


def layer(weights, biases):
    """torch.nn.Linear of these weights, which are [inputs][neurons] here."""
    linear = nn.Linear(*weights.shape)
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(weights.T.copy()))
        linear.bias.copy_(torch.from_numpy(biases))
    return linear.eval()


hidden, output = layer(c.w1, c.b1), layer(c.w2, c.b2)


class Net(nn.Module):
    """As documentations write it: every layer at every step, on the image of that step."""

    def __init__(self):
        super().__init__()
        self.hidden, self.output = hidden, output

    def forward(self, x, v):
        rates = []
        for _ in range(c.STEPS):
            v = v + torch.relu(self.hidden(x)) * DT
            n = torch.floor(v)
            v = v - n
            rates.append(n / DT)
        return self.output(torch.stack(rates).mean(dim=0))


class Drive(nn.Module):
    """What a rate adds to a voltage in a step."""

    def forward(self, x):
        return torch.relu(x) * DT


def serve(version, infer):
    with torch.inference_mode():
        c.serve(f"{version}PyTorch {torch.__version__}", infer,
                lambda values: torch.from_numpy(values.copy()))
