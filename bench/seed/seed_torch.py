"""What the contenders on PyTorch share: one thread, no gradients, tensors made beforehand."""

import torch
from torch import nn

import contender as c

torch.set_num_threads(1)
torch.set_num_interop_threads(1)


def layer(weights, biases):
    """torch.nn.Linear of these weights, which are [inputs][neurons] here."""
    linear = nn.Linear(*weights.shape)
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(weights.T.copy()))
        linear.bias.copy_(torch.from_numpy(biases))
    return linear.eval()


hidden, output = layer(c.w1, c.b1), layer(c.w2, c.b2)


def serve(version, infer):
    with torch.inference_mode():
        c.serve(f"{version}PyTorch {torch.__version__}", infer,
                lambda values: torch.from_numpy(values.copy()))
