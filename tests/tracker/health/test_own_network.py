"""Our own network: when it is at fault, and which checks are corrected."""

from datetime import timedelta

import attrs
import pytest

from tests.helpers.factories import AT_START, START, finding, provider
from tracker.core.clock import ClockReading
from tracker.core.outcomes import CheckResult, Facts, OutcomeKind, Status
from tracker.health.own_network import OwnNetwork, find_host
from tracker.health.provider_state import ProviderState

DNS, CONNECT, OK, SERVER = (
    OutcomeKind.DNS,
    OutcomeKind.CONNECT,
    OutcomeKind.OK,
    OutcomeKind.SERVER,
)


def watching(*urls: str) -> OwnNetwork:
    network = OwnNetwork()
    for number, url in enumerate(urls):
        network.watch(f"p{number}", url, enabled=True)
    return network


def result(name: str, kind: OutcomeKind) -> CheckResult:
    return finding(kind, provider=name, at=START)


def away(network: OwnNetwork, *checks: tuple[str, OutcomeKind]) -> list[bool]:
    return [network.record(result(name, kind)) for name, kind in checks]


FOUR = tuple(f"https://{name}.example/v1" for name in "abcd")


def test_three_hosts_one_after_the_other_blame_our_network() -> None:
    checks = [("p0", DNS), ("p1", CONNECT), ("p2", DNS), ("p0", DNS)]
    assert away(watching(*FOUR), *checks) == [False, False, True, True]


def test_an_answer_in_between_clears_our_network() -> None:
    network = watching(*FOUR)
    checks = [("p0", DNS), ("p1", DNS), ("p3", SERVER), ("p2", DNS)]
    assert away(network, *checks) == [False] * 4


def test_the_first_answer_ends_the_fault_of_our_network() -> None:
    network = watching(*FOUR)
    away(network, ("p0", DNS), ("p1", DNS), ("p2", DNS))
    assert network.away
    network.record(result("p3", OK))
    assert not network.away
    assert network.suspects == set()


@pytest.mark.parametrize(
    ("urls", "expected"),
    [
        (FOUR[:2], [False, True]),  # all of them, when only two are watched
        ((*FOUR[:1], *FOUR[:1]), [False, False]),  # one host says nothing about our network
        (("http://127.0.0.1:1", "http://localhost:2"), [False, False]),
    ],
)
def test_with_few_hosts_all_of_them_have_to_fail(
    urls: tuple[str, ...], expected: list[bool]
) -> None:
    assert away(watching(*urls), ("p0", DNS), ("p1", DNS)) == expected


def test_a_removed_provider_no_longer_counts() -> None:
    network = watching(*FOUR)
    away(network, ("p0", DNS), ("p1", DNS))
    network.forget("p0")
    network.watch("p1", FOUR[1], enabled=False)
    assert away(network, ("p2", DNS), ("p3", DNS)) == [False, True]  # two are left: both


def test_providers_on_this_machine_say_nothing_about_the_network() -> None:
    assert find_host("https://api.example:8443/v1") == "api.example"
    assert find_host("http://[::1]:9/v1") is None
    assert find_host("http://[nonsense") is None


def test_failures_already_counted_are_corrected() -> None:
    state = ProviderState(attrs.evolve(provider("a"), base_url=FOUR[0]))
    state.record_check(finding(OK, provider="a", at=START), 300.0, AT_START)
    before = state.refresh(AT_START)
    for second in (1, 3):
        now = ClockReading(START + timedelta(seconds=second), float(second))
        failed = finding(DNS, provider="a", at=now.at, facts=Facts(reachable=False))
        state.record_check(failed, 300.0, now)
    assert state.refresh(now).consecutive_failures == 2
    corrections = list(state.set_network_away(True, now))
    assert [each.at for each in corrections] == [
        START + timedelta(seconds=1),
        START + timedelta(seconds=3),
    ]
    shown = state.refresh(now)
    assert (shown.status, shown.reason) == (Status.UNKNOWN, "our network cannot be reached")
    assert (shown.consecutive_failures, shown.uptime) == (0, before.uptime)
    assert list(state.set_network_away(False, now)) == []
    state.record_check(finding(OK, provider="a", at=now.at), 300.0, now)
    assert state.refresh(now).status is Status.HEALTHY
