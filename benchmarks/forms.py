"""What every form of a request costs, compared with the plain one: ``python -m benchmarks.forms``.

One server over 15 simulated providers, one that requires a read token, and one without a usable
provider; the forms take turns, one round each. The ratio is to the plain form of the same server.
"""

import statistics
from collections.abc import Iterator

from benchmarks.load import Load, load
from benchmarks.served import TOKEN
from benchmarks.serving import served
from benchmarks.table import Figure, row

BEST, STATUS = "/api/providers/best", "/api/providers/status"
NAME = "provider-0003"
FORMS = {
    "plain": BEST,
    "candidates": f"{BEST}?candidates=provider-0001,{NAME},provider-0007",
    "exclude": f"{BEST}?exclude={NAME}",
    "both": f"{BEST}?candidates=provider-0001,{NAME},provider-0007&exclude={NAME}",
    "model": f"{BEST}?model=gpt-oss-20b",
    "status": STATUS,
    "one provider": f"{STATUS}/{NAME}",
    "an unknown one": f"{STATUS}/nobody",
    "livez": "/livez",
}
LIMIT = 2.0
FIELDS = {"locked": f"Authorization: Bearer {TOKEN}\r\n".encode()}


def measure(*, rounds: int = 5, seconds: float = 1.0) -> Iterator[Figure]:
    for kind in ("ours", "locked", "unusable"):
        with served(kind) as (pid, url):
            taken: dict[str, list[Load]] = {form: [] for form in FORMS}
            for _ in range(rounds):
                for form, path in FORMS.items():
                    taken[form].append(
                        load(pid, f"{url}{path}", seconds=seconds, fields=FIELDS.get(kind, b""))
                    )
        yield from figures(kind, taken)


def figures(kind: str, taken: dict[str, list[Load]]) -> Iterator[Figure]:
    for form, loads in taken.items():
        ratios = [
            one.cpu_us / plain.cpu_us for one, plain in zip(loads, taken["plain"], strict=True)
        ]
        note = f"p99 {statistics.median([one.p99 for one in loads]):.1f} ms"
        cpu = [one.cpu_us for one in loads]
        what = f"{kind}, {form}"
        yield Figure(what, cpu, "µs CPU", statistics.median(ratios), LIMIT, note)


if __name__ == "__main__":
    for figure in measure():
        print(row(figure), flush=True)
