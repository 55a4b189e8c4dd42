"""Instructions of each kernel as callgrind counts them, against the table in bench/RESULTS.md: none
may take a tenth more than is written there. instructions_test.py PROGRAM RESULTS.md"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
SECTION = "## How many instructions does each kernel take?"

program, results = sys.argv[1:]
if shutil.which("valgrind") is None:
    print("skipped: there is no callgrind (package valgrind)")
    sys.exit(SKIPPED)

section = pathlib.Path(results).read_text().split(SECTION)[1].split("\n## ")[0]
recorded = {name: int(count.replace(",", ""))
            for name, count in re.findall(r"^\| ([a-z]\w+) \| ([\d,]+) \|", section, re.M)}

with tempfile.TemporaryDirectory(prefix="synfire-callgrind-") as folder:
    made = subprocess.run(["valgrind", "-q", "--tool=callgrind",
                           f"--callgrind-out-file={folder}/counts", program],
                          stdout=subprocess.PIPE, text=True)
    if made.returncode != 0:
        print(made.stdout)
        sys.exit(made.returncode)
    counted = {}
    for dump in sorted(pathlib.Path(folder).iterdir(), key=lambda path: path.stat().st_mtime_ns):
        text = dump.read_text()
        if name := re.search(r"^desc: Trigger: Client Request: (\w+)", text, re.M):
            counted[name[1]] = int(re.search(r"^(?:totals|summary): (\d+)", text, re.M)[1])

print("| kernel | instructions |\n| --- | --- |")
for name, count in counted.items():
    print(f"| {name} | {count:,} |")
assert counted.keys() == recorded.keys(), \
    f"counted but not recorded, or the other way: {sorted(counted.keys() ^ recorded.keys())}"
grown = [f"{name}: {count:,} instructions, {recorded[name]:,} are recorded"
         for name, count in counted.items() if count > 1.1 * recorded[name]]
print(*grown, sep="\n")
sys.exit(bool(grown))
