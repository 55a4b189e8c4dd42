"""Every C++ file is as clang-format makes it."""

import pathlib
import subprocess
import sys

root, clang_format = pathlib.Path(sys.argv[1]), sys.argv[2]

files = [
    str(path)
    for folder in ["include", "dsl", "src", "tests", "bench", "examples"]
    for path in sorted((root / folder).rglob("*.[ch]pp"))
]
sys.exit(subprocess.run([clang_format, "--dry-run", "--Werror", *files]).returncode)
