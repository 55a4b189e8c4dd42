"""Accuracy against spikes an image, ours beside the tutorial's: plot.py OUTPUT.svg FIGURES.json...

Each file is what `synfire tutorial --json FILE` wrote, one for each seed. A dot is the mean over the
seeds and its bar their range. The tutorial gives rates: spikes = rate x neurons x steps x dt.
"""

import json
import math
import sys

output, *files = sys.argv[1:]
runs = [json.load(open(name)) for name in files]

WIDTH, HEIGHT = 720, 470
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 70, 54
LOW, HIGH = 0.4, 2000  # spikes an image

# How a row is called beside its dot, and where: to the left or right of it, and how much lower.
LABELS = {
    "rate-trained, dt 0.001": ("dt 0.001", "right", 5),
    "rate-trained, dt 0.01": ("dt 0.01", "right", 5),
    "rate-trained, dt 0.1": ("dt 0.1", "right", -12),
    "rate-trained, dt 1": ("dt 1", "right", 22),
    "spiking-aware, dt 0.01": ("dt 0.01", "left", 5),
    "L2 of steps, dt 0.01": ("on steps", "right", 18),
    "L2 of mean rates, dt 0.01": ("on mean rates", "right", 5),
    "lowpass, dt 0.001": ("dt 0.001", "left", 18),
    "lowpass, dt 0.01": ("dt 0.01", "right", 6),
}
KINDS = {"rate": "trained as rate", "aware": "trained with spikes", "l2": "L2 to 10-20 Hz",
         "lowpass": "lowpass filter"}


def kind_of(row):
    return next(kind for kind in ["aware", "rate-", "L2", "lowpass"] if kind in row).lower().strip("-")



def x(spikes):
    share = math.log(spikes / LOW) / math.log(HIGH / LOW)
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def y(accuracy):
    return HEIGHT - BOTTOM - accuracy * (HEIGHT - TOP - BOTTOM)


parts = []


def text(left, top, words, anchor="middle", kind="label"):
    parts.append(f'<text class="{kind}" x="{left:.1f}" y="{top:.1f}" '
                 f'text-anchor="{anchor}">{words}</text>')


def line(kind, left, top, right, bottom):
    parts.append(f'<line class="{kind}" x1="{left:.1f}" y1="{top:.1f}" x2="{right:.1f}" '
                 f'y2="{bottom:.1f}"/>')


for percent in range(0, 101, 20):
    line("grid", LEFT, y(percent / 100), WIDTH - RIGHT, y(percent / 100))
    text(LEFT - 8, y(percent / 100) + 4, f"{percent}%", "end")
for spikes in [1, 10, 100, 1000]:
    line("grid", x(spikes), TOP, x(spikes), HEIGHT - BOTTOM)
    text(x(spikes), HEIGHT - BOTTOM + 18, spikes)
text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, "spikes an image (128 neurons, 10 steps)")

spoken = []
plain = [row["test"]["accuracy"] for run in runs for row in run["rows"] if row["row"] == "non-spiking"]
level = sum(plain) / len(plain)
line("twin", LEFT, y(level), WIDTH - RIGHT, y(level))
text(LEFT + 6, y(level) - 7, f"non-spiking twin {100 * level:.1f}%", "start")
spoken.append(f"non-spiking {100 * level:.1f}%")

for name in [row["row"] for row in runs[0]["rows"][1:]]:
    rows = [row for run in runs for row in run["rows"] if row["row"] == name]
    accuracies = [row["test"]["accuracy"] for row in rows]
    spikes = [row["test"]["activity"]["spikes"] / row["test"]["samples"] for row in rows]
    across, up = sum(spikes) / len(rows), sum(accuracies) / len(rows)
    kind = kind_of(name)
    line(kind, x(across), y(min(accuracies)), x(across), y(max(accuracies)))
    parts.append(f'<circle class="{kind}" cx="{x(across):.1f}" cy="{y(up):.1f}" r="5"/>')
    tutorial = rows[0].get("tutorial", rows[0].get("keras_spiking", {}))
    if "mean_rate_hz" in tutorial:
        there = tutorial["mean_rate_hz"] * 128 * rows[0]["steps"] * rows[0]["dt"]
        parts.append(f'<circle class="tutorial" cx="{x(there):.1f}" '
                     f'cy="{y(tutorial["accuracy"]):.1f}" r="9"/>')
    words, side, lower = LABELS[name]
    text(x(across) + (14 if side == "right" else -14), y(up) + lower, words,
         "start" if side == "right" else "end")
    spoken.append(f"{name} {100 * up:.1f}% at {across:.1f} spikes")

for i, (kind, words) in enumerate({**KINDS, "tutorial": "KerasSpiking"}.items()):
    place, height = LEFT + i % 3 * 200, 20 + i // 3 * 24
    parts.append(f'<circle class="{kind}" cx="{place + 8}" cy="{height}" '
                 f'r="{8 if kind == "tutorial" else 5}"/>')
    text(place + 22, height + 5, words, "start")

STYLE = """
text { font: 13px sans-serif; fill: #333 }
.grid { stroke: #ddd } .twin { stroke: #888; stroke-dasharray: 5 4 }
.rate { fill: #1f77b4; stroke: #1f77b4 } .aware { fill: #d9541e; stroke: #d9541e }
.l2 { fill: #a3338b; stroke: #a3338b } .lowpass { fill: #2a7f2e; stroke: #2a7f2e }
.tutorial { fill: none; stroke: #888; stroke-width: 1.5 } .paper { fill: #fff }
@media (prefers-color-scheme: dark) {
  text { fill: #ccc } .grid { stroke: #333 } .paper { fill: #0d1117 }
  .l2 { fill: #f08fcf; stroke: #f08fcf } .lowpass { fill: #6cc972; stroke: #6cc972 }
  .rate { fill: #6cb6ff; stroke: #6cb6ff } .aware { fill: #ff9d6c; stroke: #ff9d6c }
}"""
with open(output, "w") as svg:
    svg.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">\n'
              f'<title>Accuracy on Fashion-MNIST: {"; ".join(spoken)}</title>\n'
              f"<style>{STYLE}\n</style>\n"
              f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>\n'
              + "\n".join(parts) + "\n</svg>\n")
