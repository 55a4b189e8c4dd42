"""Accuracy against spikes an image, ours beside the tutorial's: plot.py OUTPUT.svg FIGURES.json...

Each file is what `synfire tutorial --json FILE` wrote, one for each seed. A dot is the mean over the
seeds and its bar their range. The tutorial gives rates: spikes = rate x neurons x steps x dt.
"""

import json
import math
import sys

output, *files = sys.argv[1:]
runs = [json.load(open(name)) for name in files]

WIDTH, HEIGHT = 720, 380
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 46, 54
LOW, HIGH = 0.4, 2000  # spikes an image


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
    kind = "aware" if "aware" in name else "rate"
    line(kind, x(across), y(min(accuracies)), x(across), y(max(accuracies)))
    parts.append(f'<circle class="{kind}" cx="{x(across):.1f}" cy="{y(up):.1f}" r="5"/>')
    tutorial = rows[0].get("tutorial", {})
    if "mean_rate_hz" in tutorial:
        there = tutorial["mean_rate_hz"] * 128 * rows[0]["steps"] * rows[0]["dt"]
        parts.append(f'<circle class="tutorial" cx="{x(there):.1f}" '
                     f'cy="{y(tutorial["accuracy"]):.1f}" r="9"/>')
    words = name.replace("rate-trained, ", "").replace("spiking-aware, dt 0.01", "trained with spikes")
    text(x(across) + 14, y(up) + (22 if kind == "rate" else 24), words, "start")
    spoken.append(f"{name} {100 * up:.1f}% at {across:.1f} spikes")

for place, kind, words in [(LEFT, "rate", "trained as rate"), (LEFT + 150, "aware", "trained with spikes"),
                           (LEFT + 326, "tutorial", "KerasSpiking's tutorial")]:
    parts.append(f'<circle class="{kind}" cx="{place + 8}" cy="20" r="{8 if kind == "tutorial" else 5}"/>')
    text(place + 22, 25, words, "start")

STYLE = """
text { font: 13px sans-serif; fill: #333 }
.grid { stroke: #ddd } .twin { stroke: #888; stroke-dasharray: 5 4 }
.rate { fill: #1f77b4; stroke: #1f77b4 } .aware { fill: #d9541e; stroke: #d9541e }
.tutorial { fill: none; stroke: #888; stroke-width: 1.5 } .paper { fill: #fff }
@media (prefers-color-scheme: dark) {
  text { fill: #ccc } .grid { stroke: #333 } .paper { fill: #0d1117 }
  .rate { fill: #6cb6ff; stroke: #6cb6ff } .aware { fill: #ff9d6c; stroke: #ff9d6c }
}"""
with open(output, "w") as svg:
    svg.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">\n'
              f'<title>Accuracy on Fashion-MNIST: {"; ".join(spoken)}</title>\n'
              f"<style>{STYLE}\n</style>\n"
              f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>\n'
              + "\n".join(parts) + "\n</svg>\n")
