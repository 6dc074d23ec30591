"""docs/cluster.md has a part for what each row of benchmarks.cluster prints, and nothing else."""

import re
from pathlib import Path

from benchmarks.cluster import RUNS

PAGE = (Path(__file__).parents[2] / "docs" / "cluster.md").read_text()


def test_every_row_has_a_part_that_a_run_has_filled() -> None:
    parts = dict(
        re.findall(
            r"<!-- printed by the benchmark cluster (\w+) -->\n```text\n(.*?)```", PAGE, re.DOTALL
        )
    )
    assert set(parts) == set(RUNS)
    for name, text in parts.items():
        assert re.match(r"commit \w+\+?, .*, load [\d.]+ at the start, ", text), name
        assert f"\n{name}" in text, name
