"""The figures of docs/reliability.md are those that the runs kept, with the version of each."""

import json

from benchmarks.torture.report import BEGIN, DOCUMENT, END, FIGURES, table, versions


def test_the_figures_of_the_page_are_those_of_the_file() -> None:
    shown = DOCUMENT.read_text().partition(BEGIN)[2].partition(END)[0]
    assert shown.strip() == table(json.loads(FIGURES.read_text())).strip()


def test_every_section_has_its_version() -> None:
    kept = {
        "kills": {"commit": "aaa", "committed": "2026-11-27T01:00Z", "ended": "2026-11-28T02:00Z"},
        "torn": {"commit": "bbb", "ended": "2026-11-26T02:00Z"},
        "soak": {"commit": "bbb", "ended": "2026-11-26T01:00Z"},
    }
    told = "\n".join(versions(kept))
    assert "of 2 versions" in told
    assert told.index("| aaa | 2026-11-27 | kills |") < told.index(
        "| bbb | 2026-11-26 | soak, torn |"
    )
    assert versions({"kills": kept["kills"]}) == [
        "All sections are of one version, commit aaa.",
        "",
    ]
