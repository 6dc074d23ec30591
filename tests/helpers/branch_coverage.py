"""``python -m tests.helpers.branch_coverage coverage.json``: print each package's branch coverage.

Ends with 1 where a package falls below the share that it has reached, and names the modules with
the most branches left while one is below the share that this project wants.
"""

import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# The minimum, slightly below what was reached: a killed process reports no branches, and which one
# is killed varies. Raise the figures as tests are added.
LEAST_PERCENT = {"tracker": 95.0, "api": 95.0}
WANTED_PERCENT = 95.0
LISTED = 10  # modules to look at first


def branch_percent(files: Mapping[str, Any], package: str) -> float:
    """Return the percentage of the package's branches that some test took; 100 without a branch."""
    found = [file["summary"] for path, file in files.items() if path.startswith(f"{package}/")]
    branches = sum(summary["num_branches"] for summary in found)
    return 100.0 * sum(s["covered_branches"] for s in found) / branches if branches else 100.0


def main(report: str) -> int:
    files = json.loads(Path(report).read_text())["files"]
    percents = {package: branch_percent(files, package) for package in LEAST_PERCENT}
    told = ", ".join(
        f"{package} {percent:.1f} % (at least {LEAST_PERCENT[package]:g} %)"
        for package, percent in percents.items()
    )
    sys.stdout.write(f"branch coverage: {told}; wanted: {WANTED_PERCENT:g} %\n")
    if min(percents.values()) < WANTED_PERCENT:
        left = Counter({path: file["summary"]["missing_branches"] for path, file in files.items()})
        for path, count in left.most_common(LISTED):
            sys.stdout.write(f"{count:5} branches left in {path}\n")
    return int(any(percent < LEAST_PERCENT[name] for name, percent in percents.items()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
