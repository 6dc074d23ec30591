"""doctor: each problem is found, with a hint, and nothing is touched."""

import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
import trio

from api.cli import diagnostics as examining
from api.cli.diagnostics import Diagnostic
from tests.helpers.command_line import Commands, answering, command, serving, watched
from tests.helpers.real_tracker import real_tracker
from tests.helpers.waiting import GIVE_UP_SECONDS
from tracker.core.redaction import Secret
from tracker.core.settings import Provider, ServerSettings

__all__ = ["command"]
HERE = "http://127.0.0.1:9/v1"
NOW = datetime.now(UTC) + timedelta(hours=1)


@pytest.fixture
def sound(command: Commands) -> Commands:
    command.configured(watched("mine", HERE))
    return command


def of(found: Any, area: str) -> list[tuple[str, str]]:
    """Level and text of what was found in one area."""
    return [(s["level"], s["found"]) for s in found.json["symptoms"] if s["area"] == area]


def problems(found: Any) -> list[dict[str, str]]:
    return [s for s in found.json["symptoms"] if s["level"] == "problem"]


def test_doctor_finds_no_problem_on_a_working_machine(sound: Commands) -> None:
    found = sound("doctor", "--port", "0", "--json", PROVIDER_STATUS_ADMIN_TOKEN="t" * 20)
    assert (found.code, found.json["problems"], problems(found)) == (0, 0, [])
    assert of(found, "dns") == [("ok", "127.0.0.1 resolves (mine)")]
    assert of(found, "provider") == [("ok", "mine: needs no key")]
    assert {s["area"] for s in found.json["symptoms"]} == {
        *("configuration", "provider", "dns", "clock", "disk", "database", "port")
    }


def test_doctor_changes_nothing(sound: Commands) -> None:
    before = sorted(sound.folder.iterdir())
    assert sound("doctor", "--port", "0").code == 0
    assert sorted(sound.folder.iterdir()) == before


def test_doctors_table_says_what_to_do(command: Commands) -> None:
    found = command("doctor", "--port", "0", COLUMNS="80")
    assert found.code == 1
    text = " ".join(found.out.split())
    assert "no provider is configured" in text
    assert text.endswith("problems: 1")
    assert max(map(len, found.out.splitlines())) <= 80


def test_every_mistake_of_the_file_is_a_problem(sound: Commands) -> None:
    sound.configured("[server]\nport = 99999", watched("mine", "gopher://x"))
    found = sound("doctor", "--port", "0", "--json")
    assert found.code == 1
    told = [text for level, text in of(found, "configuration") if level == "problem"]
    assert len(told) == 2
    assert any("server.port" in text for text in told)
    assert sound("doctor", "--port", "99999").code == 1


def test_settings_of_an_invalid_file_are_not_checked_further(sound: Commands, taken: int) -> None:
    where = ("--host", "0.0.0.0", "--port", taken, "--database", "no/such/p.db")
    sound.configured('[server]\ncolour = "red"', watched("mine", HERE))
    found = sound("doctor", *where, "--json")
    (problem,) = problems(found)
    assert problem["area"] == "configuration"
    assert {s["area"] for s in found.json["symptoms"]} == {"configuration", "clock"}
    assert found.json["symptoms"][-1]["found"].endswith("not checked before this is fixed")


def test_missing_variables_are_reported_and_found_ones_named(command: Commands) -> None:
    (command.folder / "tracker.toml").unlink()
    bases = {f"{name}_API_BASE": HERE for name in KEYLESS}
    keys = {"GROQ_API_KEY": "sk-canary-0123456789", "GROQ_API_BASE": HERE}
    found = command("doctor", "--port", "0", "--json", **keys, **bases)
    assert ("ok", "groq: GROQ_API_KEY") in of(found, "provider")
    missing = next(text for _, text in of(found, "environment") if text.startswith("not set: "))
    assert "MISTRAL_API_KEY" in missing
    assert "GROQ_API_KEY" not in missing
    assert "0123456789" not in found.out
    assert of(found, "dns")[0][1].startswith("127.0.0.1 resolves (groq, ")


KEYLESS = (
    *("G4F_MAIN", "G4F_GROQ", "G4F_GROK", "G4F_GEMINI", "G4F_NVIDIA"),
    *("G4F_OLLAMA", "G4F_POLLINATIONS"),
)


async def test_a_host_that_does_not_resolve_or_never_answers_is_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hang = trio.Event()

    def look_up(host: str, *_: object, **__: Any) -> list[Any]:
        if host == "silent.example":
            trio.from_thread.run(hang.wait)
        if host == "wrong.example":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return []

    monkeypatch.setattr(examining.socket, "getaddrinfo", look_up)
    monkeypatch.setattr(examining, "RESOLVE_SECONDS", 0.2)
    hosts = ("good.example", "wrong.example", "silent.example")
    providers = [Provider(name=host[:4], base_url=f"https://{host}/v1") for host in hosts]
    off = attrs.evolve(providers[1], name="off", base_url="https://off.example", enabled=False)
    proxied = attrs.evolve(providers[1], name="proxied", proxy="http://good.example:3128")
    with trio.fail_after(GIVE_UP_SECONDS):  # the one that hangs never ends
        found = await examining.names((*providers, off, proxied))
    hang.set()
    hint = "check the spelling of the base URL, and this machine's resolver and network"
    assert found == [
        Diagnostic("dns", "ok", "good.example resolves (good, proxied)"),
        Diagnostic(
            *("dns", "problem"),
            "wrong.example does not resolve: Name or service not known (wron)",
            hint,
        ),
        Diagnostic(
            *("dns", "problem"),
            "silent.example does not resolve: no answer within 0.2 s (sile)",
            hint,
        ),
    ]


@pytest.mark.parametrize(
    ("now", "newest", "found"),
    [
        (NOW, None, None),
        (NOW, NOW - timedelta(days=1), None),
        (NOW, NOW + timedelta(seconds=59), None),
        (NOW, NOW + timedelta(hours=2), "but the last check was made"),
        (datetime(1970, 1, 1, tzinfo=UTC), None, "but this program was installed"),
    ],
)
def test_a_clock_before_the_newest_stored_check_is_a_problem(
    now: datetime, newest: datetime | None, found: str | None
) -> None:
    (symptom,) = examining.clock(newest, now)
    assert symptom.level == ("ok" if found is None else "problem")
    assert (found or "UTC") in symptom.found


def make_folder(file: Path) -> None:
    file.mkdir()


def make_damaged(file: Path) -> None:
    file.write_bytes(b"SQLite format 3\x00" + b"\xff" * 4000)


def make_text(file: Path) -> None:
    file.write_text("hello " * 1000)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (make_folder, "is a folder; give the path of a file"),
        (make_damaged, "is damaged: "),
        (make_text, "is damaged: "),
    ],
)
def test_a_file_that_is_not_a_database_is_a_problem(
    sound: Commands, make: Callable[[Path], None], said: str
) -> None:
    make(sound.folder / "p.db")
    (sound.folder / "p.db").chmod(0o700)
    found = sound("doctor", "--database", "p.db", "--port", "0", "--json")
    ((level, text),) = of(found, "database")
    assert (found.code, level) == (1, "problem")
    assert said in text
    assert [file.name for file in sound.folder.iterdir() if "corrupt" in file.name] == []


def test_a_database_in_use_can_be_read_while_its_tracker_runs(sound: Commands) -> None:
    with serving(sound.folder) as served:
        port = served.url.rsplit(":", 1)[1]
        found = sound("doctor", "--port", port, "--json")
    ((level, text),) = of(found, "database")
    assert (level, text.startswith("provider_status.db is in order; ")) == ("ok", True)
    assert of(found, "port") == [("ok", f"a tracker is already running on 127.0.0.1, port {port}")]


@pytest.mark.parametrize("token", ["reading-01234567", "another-01234567"])
def test_a_server_that_requires_a_token_is_recognised_as_a_tracker(
    sound: Commands, token: str
) -> None:
    server = ServerSettings(port=0, read_token=Secret("reading-01234567"))
    with real_tracker(sound.folder, server) as closed:
        port = closed.url.rsplit(":", 1)[1]
        sound.configured('[server]\nread_token_env = "R"', watched("mine", HERE))
        found = sound("doctor", "--port", port, "--json", R=token)
    assert found.code == 0
    assert of(found, "port") == [("ok", f"a tracker is already running on 127.0.0.1, port {port}")]


def test_another_server_that_requires_a_token_is_not_taken_for_a_tracker(sound: Commands) -> None:
    refusal = b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"
    with answering(refusal) as url:
        found = sound("doctor", "--port", url.rsplit(":", 1)[1], "--json")
    assert [s["area"] for s in problems(found)] == ["port"]


def test_files_that_others_can_read_are_reported_with_the_remedy(sound: Commands) -> None:
    with real_tracker(sound.folder):
        pass
    (sound.folder / "served.db").chmod(0o644)
    (sound.folder / ".env").write_text("X=1\n")
    (sound.folder / ".env").chmod(0o644)
    found = sound("doctor", "--database", "served.db", "--port", "0", "--json")
    assert [(s["area"], s["hint"]) for s in problems(found)] == [
        ("permissions", "chmod 600 .env"),
        ("permissions", "chmod 600 served.db"),
    ]


def test_a_missing_folder_and_a_full_disk_are_problems(
    sound: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = sound("doctor", "--database", "no/such/p.db", "--port", "0", "--json")
    assert [s["hint"] for s in problems(found)] == [f"mkdir -p {sound.folder}/no/such"]
    monkeypatch.setattr(examining.shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000))
    found = sound("doctor", "--port", "0", "--json")
    assert [s["found"] for s in problems(found)] == [f"0.0 GB free in {sound.folder}"]


def test_a_folder_that_cannot_be_written_is_a_problem(
    sound: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said by the system's own word for it: root, who may run these tests, may write anywhere."""
    monkeypatch.setattr(examining.os, "access", lambda path, _: path != sound.folder)
    found = sound("doctor", "--port", "0", "--json")
    assert [s["found"] for s in problems(found)] == [f"{sound.folder} cannot be written"]


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.0)
        yield listener.getsockname()[1]


def test_a_port_used_by_another_program_is_a_problem(
    sound: Commands, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.cli.tracker_client.TIMEOUT_SECONDS", 0.2)
    found = sound("doctor", "--port", taken, "--json")
    (problem,) = problems(found)
    assert problem["found"] == f"port {taken} of 127.0.0.1 is in use"
    assert "choose another: --port" in problem["hint"]


def test_a_public_address_without_a_token_is_a_problem(sound: Commands) -> None:
    found = sound("doctor", "--host", "0.0.0.0", "--port", "0", "--json")
    (problem,) = problems(found)
    assert "set PROVIDER_STATUS_ADMIN_TOKEN" in problem["found"]


def test_a_proxy_in_the_environment_is_said_to_be_ignored(command: Commands) -> None:
    found = command("doctor", HTTPS_PROXY="http://127.0.0.1:3128", SSL_CERT_FILE="/tmp/ca.pem")
    assert "HTTPS_PROXY, SSL_CERT_FILE: ignored on purpose" in " ".join(found.out.split())
