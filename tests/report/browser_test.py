"""The tutorial's page in a browser: browser_test.py SYNFIRE. Skipped (77) without Chromium.

On a phone and on a desk, light and dark: nothing on the console, every picture there and within the
window, nothing wider than it, colours that can be read.
"""

import html
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SYNFIRE = str(pathlib.Path(sys.argv[1]).resolve())
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    print("there is no Chromium here (package chromium): the page was not looked at")
    sys.exit(77)

MEASURE = """<script>
const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
const luminance = (text) => rgb(text).slice(0, 3).reduce((sum, part, i) => {
  const share = part / 255;
  const linear = share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  return sum + [0.2126, 0.7152, 0.0722][i] * linear;
}, 0);
const behind = (node) => {
  const colour = getComputedStyle(node).backgroundColor;
  return node.parentElement === null || rgb(colour)[3] !== 0 ? colour : behind(node.parentElement);
};
const contrast = (node, colour) => {
  const [low, high] = [luminance(colour), luminance(behind(node))].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};
const all = (selector) => [...document.querySelectorAll(selector)];
const least = (nodes, property) => Math.min(
    ...nodes.map((node) => contrast(node, getComputedStyle(node)[property])));
parent.document.documentElement.dataset.measured = JSON.stringify({
  width: innerWidth,
  needed: document.documentElement.scrollWidth,
  figures: all("figure svg").map((svg) => {
    const box = svg.getBoundingClientRect();
    return {left: box.left, right: box.right, height: box.height, shapes: svg.querySelectorAll(
        "path, polygon, rect, circle, use").length};
  }),
  table: all(".scroll").map((box) => [box.clientWidth, box.scrollWidth])[0],
  back: getComputedStyle(document.body).backgroundColor,
  words: least(all("h1, h2, p, dt, dd, th, td, a, figcaption, strong"), "color"),
  labels: least(all("svg:not(.pixels) text"), "fill"),
  strokes: least(all("svg [stroke^='var(--c']"), "stroke"),
  fills: least(all("svg [fill^='var(--c']"), "fill"),
  points: least(all("svg use[color^='var(--c']"), "color"),
});
console.log("measured");
</script>"""


def browse(page, dark):
    """The document as it stands after loading, and the lines that it left on the console."""
    with tempfile.TemporaryDirectory(prefix="synfire-browser-") as profile:
        done = subprocess.run(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             f"--user-data-dir={profile}", "--window-size=1400,900",
             f"--blink-settings=preferredColorScheme={0 if dark else 1}",
             "--enable-logging=stderr", "--dump-dom", page.as_uri()],
            capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def look_at(page, wanted, fits_desk=True):
    """`wanted` pictures; the first table is wider than a phone, and where `fits_desk` not than a
    desk."""
    text = page.read_text()
    dom, console = browse(page, dark=False)
    assert console == [], console
    assert dom.count("<svg") == wanted, (dom.count("<svg"), wanted)

    copy = page.with_name("measured.html")
    policy = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>\n')
    assert len(policy.findall(text)) == 1
    measured = policy.sub("", text).replace("</body>", MEASURE + "</body>")
    for width in [390, 1280]:
        # A window has a least width; a frame has not.
        copy.write_text(f"""<!DOCTYPE html><style>:root {{ color-scheme: light dark }}</style>
            <iframe style="border: 0; width: {width}px; height: 800px"
             srcdoc="{html.escape(measured)}"></iframe>""")
        for dark in [False, True]:
            dom, console = browse(copy, dark)
            assert len(console) == 1 and '"measured"' in console[0], console
            found = json.loads(html.unescape(re.search(r'data-measured="([^"]*)"', dom)[1]))
            where = (page.name, width, "dark" if dark else "light", found)
            assert found["width"] == width, where
            assert found["needed"] <= width, where
            assert len(found["figures"]) == wanted, where
            for figure in found["figures"]:
                assert 0 <= figure["left"] < figure["right"] <= width, (figure, where)
                assert figure["height"] > 100 and figure["shapes"] > 5, (figure, where)
            shown, whole = found["table"]
            # It scrolls in its box.
            assert whole > shown if width == 390 or not fits_desk else whole == shown, where
            assert found["back"] == ("rgb(15, 19, 24)" if dark else "rgb(255, 255, 255)"), where
            assert min(found["words"], found["labels"]) >= 4.5, where
            # Without shapes of its kind a least is null.
            shapes = [found[key] for key in ["strokes", "fills", "points"] if found[key] is not None]
            assert shapes and min(shapes) >= 3, where
            print(page.name, width, "dark" if dark else "light",
                  {key: found[key] and round(found[key], 1)
                   for key in ["words", "labels", "strokes", "fills", "points"]})


def run(*arguments, folder):
    subprocess.run([SYNFIRE, *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL,
                   timeout=120)


with tempfile.TemporaryDirectory(prefix="synfire-page-") as folder:
    folder = pathlib.Path(folder)
    run("tutorial", "--quick", "--data", "silhouettes", "--output", ".", folder=folder)
    page = folder / "report.html"
    text = page.read_text()
    assert page.stat().st_size < 3_000_000
    rows = text.count("<section id=\"row-")
    spiking = text.count("<strong>Raster of ")
    assert rows >= 6 and spiking == rows - 1
    # Image, softmax, training; histogram and raster where neurons spike; accuracy against spikes.
    look_at(page, 3 * rows + 2 * spiking + 1 + text.count("Accuracy against energy on ") // 2)

    few = ["--data", "silhouettes", "--limit", "500", "--device", "horowitz", "loihi"]
    run("profile", "aware.safetensors", *few, "--page", "profile.html", folder=folder)
    look_at(folder / "profile.html", 2)
    run("profile", "aware.safetensors", *few, "--page", "pareto.html", "--sweep", "dt=1e-3..1",
        "stop=never,1", folder=folder)
    look_at(folder / "pareto.html", 6)
    run("compare", "aware.safetensors", "rate.safetensors", *few, "--page", "compare.html",
        folder=folder)
    look_at(folder / "compare.html", 6, fits_desk=False)
