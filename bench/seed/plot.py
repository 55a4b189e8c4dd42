"""The race as a picture: plot.py OUTPUT.svg FIGURES.json, which run.py wrote."""

import json
import math
import sys

output, figures = sys.argv[1:]
rows = [row for row in json.load(open(figures))["rows"] if "failure" not in row]

LEFT, GAP, RIGHT, TOP, STEP = 230, 70, 60, 56, 26
WIDTH, BAR = 950, 14
PANEL = (WIDTH - LEFT - GAP - RIGHT) / 2
HEIGHT = TOP + STEP * len(rows) + 24

parts = []


def text(left, top, words, anchor="start"):
    parts.append(f'<text x="{left:.1f}" y="{top:.1f}" text-anchor="{anchor}">{words}</text>')


def short(value):
    if value >= 1e4:
        return f"{value / 1e3:.0f}k"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def panel(left, title, values):
    """Bars on a logarithmic scale that starts a little before the smallest value's decade."""
    low = 10 ** math.floor(math.log10(min(values)))
    high = max(values)

    def x(value):
        return left + math.log(value / low) / math.log(high / low) * PANEL

    text(left, 22, title)
    decade = low
    while decade <= high:
        parts.append(f'<line class="grid" x1="{x(decade):.1f}" y1="{TOP - 8}" '
                     f'x2="{x(decade):.1f}" y2="{HEIGHT - 24}"/>')
        text(x(decade), HEIGHT - 8, short(decade), "middle")
        decade *= 10
    for i, (row, value) in enumerate(zip(rows, values)):
        kind = "ours" if row["contender"].startswith("Synfire") else "rival"
        top = TOP + i * STEP
        parts.append(f'<rect class="{kind}" x="{left:.1f}" y="{top}" '
                     f'width="{x(value) - left:.1f}" height="{BAR}" rx="2"/>')
        text(x(value) + 6, top + 12, short(value))


for i, row in enumerate(rows):
    text(LEFT - 10, TOP + i * STEP + 12, row["contender"], "end")
ones = [row["one"]["p50_ns"] / 1e3 for row in rows]
batches = [256e9 / row["batch"]["p50_ns"] for row in rows]
panel(LEFT, "one image, us (p50): shorter is better", ones)
panel(LEFT + PANEL + GAP, "batch of 256, images a second (p50)", batches)
spoken = [f"{row['contender']} {one:.1f} us, {batch:,.0f} images a second"
          for row, one, batch in zip(rows, ones, batches)]

STYLE = """
text { font: 13px sans-serif; fill: #333 } .grid { stroke: #ddd }
.ours { fill: #d9541e } .rival { fill: #1f77b4 } .paper { fill: #fff }
@media (prefers-color-scheme: dark) {
  text { fill: #ccc } .grid { stroke: #333 } .paper { fill: #0d1117 }
  .ours { fill: #ff9d6c } .rival { fill: #6cb6ff }
}"""
with open(output, "w") as svg:
    svg.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">\n'
              f'<title>The seed\'s net on one core: {"; ".join(spoken)}</title>\n'
              f"<style>{STYLE}\n</style>\n"
              f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>\n'
              + "\n".join(parts) + "\n</svg>\n")
