"""The race on the seed's net: `python3 bench/seed/run.py`, from the top of the tree.

Builds the contenders in C++, installs the others in virtual environments of their own, and shows
that all compute the same net from the same initial voltages. Then they take turns on one core in
slices of a few milliseconds, each followed by one of Synfire's, because a core's speed changes
while a race goes on: a ratio is the median over such pairs of slices. Writes the figures as JSON,
the table into bench/RESULTS.md and the picture beside this file.
"""

import argparse
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
BATCH = 256

# Name, environment (None: built in C++), file, variant, how many times Synfire's p50 of one image
# it is said to take at least.
CONTENDERS = [
    ("Synfire f32", None, "seed_synfire", "f32", None),
    ("Synfire bf16", None, "seed_synfire", "bf16", None),
    ("Synfire int8", None, "seed_synfire", "int8", None),
    ("C++ loop", None, "seed_dense_loop", None, None),
    ("Eigen", None, "seed_eigen", None, None),
    ("oneDNN", None, "seed_onednn", None, None),
    ("NumPy", "requirements", "numpy_.py", None, 10),
    ("ONNX Runtime", "requirements", "onnxruntime_.py", None, 10),
    *((f"{name}, {form}", environment, file, variant, said)
      for name, environment, file, hand, said in [
          ("PyTorch eager", "requirements", "torch_eager.py", None, 50),
          ("torch.compile", "requirements", "torch_compile.py", None, 30),
          ("KerasSpiking", "requirements-tensorflow", "tensorflow_.py", "function", 100),
          ("snnTorch", "requirements", "snntorch_.py", None, 200),
          ("SpikingJelly", "requirements", "spikingjelly_.py", None, 200),
          ("Norse", "requirements", "norse_.py", None, 200)]
      for form, variant in [("as documented", "documented"), ("by hand", hand)]),
    ("KerasSpiking, by hand, XLA", "requirements-tensorflow", "tensorflow_.py", "xla", None),
]
SAID_OF_BATCH = {"f32": 1.3, "int8": 2}  # times the best rival's images a second
NARROW = ["bf16", "int8"]  # variants whose weights are rounded: near the net, not the same
PATIENCE = 300  # seconds: torch.compile takes a minute to start on a busy machine
FORMS = ["as documented", "by hand"]
MODES = {"one": 1, "batch": BATCH}


class Failure(Exception):
    pass


class Contender:
    def __init__(self, name, environment, file, variant, said):
        self.name, self.environment, self.file = name, environment, file
        self.variant, self.said = variant, said
        self.version = self.failure = self.process = self.same_classes = None
        self.calls = {}
        self.slices = {mode: [] for mode in MODES}
        self.ratios = {mode: [] for mode in MODES}

    def start(self, args, environments, log):
        if self.environment is None:
            program = [args.build / "bench/seed" / self.file]
            if not program[0].exists():
                raise Failure("not built: its library is not installed")
        else:
            program = [environments(self.environment) / "bin/python", HERE / self.file]
        command = [*program, args.work / "data", *([self.variant] if self.variant else [])]
        one_thread = {name: "1" for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
                                             "MKL_NUM_THREADS", "TORCHINDUCTOR_COMPILE_THREADS"]}
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=log, text=True, env={**os.environ, **one_thread},
            preexec_fn=lambda: os.sched_setaffinity(0, {args.core}))
        while True:  # libraries may greet on the way
            line = self.read()
            if line.startswith("ready "):
                self.version = line.removeprefix("ready ")
                return

    def read(self):
        timer = threading.Timer(PATIENCE, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        if not line:
            raise Failure(f"ended with {self.process.wait()} or was silent for {PATIENCE} s")
        return line.strip()

    def ask(self, *words):
        try:
            print(*words, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            raise Failure(f"ended with {self.process.wait()}") from None
        return [int(word) for word in self.read().split()]

    def check(self, expected):
        """The classes of every image, alone and in a batch; rounding decides where there is a tie."""
        ties = set(expected["ties"])
        for mode in MODES:
            found = self.ask("classes", mode)
            wrong = sum(a != b and i not in ties
                        for i, (a, b) in enumerate(zip(found, expected["classes"], strict=True)))
            self.same_classes = sum(map(int.__eq__, found, expected["classes"]))
            if wrong and self.variant not in NARROW:
                raise Failure(f"computes another net: {wrong} of {len(found)} classes ({mode})")

    def calibrate(self, slice_ms):
        for mode in MODES:
            self.ask(mode, 8)
            taken = statistics.median(self.ask(mode, 8))
            self.calls[mode] = max(4, round(slice_ms * 1e6 / taken))

    def measure(self, mode):
        taken = self.ask(mode, self.calls[mode])
        self.slices[mode].append(statistics.median(taken))
        return self.slices[mode][-1]

    def figures(self, synfire):
        """Least is the p50 of the fastest slice: the least time of all would be that of an image
        with few active pixels, where work depends on them."""
        if self.failure:
            return {"contender": self.name, "version": self.version, "failure": self.failure}
        of_modes = {
            mode: {"least_ns": min(slices), "p50_ns": statistics.median(slices),
                   "times_synfire_least": min(slices) / min(synfire.slices[mode]),
                   "times_synfire_p50": statistics.median(self.ratios[mode]),
                   "slices": len(slices), "calls_a_slice": self.calls[mode]}
            for mode, slices in self.slices.items()}
        return {"contender": self.name, "version": self.version, "said": self.said,
                "same_classes": self.same_classes,
                "language": "C++" if self.environment is None else "Python", **of_modes}


def environments_in(folder):
    """Makes an environment when it is first asked for, and again when its requirements change."""
    made = {}

    def get(name):
        if name not in made:
            wanted = (HERE / f"{name}.txt").read_text()
            place = folder / name
            installed = place / "installed.txt"
            if not installed.exists() or installed.read_text() != wanted:
                print(f"installing {name}.txt in {place}", flush=True)
                subprocess.run([sys.executable, "-m", "venv", "--clear", place], check=True)
                done = subprocess.run([place / "bin/python", "-m", "pip", "install", "-q", "-r",
                                       HERE / f"{name}.txt"])
                if done.returncode == 0:
                    installed.write_text(wanted)
            made[name] = place if installed.exists() else None
        if made[name] is None:
            raise Failure(f"{name}.txt does not install")
        return made[name]

    return get


def prepare(args, environments):
    """Trained weights, and what data.py makes of them."""
    weights = args.weights
    if weights is None:
        weights = args.work / "spiking.safetensors"
        if not weights.exists():
            subprocess.run([args.build / "synfire", "train", "--net", "spiking", "--data",
                            args.data, "--output", weights], check=True)
    subprocess.run([environments("requirements") / "bin/python", HERE / "data.py", weights,
                    args.data, args.work / "data"], check=True)
    return json.loads((args.work / "data/classes.json").read_text())


def reading(args):
    """Microseconds that merely reading the weights of an image takes, p50 of synfire bench."""
    figures = args.work / "bench.json"
    subprocess.run([args.build / "synfire", "bench", "--net", "spiking", "--threads", "1",
                    "--weights", args.work / "data/weights.safetensors", "--data", args.data,
                    "--repeats", "20000", "--json", figures], check=True,
                   stdout=subprocess.DEVNULL,
                   preexec_fn=lambda: os.sched_setaffinity(0, {args.core}))
    return json.loads(figures.read_text())["weights_read"]["reading_p50_us"]


def race(racers, rounds):
    """A rival that falls silent is out; without Synfire there is no race."""
    synfire, *rivals = racers
    for turn in range(rounds):
        for mode in MODES:
            for rival in rivals:
                if rival.failure:
                    continue
                try:
                    theirs = rival.measure(mode)
                except Failure as failure:
                    rival.failure = str(failure)
                    continue
                rival.ratios[mode].append(theirs / synfire.measure(mode))
            synfire.ratios[mode].append(1.0)
        print(f"\rround {turn + 1} of {rounds}", end="", flush=True)
    print()


def processor():
    fields = dict(line.split(":", 1) for line in open("/proc/cpuinfo") if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    has = fields.get("flags", "").split()
    widths = {"avx512f": "AVX-512", "avx2": "AVX2"}
    width = next((name for flag, name in widths.items() if flag in has), "")
    return ", ".join(filter(None, [fields.get("model name", "?"), width,
                                   "AMX" if "amx_tile" in has else ""]))


def section(report):
    rows, synfire = report["rows"], report["rows"][0]
    lines = [
        f"## Who is fastest on the seed's net? ({report['date']}, {report['processor']}, one core)",
        "",
        f"`{report['command']}`: 784-128-10, relu neurons, dt 0.01, 10 steps, trained weights, "
        "Fashion-MNIST's test images; every contender",
        f"starts from the same voltages and gives the same {report['images']} classes, but for "
        f"{report['ties']} images where rounding decides. "
        f"{synfire['one']['slices']} slices of",
        "Synfire's beside those of its rivals; p50 is the median of the slices' medians, best the "
        "fastest slice's; \"times\" is the median of p50",
        "over Synfire's p50 in the neighbouring slice, then best over Synfire's best. Rivals in "
        "Python come as their documentation writes such",
        "a net, every layer at every step, and by hand, where the product of the constant image is "
        "taken out of the steps; \"said\" was measured",
        "on a Zen 3 processor on rivals as users write them.",
        "",
        "| contender | one image, us: best, p50 | times | said | batch of 256, images/s: best, p50 | times |",
        "| --- | --- | --- | --- | --- | --- |"]
    for row in rows:
        if "failure" in row:
            lines.append(f"| {row['contender']} | {row['failure']} | | | | |")
            continue
        one, batch = row["one"], row["batch"]
        lines.append(
            f"| {row['contender']} | {one['least_ns'] / 1e3:.2f}, {one['p50_ns'] / 1e3:.2f} "
            f"| {one['times_synfire_p50']:.1f}, {one['times_synfire_least']:.1f} "
            f"| {row['said'] or ''} "
            f"| {BATCH * 1e9 / batch['least_ns']:,.0f}, {BATCH * 1e9 / batch['p50_ns']:,.0f} "
            f"| {batch['times_synfire_p50']:.2f}, {batch['times_synfire_least']:.2f} |")
    rivals = [row for row in rows
              if "failure" not in row and not row["contender"].startswith("Synfire")]
    claims = [row for row in rivals if row["said"]]
    kept = [row for row in claims if row["one"]["times_synfire_p50"] >= row["said"]]
    bounds = [(row, row["one"]["p50_ns"] / 1e3 / report["reading_us"]) for row in claims]
    short = [f"{row['contender']}: {row['one']['times_synfire_p50']:.1f} of {row['said']}"
             + (f", out of reach: {bound:.1f} if an image took no longer than reading its weights"
                if bound < row["said"] else "") for row, bound in bounds if row not in kept]
    of_forms = []
    for form in [*FORMS, "in one form"]:
        those = [row for row in claims if form in row["contender"] or
                 form not in FORMS and not any(f in row["contender"] for f in FORMS)]
        of_forms.append(f"{sum(row in kept for row in those)} of {len(those)} {form}")
    nearest = min(rivals, key=lambda row: row["one"]["times_synfire_p50"])
    best = {row["language"]: row for row in
            sorted(rivals, key=lambda row: -row["batch"]["times_synfire_p50"])}
    of_batch = []
    for variant, said in SAID_OF_BATCH.items():
        own = next((row["batch"]["times_synfire_p50"] for row in rows
                    if row["contender"] == f"Synfire {variant}" and "failure" not in row), None)
        if own is not None:
            times = [f"{row['contender']} {row['batch']['times_synfire_p50'] / own:.2f}"
                     for language, row in sorted(best.items())]
            of_batch.append(f"{variant} {', '.join(times)} (said: {said})")
    narrow = [f"{row['contender']} {row['same_classes']}" for row in rows
              if row["contender"].endswith(tuple(NARROW)) and "failure" not in row]
    lines += [
        "",
        *([f"Classes that rounded weights leave the same, of {report['images']}: "
           f"{', '.join(narrow)}."] if narrow else []),
        f"One image: the nearest rival, {nearest['contender']}, takes "
        f"{nearest['one']['times_synfire_p50']:.1f} times as long. Of the ratios that were said, "
        f"{', '.join(of_forms)} are reached.",
        f"Merely reading the weights that an image needs takes {report['reading_us']:.2f} us here "
        "(`synfire bench`).",
        *(["Not reached:", "", *(f"- {line}" for line in short), ""] if short else []),
        "Batch: times as long as Synfire, the best rival in each language: "
        f"{'; '.join(of_batch)}.",
        f"Versions: {'; '.join(dict.fromkeys(row['version'] for row in rivals))}.",
        "",
        "![Time of one image and images a second in a batch](seed/seed.svg)", ""]
    return "\n".join(lines)


def put_section(path, text):
    """In place of the section of the same question, or at the end."""
    question = text[:text.index("?") + 1]
    parts = path.read_text().split("\n## ")
    kept = [part for part in parts[1:] if not f"## {part}".startswith(question)]
    places = [i for i, part in enumerate(parts[1:]) if f"## {part}".startswith(question)]
    kept.insert(places[0] if places else len(kept), text.removeprefix("## "))
    path.write_text("\n## ".join(part.rstrip("\n") + "\n" for part in [parts[0], *kept]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--work", type=pathlib.Path, default=CACHE / "synfire/bench/seed",
                        help="environments, weights, data and logs")
    parser.add_argument("--weights", type=pathlib.Path, help="trained weights of the net spiking")
    parser.add_argument("--data", type=pathlib.Path,
                        default=pathlib.Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--only", nargs="+", metavar="FILE", help="rivals by their file's stem")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--slice", type=float, default=10, help="milliseconds")
    parser.add_argument("--json", type=pathlib.Path, help="figures; default: in the work folder")
    parser.add_argument("--dry", action="store_true", help="leave RESULTS.md and the picture alone")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)

    subprocess.run(["ninja", "-C", args.build, "synfire", "bench_seed"], check=True)
    environments = environments_in(args.work)
    expected = prepare(args, environments)

    contenders = [Contender(*row) for row in CONTENDERS]
    if args.only:
        contenders = [contenders[0], *(c for c in contenders[1:]
                                       if pathlib.Path(c.file).stem in args.only)]
    for contender in contenders:
        with open(args.work / f"{contender.name}.log", "w") as log:
            try:
                contender.start(args, environments, log)
                contender.check(expected)
                contender.calibrate(args.slice)
            except Failure as failure:
                contender.failure = str(failure)
        print(f"{contender.name}: {contender.failure or contender.version}", flush=True)
    if contenders[0].failure:
        sys.exit("Synfire itself does not run")
    reading_before = reading(args)
    race([c for c in contenders if not c.failure], args.rounds)
    for contender in contenders:
        if contender.process:
            contender.process.stdin.close()
    reading_us = statistics.median([reading_before, reading(args)])

    report = {"date": datetime.date.today().isoformat(), "processor": processor(),
              "command": "python3 bench/seed/run.py", "images": len(expected["classes"]),
              "ties": len(expected["ties"]), "reading_us": reading_us,
              "spikes_an_image": expected["spikes_an_image"],
              "rows": [contender.figures(contenders[0]) for contender in contenders]}
    figures = args.json or args.work / "figures.json"
    figures.write_text(json.dumps(report, indent=1) + "\n")
    text = section(report)
    print(text)
    if not args.dry:
        put_section(ROOT / "bench/RESULTS.md", text)
        subprocess.run([sys.executable, HERE / "plot.py", HERE / "seed.svg", figures], check=True)


if __name__ == "__main__":
    main()
