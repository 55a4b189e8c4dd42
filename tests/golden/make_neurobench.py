#!/usr/bin/env python3
"""NeuroBench's own harness on PyTorch twins of Synfire's nets.

    python3 -m venv venv && venv/bin/pip install neurobench==2.3.0
    venv/bin/python tests/golden/make_neurobench.py --weights spiking.safetensors --synfire build/synfire
    venv/bin/python tests/golden/make_neurobench.py --golden

With --weights: the net is built from the file's signature, its weights are loaded into it, and the
harness runs it over the first images of Fashion-MNIST's test set, one at a time. With --synfire the
figures of `synfire profile` on the same images stand beside those of the harness.

With --golden: makes neurobench.safetensors, small nets with random weights, inputs, labels and initial
voltages, and neurobench.json, what the harness says of them. For each net the tensors NET.NAME:
    LAYER.kernel [in][out], LAYER.bias, LAYER.tau, LAYER.initial_level, as Synfire names them
    x [sample][in], labels [sample] I64; LAYER.voltage [sample][neuron]: at the start of a sample

The twin. Its neurons are snnTorch's SpikingNeuron to the harness, with their voltage as `mem`, and its
parameters and buffers are the weights, the neurons' and filters' parameters, the voltages and the
filters' states, no others: they are the footprint. A spike is handed on as its count, and the 1/dt that
it is worth stands in the weights behind it: binary spikes are accumulates. What does not change over a
sample's steps is computed once, as Synfire does: the layers before the first neurons, and those behind
the mean over time.
"""
import argparse
import contextlib
import gzip
import importlib.metadata
import io
import json
import os
import re
import struct
import subprocess
import tempfile

import numpy as np
import snntorch
import torch
from neurobench.benchmarks import Benchmark
from neurobench.metrics.static import ConnectionSparsity, Footprint
from neurobench.metrics.workload import (ActivationSparsity, ActivationSparsityByLayer,
                                         ClassificationAccuracy, MembraneUpdates,
                                         SynapticOperations)
from neurobench.models import TorchModel
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = "/usr/share/datasets/fashion-mnist"
FIGURES = ("footprint_bytes", "connection_sparsity", "activation_sparsity", "effective_macs",
           "effective_acs", "dense_operations", "membrane_updates", "accuracy")


# ------------------------------------------------------------------ initial voltages

def philox(counter, key):
    """Philox4x32-10 (Salmon et al. 2011); counter [blocks][4], key [2], all uint32 in uint64."""
    low = np.uint64(0xFFFFFFFF)
    c, k = counter.astype(np.uint64), [np.uint64(word) for word in key]
    for _ in range(10):
        product0 = np.uint64(0xD2511F53) * c[:, 0]
        product1 = np.uint64(0xCD9E8D57) * c[:, 2]
        c = np.stack([(product1 >> np.uint64(32)) ^ c[:, 1] ^ k[0], product1 & low,
                      (product0 >> np.uint64(32)) ^ c[:, 3] ^ k[1], product0 & low], axis=1)
        k = [(k[0] + np.uint64(0x9E3779B9)) & low, (k[1] + np.uint64(0xBB67AE85)) & low]
    return c


def initial_voltage(seed, sample, layer, neurons):
    """What Synfire draws (include/synfire/random.hpp): uniform in [0, 1), multiples of 2^-24."""
    blocks = (neurons + 3) // 4
    counter = np.zeros((blocks, 4), np.uint64)
    counter[:, 0] = np.arange(blocks)
    counter[:, 1:] = sample, layer, 1 << 28
    words = philox(counter, (seed & 0xFFFFFFFF, seed >> 32)).reshape(-1)[:neurons]
    return (words >> np.uint64(8)).astype(np.float32) * np.float32(2.0 ** -24)


# ------------------------------------------------------------------ the twin

class Neurons(snntorch.SpikingNeuron):
    """Voltages and nothing else: snnTorch's own buffers would be part of the footprint."""

    def __init__(self, neurons):
        nn.Module.__init__(self)
        self.init_hidden, self.output = True, False
        self.register_buffer("mem", torch.zeros(1, neurons))


class RateNeurons(Neurons):
    """KerasSpiking's SpikingActivation of relu, which hands on counts."""

    def __init__(self, neurons, dt):
        super().__init__(neurons)
        self.dt = dt

    def moved(self, x):
        return self.mem + torch.relu(x) * self.dt

    def forward(self, x):
        voltage = self.moved(x)
        count = torch.floor(voltage)
        self.mem = voltage - count
        return count


class LeakyNeurons(Neurons):
    """snnTorch's Leaky, reset by subtraction one step after the spike."""

    def __init__(self, neurons, dt, tau):
        super().__init__(neurons)
        self.tau = nn.Parameter(tau)
        self.decay = float(np.float32(np.exp(np.float64(-np.float32(dt) / tau.numpy()[0]))))

    def moved(self, x):
        return (self.decay * self.mem + x) - (self.mem > 1).float()

    def forward(self, x):
        self.mem = self.moved(x)
        return (self.mem > 1).float()


class Lowpass(nn.Module):
    """y = (1-a) x + a y of rates, x = count / dt."""

    def __init__(self, initial_level, tau, dt):
        super().__init__()
        self.initial_level, self.tau = nn.Parameter(initial_level), nn.Parameter(tau)
        self.register_buffer("state", torch.zeros(1, tau.numel()))
        self.decay = torch.exp(-dt / tau.clamp(min=1e-8))
        self.dt = dt

    def start(self):
        self.state = self.initial_level.detach()[None]

    def forward(self, count):
        self.state = self.decay * self.state + (1 - self.decay) * (count / self.dt)
        return self.state


def linear(kernel, bias):
    layer = nn.Linear(*kernel.shape)
    layer.weight.data, layer.bias.data = kernel.T.contiguous(), bias
    return layer


class Twin(nn.Module):
    """The net of a signature such as
    synfire/1|input(28,28)|flatten|dense(128)|spiking(relu)|mean_over_time|dense(10), with its tensors
    in that order. `voltage(sample, layer, neurons)` gives initial ones."""

    def __init__(self, signature, tensors, dt, steps, voltage):
        super().__init__()
        version, *layers = signature.split("|")
        if version != "synfire/1":
            raise SystemExit(f"{version}: not a signature of this program's")
        dt = float(np.float32(dt))
        self.steps, self.voltage, self.sample = steps, voltage, 0
        self.before, self.during, self.behind = [], [], []
        self.mean, self.seconds = False, 1
        tensors = [torch.tensor(np.array(t)) for t in tensors]
        take = lambda count: [tensors.pop(0) for _ in range(count)]
        part, width, unit = self.before, 0, 1.0
        for index, layer in enumerate(layers):
            kind, argument = re.fullmatch(r"(\w+)(?:\((.*)\))?", layer).groups()
            if kind == "input":
                width = int(np.prod([int(extent) for extent in argument.split(",")]))
                continue
            if kind == "flatten":
                continue
            if kind in ("mean_over_time", "last_over_time"):
                self.mean = kind == "mean_over_time"
                self.seconds, part, unit = np.float32(steps) * np.float32(unit), self.behind, 1.0
                continue
            if kind == "dense":
                kernel, bias = take(2)
                module, width, unit = linear(kernel / unit, bias), int(argument), 1.0
            elif layer == "activate(relu)":
                module = nn.ReLU()
            elif kind == "spiking" and argument in ("relu", "lif"):
                part = self.during
                if argument == "relu":
                    module, unit = RateNeurons(width, dt), dt
                else:
                    module, unit = LeakyNeurons(width, dt, *take(1)), 1.0
            elif layer == "lowpass":
                module, unit = Lowpass(*take(2), unit), 1.0
            else:
                raise SystemExit(f"no twin of the layer {layer}")
            self.add_module(f"{kind}_{index}", module)
            part.append(module)
        if tensors:
            raise SystemExit(f"{len(tensors)} tensors more than {signature} has")

    def start(self):
        for name, module in self.named_children():
            if isinstance(module, RateNeurons):
                drawn = self.voltage(self.sample, int(name.split("_")[-1]), module.mem.numel())
                module.mem = torch.tensor(drawn)[None]
            elif isinstance(module, Neurons):
                module.mem = torch.zeros_like(module.mem)
            elif isinstance(module, Lowpass):
                module.start()

    @torch.no_grad()
    def forward(self, x):
        """One sample, x [1][inputs]: the class's values."""
        self.start()
        for module in self.before:
            x = module(x)
        if self.during:
            total = 0
            for _ in range(self.steps):
                y = x
                for module in self.during:
                    y = module(y)
                total = total + y if self.mean else y
            x = total / float(self.seconds) if self.mean else total
        for module in self.behind:
            x = module(x)
        self.sample += 1
        return x


def harness(twin, x, labels, first=0):
    """The harness's figures of samples x [sample][inputs], the first of which has that number."""
    model = TorchModel(twin)
    model.add_activation_module(snntorch.SpikingNeuron)
    data = torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(labels))
    twin.sample = first
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        benchmark = Benchmark(model, torch.utils.data.DataLoader(data, batch_size=1, shuffle=False), [],
                              [lambda logits: logits.argmax(1)],
                              [[Footprint, ConnectionSparsity],
                               [ActivationSparsity, ActivationSparsityByLayer, SynapticOperations,
                                MembraneUpdates, ClassificationAccuracy]])
        found = benchmark.run()
    if "Error running" in said.getvalue():  # the harness would go on with 0
        raise SystemExit(said.getvalue())
    benchmark.workload_metric_manager.cleanup_hooks(model)
    operations = found["SynapticOperations"]
    return {"footprint_bytes": found["Footprint"], "connection_sparsity": found["ConnectionSparsity"],
            "activation_sparsity": found["ActivationSparsity"],
            "effective_macs": operations["Effective_MACs"], "effective_acs": operations["Effective_ACs"],
            "dense_operations": operations["Dense"], "membrane_updates": found["MembraneUpdates"],
            "accuracy": found["ClassificationAccuracy"],
            "layers": found["ActivationSparsityByLayer"]}


# ------------------------------------------------------------------ files

def read_safetensors(path):
    """Tensors (name -> array) in the order in which they lie in the file, and the metadata."""
    with open(path, "rb") as f:
        size, = struct.unpack("<Q", f.read(8))
        header, data = json.loads(f.read(size)), f.read()
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        if entry["dtype"] != "F32":
            raise SystemExit(f"{path}: {name} is {entry['dtype']}, not F32")
        begin, end = entry["data_offsets"]
        tensors[name] = np.frombuffer(data[begin:end], np.float32).reshape(entry["shape"])
    return tensors, metadata


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


def read_idx(folder, name):
    for path, opened in ((name, open), (name + ".gz", gzip.open)):
        path = os.path.join(folder, path)
        if os.path.exists(path):
            with opened(path, "rb") as f:
                data = f.read()
            shape = struct.unpack(">" + "I" * data[3], data[4:4 + 4 * data[3]])
            return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)
    raise SystemExit(f"no {name} in {folder}")


# ------------------------------------------------------------------ golden values

DT, TAU, INPUTS, SAMPLES = 0.5, 0.4, 12, 8
MARGIN = 1e-4  # nothing this close to where it would be another spike, or none
NETS = {
    "nonspiking": ("input(12)|dense(9)|activate(relu)|dense(4)", 1),
    "spiking": ("input(12)|dense(9)|spiking(relu)|mean_over_time|dense(4)", 10),
    "deep": ("input(12)|dense(9)|spiking(relu)|dense(7)|spiking(relu)|mean_over_time|dense(4)", 10),
    "deeper": ("input(12)|dense(9)|spiking(relu)|dense(7)|spiking(relu)|dense(6)|spiking(relu)|"
               "mean_over_time|dense(4)", 7),
    "lif": ("input(12)|dense(9)|spiking(lif)|dense(7)|spiking(lif)|mean_over_time|dense(4)", 10),
    "pruned": ("input(12)|dense(16)|spiking(relu)|dense(16)|spiking(relu)|mean_over_time|dense(4)", 10),
    "lowpass": ("input(12)|dense(9)|spiking(relu)|lowpass|last_over_time|dense(4)", 10),
}


def draw(name, signature, seed):
    """Weights by name, inputs, labels and initial voltages by layer. In the inputs many values are 0;
    sample 1 has no other values than 0 and 1, and sample 2 none but 0."""
    r = np.random.RandomState(seed)
    real = lambda shape, scale, shift=0.0: (r.randn(*shape) * scale + shift).astype(np.float32)
    weights, voltages, width = {}, {}, 0
    for index, layer in enumerate(signature.split("|")):
        kind, argument = re.fullmatch(r"(\w+)(?:\((.*)\))?", layer).groups()
        if kind == "input":
            width = int(argument)
        elif kind == "dense":
            out = int(argument)
            # In hertz: at DT some neurons fire twice in a step, and many not at all.
            kernel = real((width, out), 1.6 / np.sqrt(width), 0.05)
            if name == "pruned" and out == 16:  # three of four weights, in blocks of 8 targets
                keep = r.uniform(size=(width, 2)) < 0.25
                kernel *= np.repeat(keep, 8, axis=1)
            else:
                kernel[r.uniform(size=kernel.shape) < 0.1] = 0
            weights[f"{index}.kernel"], weights[f"{index}.bias"] = kernel, real((out,), 0.3, 0.3)
            width = out
        elif kind == "spiking" and argument == "lif":
            weights[f"{index}.tau"] = np.array([TAU], np.float32)
        elif kind == "spiking":
            voltages[index] = r.uniform(size=(SAMPLES, width)).astype(np.float32)
        elif kind == "lowpass":
            level = np.where(r.uniform(size=width) < 0.5, 0, 0.2)
            weights[f"{index}.initial_level"] = level.astype(np.float32)
            weights[f"{index}.tau"] = r.uniform(0.3, 2, width).astype(np.float32)
    x = r.uniform(0.1, 1.5, (SAMPLES, INPUTS)).astype(np.float32)
    x[r.uniform(size=x.shape) < 0.3] = 0
    x[1], x[2] = x[1] > 0.8, 0
    return weights, x, r.randint(0, 4, SAMPLES).astype(np.int64), voltages


def nearest(module, x):
    """How near a neuron is to another output."""
    if isinstance(module, LeakyNeurons):
        return (module.moved(x) - 1).abs().min().item()
    near = x.abs().min().item()
    if isinstance(module, RateNeurons):
        moved = module.moved(x)
        near = min(near, (moved - moved.round()).abs().min().item())
    return near


def golden():
    tensors, nets = {}, {}
    for name, (layers, steps) in NETS.items():
        for seed in range(10000):
            weights, x, labels, voltages = draw(name, layers, seed)
            twin = Twin("synfire/1|" + layers, weights.values(), DT, steps,
                        lambda sample, layer, neurons: voltages[layer][sample])
            gap = [np.inf]
            hooks = [module.register_forward_pre_hook(
                lambda module, given: gap.append(nearest(module, given[0])))
                for module in twin.modules() if isinstance(module, (Neurons, nn.ReLU))]
            logits = torch.cat([twin(torch.tensor(sample)[None]) for sample in x])
            best = logits.topk(2).values
            gap.append((best[:, 0] - best[:, 1]).min().item())
            for hook in hooks:
                hook.remove()
            all_samples = harness(twin, x, labels)
            # Each layer has neurons that fire and silent ones, and both kinds of operations are there
            # where spikes travel.
            lively = all(0.1 < s < 0.9 for s in all_samples["layers"].values())
            if min(gap) > MARGIN and lively and 0 < all_samples["accuracy"] < 1:
                break
        else:
            raise SystemExit(f"no seed for {name}")
        nets[name] = {"signature": "synfire/1|" + layers, "dt": DT, "steps": steps, "seed": seed,
                      "all": all_samples,
                      "samples": [harness(twin, x[i:i + 1], labels[i:i + 1], i) for i in range(SAMPLES)]}
        for key, value in {**weights, "x": x, "labels": labels,
                           **{f"{layer}.voltage": v for layer, v in voltages.items()}}.items():
            tensors[f"{name}.{key}"] = value
        print(f"{name}: seed {seed}, nearest to another spike {min(gap):.1e}", all_samples)
    made = {"made_by": "make_neurobench.py", **versions()}
    # 8-byte values first: every tensor is then aligned to its own size.
    tensors = dict(sorted(tensors.items(), key=lambda item: item[1].dtype != np.int64))
    write_safetensors(os.path.join(HERE, "neurobench.safetensors"), tensors, made)
    with open(os.path.join(HERE, "neurobench.json"), "w") as f:
        json.dump({**made, "nets": nets}, f, indent=1)
        f.write("\n")


# ------------------------------------------------------------------ side by side

def versions():
    return {package: importlib.metadata.version(package)
            for package in ("neurobench", "torch", "snntorch", "numpy")}


def find_figures(node):
    """The object "neurobench" of a JSON file, wherever it stands."""
    if isinstance(node, dict):
        if isinstance(node.get("neurobench"), dict):
            return node["neurobench"]
        node = list(node.values())
    if isinstance(node, list):
        for one in node:
            found = find_figures(one)
            if found:
                return found
    return None


def profile(options, metadata, dt, steps):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "profile.json")
        command = [options.synfire, "profile", options.net or metadata["net"],
                   "--weights", options.weights, "--limit", str(options.images), "--dt", str(dt),
                   "--steps", str(steps), "--seed", str(options.seed), "--data", options.data,
                   "--json", path]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)}: {done.stderr.strip()}")
        with open(path) as f:
            found = find_figures(json.load(f))
    if not found:
        raise SystemExit("synfire profile says no neurobench figures")
    return found


def compare(options):
    tensors, metadata = read_safetensors(options.weights)
    dt = options.dt or float(metadata["dt"])
    steps = options.steps or int(metadata["steps"])
    pixels = read_idx(options.data, "t10k-images-idx3-ubyte")[:options.images]
    labels = read_idx(options.data, "t10k-labels-idx1-ubyte")[:options.images].astype(np.int64)
    x = pixels.reshape(len(pixels), -1).astype(np.float32) / np.float32(255)
    twin = Twin(metadata["signature"], tensors.values(), dt, steps,
                lambda sample, layer, neurons: initial_voltage(options.seed, sample, layer, neurons))
    result = {"weights": os.path.basename(options.weights), "images": len(x), "dt": dt, "steps": steps,
              "seed": options.seed, **versions(), "harness": harness(twin, x, labels)}
    if options.synfire:
        result["synfire"] = profile(options, metadata, dt, steps)
    print(f"{metadata['signature']}, {len(x)} images, {steps} steps of {dt} s, seed {options.seed}")
    beside = f"{'synfire':>20}{'difference':>14}" if options.synfire else ""
    print(f"{'':24}{'neurobench ' + result['neurobench']:>20}{beside}")
    for name in FIGURES:
        theirs = result["harness"][name]
        line = f"{name:24}{theirs:>20.10g}"
        if options.synfire:
            ours = result["synfire"][name]
            line += f"{ours:>20.10g}{round(ours - theirs, 9):>14.3g}"
        print(line)
    if options.json:
        with open(options.json, "w") as f:
            json.dump(result, f, indent=1)
            f.write("\n")


def main():
    parser = argparse.ArgumentParser(description="NeuroBench's harness on twins of Synfire's nets")
    parser.add_argument("--golden", action="store_true", help="make neurobench.json and .safetensors")
    parser.add_argument("--weights", help="a net's weights, as synfire writes them")
    parser.add_argument("--net", help="its name for synfire profile; that of the weights")
    parser.add_argument("--images", type=int, default=1000, help="the first so many of the test set")
    parser.add_argument("--dt", type=float, help="seconds a step; that of the training")
    parser.add_argument("--steps", type=int, help="steps an image; those of the training")
    parser.add_argument("--seed", type=int, default=0, help="of the initial voltages")
    parser.add_argument("--data", default=DATA, help="folder with Fashion-MNIST's IDX files")
    parser.add_argument("--synfire", help="the program whose figures are to stand beside")
    parser.add_argument("--json", help="write all figures to this file")
    options = parser.parse_args()
    if options.golden == bool(options.weights):
        parser.error("either --golden or --weights")
    torch.set_num_threads(1)
    golden() if options.golden else compare(options)


if __name__ == "__main__":
    main()
