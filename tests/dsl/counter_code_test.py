"""An engine that does not count has no code that does: nothing in its object names the counts, and
it calls no kernel that takes a census. counter_code_test.py NM PLAIN COUNTING, which are objects or
archives of them."""

import re
import subprocess
import sys

COUNTS = re.compile(r"StepCounts|LayerCounts|NeuronCounts|SynapseCounts|Census|fire_counted|fire_total_counted|leaky_counted")


def named(nm, objects):
    """Symbols that it has or calls, by name."""
    text = subprocess.run([nm, "-C", objects], check=True, stdout=subprocess.PIPE, text=True).stdout
    return [line for line in text.splitlines() if COUNTS.search(line)]


nm, plain, counting = sys.argv[1:]
assert named(nm, counting), "the engine that counts is not seen to: this test sees nothing"
found = named(nm, plain)
print(*found, sep="\n")
sys.exit(bool(found))
