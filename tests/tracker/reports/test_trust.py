"""A reporter whose failures no check confirms is not trusted for ten minutes."""

from tracker.reports.trust import DISTRUST_SECONDS, LATE_SECONDS, MOST_REPORTERS, ReporterTrust


def settle(
    trust: ReporterTrust, *confirmed: bool, reporter: str = "liar", now: float = 0.0
) -> None:
    for one in confirmed:
        trust.accuse(reporter, "groq")
        trust.settle("groq", now, confirmed=one)


def test_three_unconfirmed_in_a_row_end_the_trust_for_ten_minutes() -> None:
    trust = ReporterTrust()
    settle(trust, False, False)
    assert trust.is_trusted("liar", 0.0)
    settle(trust, False)
    assert not trust.is_trusted("liar", DISTRUST_SECONDS - 1.0)
    assert trust.is_trusted("liar", DISTRUST_SECONDS)
    assert [one.reporter for one in trust.untrusted(1.0)] == ["liar"]
    assert not trust.untrusted(DISTRUST_SECONDS)


def test_a_confirmed_failure_begins_the_count_again() -> None:
    trust = ReporterTrust()
    settle(trust, False, False, True)
    settle(trust, False, False, now=LATE_SECONDS)
    assert trust.is_trusted("liar", LATE_SECONDS)
    settle(trust, False, now=LATE_SECONDS)
    assert not trust.is_trusted("liar", LATE_SECONDS)


def test_late_reports_of_a_past_outage_do_not_cost_trust() -> None:
    trust = ReporterTrust()
    settle(trust, False, False, True, False, False, False, now=5.0)
    assert trust.is_trusted("liar", 5.0)
    trust.accuse("liar", "mistral")  # where no check had failed
    trust.settle("mistral", 6.0, confirmed=False)
    assert trust.is_trusted("liar", 6.0)


def test_only_reporters_of_failures_are_judged() -> None:
    trust = ReporterTrust()
    settle(trust, False, False, False)
    assert trust.is_trusted("honest", 0.0)


def test_a_check_judges_each_report_once() -> None:
    trust = ReporterTrust()
    trust.accuse("liar", "groq")
    for _ in range(5):
        trust.settle("groq", 0.0, confirmed=False)
    assert trust.is_trusted("liar", 0.0)


def test_invented_names_do_not_fill_the_memory() -> None:
    trust = ReporterTrust()
    for n in range(2 * MOST_REPORTERS):
        settle(trust, False, False, False, reporter=f"r{n}")
    assert len(trust.untrusted(0.0)) == MOST_REPORTERS
