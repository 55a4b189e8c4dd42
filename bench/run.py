"""Races in one process: `python3 bench/run.py activity`, or sparsity, from the top of the tree.

Builds the race, runs it on one core, prints its table in Markdown and draws it beside its source:
microseconds an image, a line a contender, both axes logarithmic.
"""

import math
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parent / "build"
TITLES = {"activity": "us an image, by the share of neurons that fire in a step",
          "sparsity": "us an image, by the share of weights that is left"}
COLOURS = ["#d9541e", "#f2a03d", "#a3195b", "#7a4b2a", "#1f77b4", "#2ca02c", "#777777", "#9467bd"]
LEFT, TOP, WIDTH, HEIGHT, LEGEND = 60, 40, 480, 320, 260


def measure(task):
    program = BUILD / "bench" / task / f"bench_{task}"
    subprocess.run(["ninja", "-C", BUILD, f"bench/{task}/bench_{task}"], check=True,
                   stdout=subprocess.DEVNULL)
    core = max(os.sched_getaffinity(0))
    made = subprocess.run([program], check=True, stdout=subprocess.PIPE, text=True,
                          preexec_fn=lambda: os.sched_setaffinity(0, {core}))
    head, *lines = (line.split("\t") for line in made.stdout.splitlines())
    return head, [[float(cell) for cell in line] for line in lines]


def draw(task, head, rows):
    xs = [row[0] if task == "activity" else 1 - row[0] for row in rows]
    values = [value for row in rows for value in row[1:]]
    low, high = min(values), max(values)

    def x(value):
        return LEFT + math.log(value / min(xs)) / math.log(max(xs) / min(xs)) * WIDTH

    def y(value):
        return TOP + HEIGHT - math.log(value / low) / math.log(high / low) * HEIGHT

    def ticks(least, most):
        for decade in range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1):
            for step in (1, 2, 5):
                if least <= step * 10.0 ** decade <= most * 1.001:
                    yield step * 10.0 ** decade

    parts = [f'<text x="{LEFT}" y="20">{TITLES[task]}</text>']
    for tick in ticks(min(xs), max(xs)):
        parts.append(f'<line class="grid" x1="{x(tick):.1f}" y1="{TOP}" x2="{x(tick):.1f}" '
                     f'y2="{TOP + HEIGHT}"/><text x="{x(tick):.1f}" y="{TOP + HEIGHT + 18}" '
                     f'text-anchor="middle">{100 * tick:.3g}%</text>')
    for tick in ticks(low, high):
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{y(tick):.1f}" x2="{LEFT + WIDTH}" '
                     f'y2="{y(tick):.1f}"/><text x="{LEFT - 6}" y="{y(tick) + 4:.1f}" '
                     f'text-anchor="end">{tick:g}</text>')
    for c, name in enumerate(head[1:]):
        points = " ".join(f"{x(at):.1f},{y(row[c + 1]):.1f}" for at, row in zip(xs, rows))
        colour = COLOURS[c % len(COLOURS)]
        at = TOP + 16 + 22 * c
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" '
                     f'stroke-width="2"/><line x1="{LEFT + WIDTH + 14}" y1="{at - 4}" '
                     f'x2="{LEFT + WIDTH + 34}" y2="{at - 4}" stroke="{colour}" stroke-width="3"/>'
                     f'<text x="{LEFT + WIDTH + 40}" y="{at}">{name}</text>')
    spoken = "; ".join(f"{name} {rows[0][c + 1]:.1f} to {rows[-1][c + 1]:.1f} us"
                       for c, name in enumerate(head[1:]))
    width, height = LEFT + WIDTH + LEGEND, TOP + HEIGHT + 34
    (HERE / task / f"{task}.svg").write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{TITLES[task]}: {spoken}">\n<style>text {{ font: 12px sans-serif; '
        'fill: #333 } .grid { stroke: #ddd } .paper { fill: #fff }\n'
        '@media (prefers-color-scheme: dark) { text { fill: #ccc } .grid { stroke: #333 } '
        '.paper { fill: #0d1117 } }</style>\n'
        f'<rect class="paper" width="{width}" height="{height}"/>\n' + "\n".join(parts) +
        "\n</svg>\n")


def main():
    for task in sys.argv[1:] or TITLES:
        head, rows = measure(task)
        print(f"| {' | '.join(head)} |\n|{' --- |' * len(head)}")
        for row in rows:
            print(f"| {100 * row[0]:g}% | {' | '.join(f'{value:.2f}' for value in row[1:])} |")
        draw(task, head, rows)


main()
