"""Writes the race's data: data.py WEIGHTS.safetensors IDX_FOLDER OUTPUT.

Raw floats for the contenders, and what run.py checks their classes by: classes.json, in double
precision, with the images where rounding decides, because a voltage came near a whole number.
"""

import gzip
import json
import pathlib
import shutil
import struct
import sys

import numpy as np

IMAGES, HIDDEN, STEPS, DT = 1024, 128, 10, 0.01
NEAR = 1e-5  # what rounding in single precision can move a voltage by in ten steps

weights_file, idx, output = (pathlib.Path(path) for path in sys.argv[1:])
output.mkdir(parents=True, exist_ok=True)
shutil.copy(weights_file, output / "weights.safetensors")

raw = weights_file.read_bytes()
(size,) = struct.unpack("<Q", raw[:8])
header = json.loads(raw[8:8 + size])
header.pop("__metadata__", None)
by_shape = {}
for entry in header.values():
    begin, end = entry["data_offsets"]
    values = np.frombuffer(raw[8 + size + begin:8 + size + end], "<f4").reshape(entry["shape"])
    by_shape[values.shape] = values
w1, b1, w2, b2 = (by_shape[shape] for shape in [(784, HIDDEN), (HIDDEN,), (HIDDEN, 10), (10,)])

with gzip.open(idx / "t10k-images-idx3-ubyte.gz") as file:
    pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)[:IMAGES]
images = pixels.astype(np.float32) / np.float32(255)
# Multiples of 2^-24, as Synfire and its like draw them.
voltages = (np.random.default_rng(1).integers(0, 1 << 24, (IMAGES, HIDDEN)) / (1 << 24)).astype(
    np.float32)
for name, values in dict(images=images, voltages=voltages, w1=w1, b1=b1, w2=w2, b2=b2).items():
    values.astype("<f4").tofile(output / name)

drive = np.maximum(images.astype(float) @ w1 + b1, 0) * float(np.float32(DT))
v, total = voltages.astype(float), 0
tie = np.zeros(IMAGES, bool)
for _ in range(STEPS):
    v = v + drive
    tie |= ((np.abs(v - np.round(v)) < NEAR) & (drive > 0)).any(axis=1)
    n = np.floor(v)
    v -= n
    total = total + n
logits = total / (STEPS * DT) @ w2 + b2
two = np.sort(logits, axis=1)[:, -2:]
tie |= two[:, 1] - two[:, 0] < 1e-3
(output / "classes.json").write_text(json.dumps({
    "classes": logits.argmax(axis=1).tolist(), "ties": np.flatnonzero(tie).tolist(),
    "most_spikes_a_step": float(np.floor(drive.max() + 1)), "largest_drive": float(drive.max()),
    "spikes_an_image": float(total.sum() / IMAGES)}))
