#!/usr/bin/env python3
"""Must-not-compile tests. Each case holds a sound half and, under FAULTY, a faulty one.

  run.py COMPILER CASE [FLAG...]

The sound half must compile without a word. The faulty half must give exactly one error, with the
case's `sentence:`, and the fragments of its `names:` (layer, what it got, what it wanted; `...`
stands for anything) in the same diagnostic. The case uses every expansion of the broken network, so a
fault that shows up later as a second error fails the test.
"""
import pathlib
import re
import subprocess
import sys


def compile_case(compiler, case, flags):
    command = [compiler, "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", *flags, case]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def fragment_found(fragment, text):
    return re.search(".*?".join(re.escape(part) for part in fragment.split("...")), text)


def main():
    compiler, case, *flags = sys.argv[1:]
    source = pathlib.Path(case).read_text()
    sentence = re.search(r"^// sentence: (.*)$", source, re.M).group(1)
    names = [name.strip() for name in re.search(r"^// names: (.*)$", source, re.M).group(1).split("|")]

    sound = compile_case(compiler, case, flags)
    if sound.returncode != 0 or sound.stderr:
        sys.exit(f"the sound half does not compile cleanly:\n{sound.stderr}")

    faulty = compile_case(compiler, case, [*flags, "-DFAULTY"])
    text = faulty.stderr.replace("synfire::", "").replace("> >", ">>")
    errors = [line for line in text.splitlines() if re.search(r"\berror:", line)]
    if faulty.returncode == 0:
        sys.exit("the faulty half compiles")
    if len(errors) != 1:
        sys.exit(f"{len(errors)} errors where one was wanted:\n{faulty.stderr}")
    if sentence not in errors[0]:
        sys.exit(f"the error does not say '{sentence}':\n{faulty.stderr}")
    for name in names:
        if not fragment_found(name, text.replace("\n", " ")):
            sys.exit(f"the diagnostic does not name {name}:\n{faulty.stderr}")


main()
