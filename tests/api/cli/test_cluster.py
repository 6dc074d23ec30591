"""``cluster status`` and ``cluster migrate``, as an operator reads them."""

import json
import sys
from typing import Any

import pytest

from tests.helpers.command_line import Commands, answering, command
from tracker.cluster import migrate as migration
from tracker.cluster.hub import HubAway
from tracker.cluster.migrate import Migrated
from tracker.core.redaction import Secret

__all__ = ["command"]
OWNER = {"PROVIDER_STATUS_POSTGRES_OWNER": "postgresql://owner:hidden@127.0.0.1:1/hub"}
CLUSTER: dict[str, Any] = {
    "vantage": "eu",
    "hub_up": True,
    "reason": "",
    "alone": False,
    "members": [
        {"vantage": "eu", "url": "http://one", "version": "1", "leases": 3, "ourselves": True},
        {"vantage": "us", "url": "http://two", "version": "1", "leases": 0, "ourselves": False},
    ],
    "leases": 3,
    "herald": True,
    "lag": 7,
    "skipped": 0,
    "skew_seconds": -0.254,
    "takeovers": 0,
    "solo_checks": 0,
    "problems": ["one problem"],
}


def http(document: dict[str, Any], status: str = "200 OK") -> bytes:
    body = json.dumps(document).encode()
    kind = "application/json" if status.startswith("200") else "application/problem+json"
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def test_status_shows_members_and_problems(command: Commands) -> None:
    with answering(http(CLUSTER)) as url:
        ran = command("cluster", "status", "--url", url)
    assert ran.code == 0
    own, other = (line for line in ran.out.splitlines() if "http://" in line)
    assert own.split() == ["eu", "http://one", "1", "3", "this", "tracker"]
    assert other.split() == ["us", "http://two", "1", "0"]
    assert "the hub answers" in ran.out
    assert "checks waiting for the hub: 7; refused: 0; its clock: -0.25 s" in ran.out
    assert ran.out.rstrip().endswith("one problem")


def test_status_ends_with_1_while_the_hub_cannot_be_used(command: Commands) -> None:
    with answering(http(CLUSTER | {"hub_up": False, "skew_seconds": None})) as url:
        ran = command("cluster", "status", "--url", url)
    assert ran.code == 1
    assert "the hub cannot be used" in ran.out
    assert "its clock: unknown" in ran.out


def test_status_of_a_tracker_without_a_cluster_says_so(command: Commands) -> None:
    detail = "This tracker is not part of a cluster: its configuration has no [cluster]."
    problem = {"status": 404, "title": "Not Found", "detail": detail}
    with answering(http(problem, "404 Not Found")) as url:
        ran = command("cluster", "status", "--url", url)
    assert ran.code != 0
    assert detail in ran.err


@pytest.mark.parametrize(
    ("done", "code", "said"),
    [
        (Migrated(before=0, after=4), 0, "migrated to schema 4"),
        (Migrated(before=2, after=4), 0, "migrated from schema 2 to schema 4"),
        (Migrated(before=4, after=4, missing_roles=("reader",)), 1, "CREATE ROLE reader NOLOGIN"),
    ],
)
def test_migrate_says_what_was_done_and_what_is_left(
    command: Commands, monkeypatch: pytest.MonkeyPatch, done: Migrated, code: int, said: str
) -> None:
    asked: list[tuple[str, int]] = []

    def run(url: Secret, retention_days: int) -> Migrated:
        asked.append((url.reveal(), retention_days))
        return done

    monkeypatch.setattr(migration, "migrate", run)
    ran = command("cluster", "migrate", "--retention-days", "9", **OWNER)
    assert (ran.code, asked) == (code, [(*OWNER.values(), 9)])
    assert said in ran.out
    assert "hidden" not in ran.out + ran.err


def test_migrate_without_a_hub_says_why_and_no_password(
    command: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(_: Secret, __: int) -> Migrated:
        raise HubAway("nobody listens there")

    monkeypatch.setattr(migration, "migrate", run)
    ran = command("cluster", "migrate", **OWNER)
    assert (ran.code, ran.out.strip()) == (1, "not migrated: nobody listens there")


def test_migrate_names_the_variable_that_is_not_set(command: Commands) -> None:
    ran = command("cluster", "migrate")
    assert ran.code == 2
    assert "PROVIDER_STATUS_POSTGRES_OWNER is not set" in ran.err


def test_migrate_without_the_driver_names_the_extra(
    command: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tracker.cluster.migrate", None)
    ran = command("cluster", "migrate", **OWNER)
    assert ran.code == 2
    assert "pip install 'provider-status-tracker[server,postgres]'" in ran.err
