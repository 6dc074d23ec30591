"""What doctor finds out about a hub, on a real one."""

import socket
import threading
import time

import pytest

from tests.helpers.postgres import PostgresServer
from tracker.cluster.examine import examine
from tracker.cluster.hub import SCHEMA, Profile
from tracker.cluster.postgres import PostgresHub
from tracker.core.redaction import Secret

pytestmark = pytest.mark.needs_program("PostgreSQL")


def found(url: Secret, schema: int = SCHEMA) -> dict[str, str]:
    return {each.found: each.level for each in examine(url, schema, "eu-1")}


def test_a_good_hub_has_no_problem(hub_url: Secret) -> None:
    levels = found(hub_url)
    assert set(levels.values()) == {"ok"}
    assert any("notifications arrive" in told for told in levels)
    assert any("without TLS" in told for told in levels)


def test_the_owners_url_is_reported_as_too_privileged(hub_url: Secret) -> None:
    owner = Secret(hub_url.reveal().replace("//tracker@", "//postgres@"))
    assert found(owner)["the role may delete data of other trackers"] == "problem"


def test_an_older_hub_and_a_database_without_one(hub_url: Secret, database: str) -> None:
    assert any(f"needs {SCHEMA + 1}" in told for told in found(hub_url, SCHEMA + 1))
    assert any("does not have the hub's tables yet" in told for told in found(Secret(database)))


def test_a_wrong_url_ends_it_with_a_sentence(postgres: PostgresServer, hub_url: Secret) -> None:
    wrong = Secret(hub_url.reveal().replace(f":{postgres.port}", ":1"))
    assert found(wrong) == {
        "the hub cannot be used: nothing listens at this address: connection refused": "problem"
    }


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://u:pass@127.0.0.1:99999/hub", "port is not a number from 1 to 65535"),
        ("postgresql://127.0.0.1:pass/hub", "port is not a number from 1 to 65535"),
        ("postgresql://u:pass@127.0.0.1/hub?sslmode=pass", "sslmode is none that PostgreSQL knows"),
        ("postgresql://u:pass@127.0.0.1/hub?passing=1", "an option that PostgreSQL does not know"),
        ("postgresql://u:pass%zz@127.0.0.1/hub", "a wrong %"),
        ("postgresql://u:pass@127.0.0.1/hub?hostaddr=255.255.255.255", "cannot be reached"),
    ],
)
def test_a_url_that_cannot_be_right_is_explained_without_its_password(url: str, told: str) -> None:
    (sentence,) = found(Secret(url))
    assert told in sentence
    assert "pass" not in sentence


@pytest.mark.parametrize("tls", ["", "?sslmode=disable"])
def test_another_program_at_the_port_is_reported_as_such(tls: str) -> None:
    def answer() -> None:
        client, _ = server.accept()
        with client:
            client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            while client.recv(1024):  # until it goes away: a reset would lose what was sent
                pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer)
        thread.start()
        (sentence,) = found(Secret(f"postgresql://u@127.0.0.1:{server.getsockname()[1]}/hub{tls}"))
        thread.join()
    assert "what answers at this address is not PostgreSQL: look at the port" in sentence


@pytest.mark.parametrize(("hours", "told"), [(2, "7200 s ahead of"), (-2, "7200 s behind")])
def test_a_clock_that_is_hours_off_is_reported(
    hub_url: Secret, monkeypatch: pytest.MonkeyPatch, hours: int, told: str
) -> None:
    right = time.time
    monkeypatch.setattr("tracker.cluster.examine.time.time", lambda: right() + hours * 3600.0)
    wrong = {what: level for what, level in found(hub_url).items() if told in what}
    assert set(wrong.values()) == {"problem"}


def test_a_vantage_in_two_places_is_reported(postgres: PostgresServer, hub_url: Secret) -> None:
    hub = PostgresHub(hub_url)
    for number, fastest in enumerate((1.0, 90.0)):
        who = Profile(vantage="eu-1", origin=f"{number:08d}-0000-4000-8000-000000000000")
        hub.open_origin(who, f"file {number}", 0)
        hub.beat(hub.join(who, []).member, fastest)
    hub.close()
    wrong = [what for what, level in found(hub_url).items() if level == "problem"]
    assert len(wrong) == 1
    assert "vantage eu-1 seem to be in different places" in wrong[0]
