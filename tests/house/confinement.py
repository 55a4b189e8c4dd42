"""Each library has its room, and includes go one way:
cli -> nets -> dsl -> include <- kernels, runtime, train, io, report."""

import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])

# What is included -> the folders that may.
ROOMS = [
    (r"boost/", ["dsl"]),
    (r"hwy/", ["src/kernels", "tests/kernels"]),
    (r"tbb/|oneapi/", ["src/runtime"]),
    (r"dnnl", ["src/train", "bench"]),
    (r"Random123/", ["src/kernels", "src/runtime", "tests/kernels", "tests/runtime"]),
    (r"zlib\.h|openssl/|curl/|hdf5", ["src/io", "tests/io"]),
    (r"toml\+\+/", ["src/io"]),
    (r"nlohmann/", ["src", "tests"]),
    (r"fmt/", ["src", "bench"]),
    (r"CLI/", ["src/cli"]),
    (r"catch2/|rapidcheck", ["tests"]),
    (r"benchmark/", ["bench", "src/cli"]),
    (r"synfire/dsl", ["dsl", "src/nets", "examples", "tests", "bench"]),
    (r"kernels/", ["src/kernels", "tests/kernels"]),
    (r"runtime/", ["src/runtime"]),
    (r"train/", ["src/train", "src/nets"]),
    (r"io/", ["src/io"]),
    (r"report/", ["src/report", "src/cli"]),
    (r"nets/", ["src/nets", "src/cli"]),
]

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')

faults = []
files = 0
for folder in ["include", "dsl", "src", "tests", "bench", "examples"]:
    for path in sorted((root / folder).rglob("*.[ch]pp")):
        files += 1
        place = path.relative_to(root).as_posix()
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = INCLUDE.match(line)
            if not found:
                continue
            for pattern, allowed in ROOMS:
                if re.match(pattern, found[1]) and not any(place.startswith(a + "/") for a in allowed):
                    faults.append(f"{place}:{number}: {found[1]} belongs to {', '.join(allowed)}")

print("\n".join(faults) or f"{files} files include nothing from another room")
sys.exit(bool(faults) or files == 0)
