#!/usr/bin/env python3
"""Makes lif.safetensors: forward pass and gradients of a small leaky integrate-and-fire network, by
PyTorch and snnTorch.

    python3 -m venv venv && venv/bin/pip install torch snntorch numpy
    venv/bin/python make_lif.py

An input held over STEPS steps -> Linear(12, 9) -> Leaky -> Linear(9, 7) -> Leaky -> mean of the spikes
over time -> Linear(7, 4) -> cross-entropy, mean over the batch. snnTorch's defaults: threshold 1, reset
by subtraction one step after the spike, the reset not differentiated; fast sigmoid, slope 25.

For each seed k, the tensors case<k>.NAME:
    labels [6] I64; steps [1] I64
    x [6][12]; dt [1] and tau [2] in seconds; w1 [12][9], b1, w2 [9][7], b2, w3 [7][4], b3 ([in][out])
    spikes1 [8][6][9], spikes2 [8][6][7], membrane1, membrane2: [step][sample][neuron], after the step
    logits [6][4], loss [1]; grad.x, grad.w1, ... grad.b3: of the mean loss
"""
import importlib.metadata
import json
import os
import struct

import numpy as np
import snntorch
import torch
from snntorch import surrogate

BATCH, INPUTS, HIDDEN1, HIDDEN2, CLASSES, STEPS = 6, 12, 9, 7, 4, 8
DT, TAUS = np.float32(0.001), np.array([0.005, 0.0025], np.float32)
CASES = 4
MARGIN = 1e-4  # no membrane this close to the threshold: another order of sums gives the same spikes


def draw(seed):
    r = np.random.RandomState(seed)

    def normal(shape, scale, shift=0.0):
        return torch.tensor((r.randn(*shape) * scale + shift).astype(np.float32), requires_grad=True)

    x = torch.tensor(r.uniform(0, 1, (BATCH, INPUTS)).astype(np.float32), requires_grad=True)
    labels = torch.tensor(r.randint(0, CLASSES, BATCH))
    # The positive shift of the weights makes most neurons spike, and some membranes pass 2.
    weights = {
        "w1": normal((INPUTS, HIDDEN1), 0.35, 0.08), "b1": normal((HIDDEN1,), 0.2),
        "w2": normal((HIDDEN1, HIDDEN2), 0.6, 0.2), "b2": normal((HIDDEN2,), 0.2),
        "w3": normal((HIDDEN2, CLASSES), 0.8), "b3": normal((CLASSES,), 0.2),
    }
    return x, labels, weights


def run(x, labels, w):
    gradient = surrogate.fast_sigmoid(slope=25)
    beta = np.exp(-DT / TAUS)  # float32
    leaky1, leaky2 = (snntorch.Leaky(beta=float(b), threshold=1.0, spike_grad=gradient) for b in beta)
    membrane1, membrane2 = leaky1.init_leaky(), leaky2.init_leaky()
    current = x @ w["w1"] + w["b1"]
    history = {"spikes1": [], "spikes2": [], "membrane1": [], "membrane2": []}
    for _ in range(STEPS):
        spikes1, membrane1 = leaky1(current, membrane1)
        spikes2, membrane2 = leaky2(spikes1 @ w["w2"] + w["b2"], membrane2)
        for name, value in (("spikes1", spikes1), ("spikes2", spikes2),
                            ("membrane1", membrane1), ("membrane2", membrane2)):
            history[name].append(value)
    history = {name: torch.stack(values) for name, values in history.items()}
    logits = history["spikes2"].mean(0) @ w["w3"] + w["b3"]
    loss = torch.nn.functional.cross_entropy(logits, labels)
    return history, logits, loss


def worth_keeping(history):
    """Every layer spikes in a fair part of its steps, some membranes pass 2, none is at the threshold."""
    for k in ("1", "2"):
        membrane, spikes = history["membrane" + k], history["spikes" + k]
        if (membrane - 1).abs().min() < MARGIN or not 0.15 < spikes.mean() < 0.85:
            return False
        if (membrane > 2).sum() < 5 or (spikes.sum(0) > 0).float().mean() < 0.5:
            return False
    return True


def write_safetensors(path, tensors, metadata):
    header, offset = {"__metadata__": metadata}, 0
    for name, a in tensors.items():
        dtype = {"float32": "F32", "int64": "I64"}[str(a.dtype)]
        header[name] = {"dtype": dtype, "shape": list(a.shape),
                        "data_offsets": [offset, offset + a.nbytes]}
        offset += a.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for a in tensors.values():
            f.write(np.ascontiguousarray(a).tobytes())


def main():
    torch.set_num_threads(1)
    integers, reals, seeds, seed = {}, {}, [], 0
    while len(seeds) < CASES:
        x, labels, weights = draw(seed)
        history, logits, loss = run(x, labels, weights)
        if worth_keeping(history):
            loss.backward()
            case = "case%d." % len(seeds)
            integers[case + "labels"] = labels
            integers[case + "steps"] = torch.tensor([STEPS])
            for name, value in {"x": x, "dt": torch.tensor([DT]), "tau": torch.tensor(TAUS), **weights,
                                **history, "logits": logits, "loss": loss.reshape(1)}.items():
                reals[case + name] = value
            for name, value in {"x": x, **weights}.items():
                reals[case + "grad." + name] = value.grad
            for k in ("1", "2"):
                spikes, membrane = history["spikes" + k], history["membrane" + k]
                print(case, "layer", k, "mean spikes a step %.2f" % spikes.mean().item(),
                      "largest membrane %.2f" % membrane.max().item(),
                      "nearest to the threshold %.1e" % (membrane - 1).abs().min().item())
            seeds.append(seed)
        seed += 1
    # 8-byte values first: every tensor is then aligned to its own size.
    tensors = {name: t.detach().numpy() for name, t in {**integers, **reals}.items()}
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lif.safetensors")
    write_safetensors(path, tensors, {
        "made_by": "make_lif.py", "torch": torch.__version__,
        "snntorch": importlib.metadata.version("snntorch"), "numpy": np.__version__,
        "seeds": " ".join(map(str, seeds))})
    print(path, os.path.getsize(path), "bytes, seeds", seeds)


if __name__ == "__main__":
    main()
