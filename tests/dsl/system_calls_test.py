"""An engine that was made makes no system call while it runs, as strace sees it."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77

program = sys.argv[1]
if shutil.which("strace") is None:
    print("skipped: there is no strace (package strace)")
    sys.exit(SKIPPED)

with tempfile.TemporaryDirectory(prefix="synfire-strace-") as folder:
    trace = pathlib.Path(folder) / "trace"
    if subprocess.run(["strace", "-o", trace, "true"], stderr=subprocess.DEVNULL).returncode != 0:
        print("skipped: this machine forbids tracing")
        sys.exit(SKIPPED)
    # The leak sanitizer is a tracer itself, and there can be but one.
    leaks = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "detect_leaks=0"]))
    subprocess.run(["strace", "-f", "-o", trace, program], check=True,
                   env={**os.environ, "ASAN_OPTIONS": leaks})
    lines = trace.read_text().splitlines()

calls = {}  # by what is between the marks
inside = None
for line in lines:
    if begin := re.search(r'write\(-1, "begin ([^"]*)"', line):
        inside = calls.setdefault(begin[1], [])
    elif 'write(-1, "end"' in line:
        inside = None
    elif inside is not None:
        inside.append(line)

assert len(calls.pop("a system call")) == 1, "the trace does not show what is done between marks"
assert len(calls) >= 5, f"the nets run are {list(calls)}"
for net, made in calls.items():
    print(f"{net}: {len(made)} system calls", *made, sep="\n  ")
sys.exit(any(calls.values()))
