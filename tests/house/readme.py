"""README's own words: its C++ is compiled, its commands are run.

readme.py extract README OUTPUT            writes the C++ block
readme.py run README SYNFIRE PROGRAM CI    runs the commands in their order, small, then the program
"""

import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
SETUP = ".ci/setup"
# What makes a command small; everything else runs as it stands.
SMALL = {"tutorial": ["--quick"], "train": ["--limit", "2000", "--epochs", "1"]}


def blocks(readme, language):
    return [text for kind, text in BLOCK.findall(pathlib.Path(readme).read_text())
            if kind == language]


def extract(readme, output):
    (program,) = blocks(readme, "cpp")
    pathlib.Path(output).write_text(program)


def run(readme, synfire, program, ci):
    synfire, program = (str(pathlib.Path(path).resolve()) for path in (synfire, program))
    commands = [line for block in blocks(readme, "sh") for line in block.splitlines() if line]
    setup = [line for line in commands if line.startswith(SETUP)]
    assert len(setup) == 2, "README has two commands that do all the set-up"
    assert any(line.endswith("build/synfire tutorial") for line in setup)
    (test,) = [line for line in setup if "meson test" in line]
    assert test in pathlib.Path(ci).read_text(), f"{ci} does not run: {test}"

    with tempfile.TemporaryDirectory(prefix="synfire-readme-") as folder:
        ran = 0
        for line in commands:
            words = shlex.split(line.split("&&")[-1], comments=True)
            if words[0] != "build/synfire":
                continue
            words += SMALL.get(words[1], [])
            done = subprocess.run([synfire, *words[1:]], cwd=folder, text=True,
                                  capture_output=True, timeout=240)
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
            ran += 1
        assert ran >= 5, "README's tasks are commands"
        done = subprocess.run([program], cwd=folder, text=True, capture_output=True, timeout=60)
        assert done.returncode == 0 and "spiking_3" in done.stdout, done.stdout + done.stderr
        print(done.stdout)


if __name__ == "__main__":
    {"extract": extract, "run": run}[sys.argv[1]](*sys.argv[2:])
