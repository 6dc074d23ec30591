"""status, best, history, export and tune, asked of a real tracker."""

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO

import pytest
from rich.console import Console

from api.cli.tables import history_table
from api.cli.tracker_client import url_of
from api.exports.csv import COLUMNS
from tests.helpers.command_line import Commands, answering, command, start
from tests.helpers.real_tracker import RealTracker, real_tracker
from tests.helpers.waiting import block_until
from tracker.core.outcomes import OutcomeKind
from tracker.core.redaction import Secret
from tracker.core.settings import ServerSettings

__all__ = ["command"]
NOBODY = "http://127.0.0.1:1"
TOKEN = {"PROVIDER_STATUS_ADMIN_TOKEN": "right-token-0123"}


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealTracker]:
    token = Secret(TOKEN["PROVIDER_STATUS_ADMIN_TOKEN"])
    server = ServerSettings(port=0, admin_token=token)
    with real_tracker(tmp_path_factory.mktemp("asked"), server) as running:
        yield running


@pytest.fixture
def all_refuse(tracker: RealTracker) -> Iterator[None]:
    tracker.kinds = dict.fromkeys(("groq", "mistral", "together"), OutcomeKind.AUTH)
    tracker.check()
    yield
    tracker.kinds = {}
    tracker.check()


def test_status_as_json_equals_the_answer_of_the_api(
    command: Commands, tracker: RealTracker
) -> None:
    found = command("status", "--url", tracker.url, "--json")
    assert (found.code, found.err) == (0, "")
    assert {name: one["status"] for name, one in found.json["providers"].items()} == {
        "groq": "healthy",
        "mistral": "healthy",
        "together": "healthy",
    }


@pytest.mark.parametrize("columns", ["80", "200"])
def test_names_and_states_stay_whole_at_any_width(
    command: Commands, tracker: RealTracker, columns: str
) -> None:
    out = command("status", "--url", tracker.url, COLUMNS=columns).out
    lines = out.splitlines()
    assert [line.split()[:3] for line in lines if "●" in line] == [
        ["groq", "●", "healthy"],
        ["mistral", "●", "healthy"],
        ["together", "●", "healthy"],
    ]
    assert max(map(len, lines)) <= int(columns)
    assert ("p95" in lines[0]) == (columns == "200")


def test_best_names_the_quickest_and_why(command: Commands, tracker: RealTracker) -> None:
    found = command("best", "--url", tracker.url, "--json")
    assert (found.code, found.json["best_provider"]) == (0, "groq")
    table = command("best", "--url", tracker.url).out
    assert [line.split()[1] for line in table.splitlines()[1:4]] == ["groq", "mistral", "together"]


def test_best_can_be_limited_to_candidates(command: Commands, tracker: RealTracker) -> None:
    asked = ("best", "--url", tracker.url, "--json")
    assert command(*asked, "--exclude", "groq").json["best_provider"] == "mistral"
    assert command(*asked, "--candidates", "together").json["best_provider"] == "together"
    assert command(*asked, "--model", "mistral-small").json["best_provider"] == "mistral"


def test_best_exits_1_when_none_is_usable(
    command: Commands, tracker: RealTracker, all_refuse: None
) -> None:
    found = command("best", "--url", tracker.url, "--json")
    assert (found.code, found.json["best_provider"]) == (1, None)
    assert "not usable" in command("best", "--url", tracker.url).out


def test_history_has_every_check(command: Commands, tracker: RealTracker) -> None:
    every = command("history", "--url", tracker.url, "--json").json
    assert set(every["providers"]) == {"groq", "mistral", "together"}
    one = command("history", "groq", "--hours", "1", "--url", tracker.url, "--json").json
    assert (list(one["providers"]), one["hours"]) == (["groq"], 1)
    assert one["providers"]["groq"][0]["outcome"] == "ok"


def test_history_as_a_table_has_one_row_per_check(command: Commands, tracker: RealTracker) -> None:
    points = command("history", "groq", "--url", tracker.url, "--json").json["providers"]["groq"]
    rows = command("history", "groq", "--url", tracker.url).out.splitlines()
    later = command("history", "groq", "--url", tracker.url, "--json").json["providers"]["groq"]
    assert len(points) <= len(rows) - 1 <= len(later)  # a re-check may come in between


@pytest.mark.parametrize("hours", ["24", "25", "168"])
def test_times_have_a_date_if_the_table_spans_several_days(
    command: Commands, tracker: RealTracker, hours: str
) -> None:
    found = command("history", "groq", "--hours", hours, "--url", tracker.url, COLUMNS="80")
    head, *rows = found.out.splitlines()
    time = r"\d\d:\d\d:\d\d UTC" if hours == "24" else r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    assert ("time (UTC)" in head) is (hours != "24")
    healthy = [row for row in rows if "healthy" in row]
    assert healthy
    assert all(re.match(rf"groq +{time} +● healthy +ok +180 ms", row) for row in healthy)


@pytest.mark.parametrize("hours", [24, 25])
def test_a_bucket_stays_whole_at_80_columns(hours: int) -> None:
    latency = {"avg": 12345.6, "p95": 23456.7}
    bucket = {"timestamp": "2026-03-01T12:00:00.000Z", "checks": 1000, "failures": 100}
    point = {**bucket, "uptime_percent": 100.0, "latency_ms": latency}
    paper = StringIO()
    table = history_table(
        {"hours": hours, "resolution_seconds": 60, "providers": {"mistral": [point]}}
    )
    Console(width=80, file=paper).print(table)
    time = "12:00:00 UTC" if hours == 24 else "2026-03-01 12:00:00"
    words = f"mistral {time} 1000 100 100.0 % 12,346 ms 23,457 ms"
    assert " ".join(paper.getvalue().splitlines()[1].split()) == words


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("history", "grok"), "grok"),
        (("best", "--model", ""), "model"),
    ],
)
def test_what_the_tracker_refuses_is_wrong_usage(
    command: Commands, tracker: RealTracker, arguments: tuple[str, ...], said: str
) -> None:
    found = command(*arguments, "--url", tracker.url)
    assert (found.code, found.out) == (2, "")
    assert said in found.err


def test_export_writes_the_file_byte_for_byte(command: Commands, tracker: RealTracker) -> None:
    printed = command("export", "--url", tracker.url)
    found = command("export", "--output", "status.csv", "--url", tracker.url)
    assert (found.code, found.out, found.err) == (0, "", "")
    written = (command.folder / "status.csv").read_bytes().decode()
    assert written.replace("\r\n", "\n") == printed.out.replace("\r\n", "\n")
    rows = list(csv.DictReader(written.splitlines()))
    assert sorted(row["provider_name"] for row in rows) == ["groq", "mistral", "together"]


def test_export_as_json_has_the_rows_with_numbers_and_nulls(
    command: Commands, tracker: RealTracker
) -> None:
    printed = command("export", "--url", tracker.url).out
    rows = {row["provider_name"]: row for row in csv.DictReader(printed.splitlines())}
    found = command("export", "--json", "--url", tracker.url)
    assert (found.code, found.err, list(found.json)) == (0, "", ["providers"])
    assert [one["provider_name"] for one in found.json["providers"]] == list(rows)
    groq = found.json["providers"][0]
    assert list(groq) == list(rows["groq"])
    assert groq["response_time_ms"] == float(rows["groq"]["response_time_ms"]) == 180.0
    assert (groq["consecutive_failures"], type(groq["consecutive_failures"])) == (0, int)
    assert groq["last_check_timestamp"] == rows["groq"]["last_check_timestamp"]


def test_what_the_export_leaves_empty_is_null_in_json(command: Commands) -> None:
    row = "1024,unknown,,,0.00,,0"
    with answering(_csv(",".join(COLUMNS), row)) as url:
        found = command("export", "--json", "--url", url)
    assert found.json["providers"] == [
        {
            "provider_name": "1024",
            "status": "unknown",
            "response_time_ms": None,
            "uptime_percent": None,
            "rate_limit_percent": 0.0,
            "last_check_timestamp": None,
            "consecutive_failures": 0,
        }
    ]


@pytest.mark.parametrize("lines", [("<html>",), (",".join(COLUMNS), "groq,healthy,fast,,,,0")])
def test_an_invalid_answer_to_export_exits_with_1(
    command: Commands, lines: tuple[str, ...]
) -> None:
    with answering(_csv(*lines)) as url:
        found = command("export", "--json", "--url", url)
    assert (found.code, found.out, found.err) == (
        1,
        "",
        f"invalid response from the tracker at {url}\n",
    )


def test_problems_of_the_tracker_itself_are_reported_on_stderr(command: Commands) -> None:
    stamp = "2026-03-01T12:00:00.000Z"
    both = {"providers": {}, "timestamp": stamp, "problems": ["the disk is\u001b[2J full", "b"]}
    with answering(answer(json.dumps(both)), connections=2) as url:
        found = command("status", "--url", url, "--json")
    assert (found.code, found.json["providers"]) == (0, {})
    assert found.err == "problem: the disk is [2J full\nproblem: b\n"


def _csv(*lines: str) -> bytes:
    return answer("\r\n".join([*lines, ""]))


def answer(body: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def test_export_to_a_folder_says_so(command: Commands, tracker: RealTracker) -> None:
    found = command("export", "--output", ".", "--url", tracker.url)
    assert (found.code, found.out, found.err) == (2, "", "cannot write .: Is a directory\n")


@pytest.mark.parametrize(
    "arguments",
    [("status",), ("status", "--watch"), ("best",), ("history",), ("export",)],
    ids=" ".join,
)
def test_without_a_tracker_commands_exit_with_1_and_say_how_to_start_one(
    command: Commands, arguments: tuple[str, ...]
) -> None:
    found = command(*arguments, "--url", NOBODY)
    assert (found.code, found.out) == (1, "")
    assert f"no tracker answers at {NOBODY}" in found.err
    assert "is `provider-status serve` running?" in found.err


@pytest.mark.parametrize("url", ["", "nonsense", "http://", "ftp://127.0.0.1", "http://[::1"])
def test_an_invalid_url_exits_with_1(command: Commands, url: str) -> None:
    found = command("status", "--url", url)
    assert (found.code, found.out) == (1, "")
    assert found.err.startswith("no tracker answers at ")


@pytest.mark.parametrize("user", ["user:p4ssw0rd@", "p4ssw0rd@", "a:b@p4ssw0rd@"])
def test_a_password_in_the_url_is_not_shown(command: Commands, user: str) -> None:
    for scheme in ("http://", ""):
        found = command("status", "--url", f"{scheme}{user}127.0.0.1:1")
        assert found.code == 1
        assert f"no tracker answers at {scheme}127.0.0.1:1" in found.err
        assert "p4ssw0rd" not in found.err
    with answering(answer("hi")) as url:
        found = command("status", "--url", url.replace("//", f"//{user}"))
    assert found.err == f"invalid response from the tracker at {url}\n"


NESTED = "[" * 200_000 + "]" * 200_000
ODD_STATUS = '{"providers": {"groq": {}}}'
ODD_POINTS = '{"resolution_seconds": null, "providers": {"groq": [{}]}}'


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        (("status",), "hi"),
        (("status",), NESTED),
        (("best", "--json"), NESTED),
        *((("status", *more), "{}") for more in ((), ("--json",), ("--watch",))),
        (("status", "--watch", "--json"), ODD_STATUS),
        *((("best", *more), "{}") for more in ((), ("--json",))),
        *((("history",), body) for body in ("{}", "[]", "null", ODD_STATUS, ODD_POINTS)),
        (("history", "groq", "--json"), ODD_POINTS),
        (("export",), "{}"),
        (("tune", "groq", "--reset"), "{}"),
    ],
)
def test_another_server_is_not_taken_for_a_tracker(
    command: Commands, arguments: tuple[str, ...], body: str
) -> None:
    with answering(answer(body)) as url:
        found = command(*arguments, "--url", url, **TOKEN)
    assert (found.code, found.out) == (1, "")
    assert found.err == f"invalid response from the tracker at {url}\n"


@pytest.mark.parametrize(
    "arguments",
    [("status",), ("best",), ("history",), ("history", "groq"), ("export",), ("tune", "a")],
    ids=" ".join,
)
@pytest.mark.parametrize("said", ["400 Bad request", "403 Forbidden", "404 File not found"])
def test_a_refusal_by_another_server_is_not_taken_for_a_trackers(
    command: Commands, arguments: tuple[str, ...], said: str
) -> None:
    page = "HTTP/1.1 {}\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\nno.\n"
    with answering(page.format(said).encode()) as url:
        reset = ["--reset"] if "tune" in arguments else []
        found = command(*arguments, *reset, "--url", url, **TOKEN)
    assert (found.code, found.out) == (1, "")
    assert found.err == f"invalid response from the tracker at {url} ({said})\n"


@pytest.mark.parametrize("hours", ["0", "169", "1.5", "24.0", "-1", "nan", "day", ""])
def test_hours_are_whole_and_of_the_last_week(command: Commands, hours: str) -> None:
    found = command("history", f"--hours={hours}", "--url", NOBODY)
    assert (found.code, found.out) == (2, "")
    assert "--hours" in found.err
    assert "invalid literal" not in found.err


def test_a_closed_pipe_is_not_a_failure(command: Commands, tracker: RealTracker) -> None:
    for form in ((), ("--json",)):
        process = start(command.folder, "status", "--url", tracker.url, *form)
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert (process.stderr.read(), process.wait(30)) == ("", 0)
        process.stderr.close()


class TestTune:
    def test_takes_effect_at_once_and_back(self, command: Commands, tracker: RealTracker) -> None:
        tune = ("tune", "groq", "--url", tracker.url, "--json")
        found = command(*tune, "--interval", "60", **TOKEN)
        assert (found.code, found.json["interval_seconds"]) == (0, 60)
        found = command(*tune, "--disable", **TOKEN)
        assert (found.json["interval_seconds"], found.json["status"]) == (60, "unknown")
        assert command("best", "--url", tracker.url, "--json").json["best_provider"] == "mistral"
        assert command(*tune, "--enable", **TOKEN).code == 0
        found = command(*tune, "--reset", **TOKEN)
        assert (found.code, found.json["interval_seconds"]) == (0, 300)
        tracker.check()

    def test_an_override_shows_beside_the_file(
        self, command: Commands, tracker: RealTracker
    ) -> None:
        command("tune", "mistral", "--interval", "90", "--url", tracker.url, **TOKEN)
        table = command("status", "--url", tracker.url, "--json").json["providers"]["mistral"]
        assert (table["interval_seconds"], table["interval_overridden"]) == (90, True)
        command("tune", "mistral", "--reset", "--url", tracker.url, **TOKEN)

    def test_the_token_may_have_another_name(self, command: Commands, tracker: RealTracker) -> None:
        tune = ("tune", "groq", "--reset", "--url", tracker.url)
        found = command(*tune, "--token-env", "MINE", MINE=TOKEN["PROVIDER_STATUS_ADMIN_TOKEN"])
        assert found.code == 0
        (command.folder / ".env").write_text("PROVIDER_STATUS_ADMIN_TOKEN=right-token-0123\n")
        assert command(*tune).code == 0

    @pytest.mark.parametrize(
        ("arguments", "environ", "said"),
        [
            (("groq", "--interval", "60"), {}, "PROVIDER_STATUS_ADMIN_TOKEN is not set"),
            (
                ("groq", "--interval", "60"),
                {"PROVIDER_STATUS_ADMIN_TOKEN": "wrong-token-0123"},
                "the token that was sent is wrong",
            ),
            (("nobody", "--enable"), TOKEN, "nobody"),
            (
                ("groq", "--interval", "1"),
                TOKEN,
                "the interval of groq must be at least 10 s, its time-out",
            ),
            (("groq", "--interval", "-1"), TOKEN, "interval_seconds"),
            (("groq", "--interval", "0"), TOKEN, "interval_seconds"),
            (("groq",), TOKEN, "nothing to change"),
            (("groq", "--enable", "--disable"), TOKEN, "not both"),
            (("groq", "--reset", "--enable"), TOKEN, "do not combine it"),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
    )
    def test_an_impossible_value_exits_with_2_and_an_explanation(
        self,
        command: Commands,
        tracker: RealTracker,
        arguments: tuple[str, ...],
        environ: dict[str, str],
        said: str,
    ) -> None:
        found = command("tune", *arguments, "--url", tracker.url, **environ)
        assert (found.code, found.out) == (2, "")
        assert said in found.err
        assert "token-0123" not in found.err

    def test_without_a_token_set_it_says_how_to_set_one(self, command: Commands) -> None:
        with real_tracker(command.folder) as open_tracker:
            found = command("tune", "groq", "--enable", "--url", open_tracker.url, **TOKEN)
        assert found.code == 2
        assert "set the environment variable PROVIDER_STATUS_ADMIN_TOKEN" in found.err

    def test_a_value_that_is_not_a_number_is_wrong_usage(self, command: Commands) -> None:
        for word in ("abc", "nan", "inf"):
            assert command("tune", "groq", "--interval", word, "--url", NOBODY, **TOKEN).code in {
                1,
                2,
            }


def test_a_tracker_with_a_read_token_is_asked_with_the_token(command: Commands) -> None:
    server = ServerSettings(port=0, read_token=Secret("reading-01234567"))
    with real_tracker(command.folder, server) as closed:
        found = command("status", "--url", closed.url)
        assert (found.code, found.out) == (2, "")
        assert "no token was sent" in found.err
        found = command("status", "--url", closed.url, "--token-env", "R", R="reading-01234567")
        assert found.code == 0


QUESTIONS = (("status",), ("best",), ("history",), ("export",), ("tune", "groq", "--reset"))
every_question = pytest.mark.parametrize("arguments", QUESTIONS, ids=lambda words: words[0])


@every_question
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_url_and_token_are_taken_from_the_trackers_file(
    command: Commands, arguments: tuple[str, ...], host: str
) -> None:
    server = ServerSettings(
        port=0, read_token=Secret("reading-01234567"), admin_token=Secret("changing-01234567")
    )
    with real_tracker(command.folder, server) as asked:
        port = asked.url.rsplit(":", 1)[1]
        tokens = 'read_token_env = "R"\nadmin_token_env = "A"'
        file = command.configured(
            f'[server]\nhost = "{host}"\nport = {port}\nroot_path = "/llm"\n{tokens}'
        )
        found = command(*arguments, "--config", file, R="reading-01234567", A="changing-01234567")
        assert (found.code, [line for line in found.err.splitlines() if "token" in line]) == (0, [])
        used, other = ("A", "R") if "tune" in arguments else ("R", "A")
        found = command(*arguments, "--config", file, **{other: "reading-01234567"})
        assert (found.code, found.out) == (2, "")
        assert found.err == f"{used} is not set: it must contain the tracker's token\n"


@every_question
def test_options_override_the_trackers_file(
    command: Commands, tracker: RealTracker, arguments: tuple[str, ...]
) -> None:
    file = command.configured('[server]\nport = 1\nread_token_env = "R"\nadmin_token_env = "A"')
    outright = ("--url", tracker.url, "--token-env", "PROVIDER_STATUS_ADMIN_TOKEN")
    assert command(*arguments, "--config", file, *outright, **TOKEN).code == 0


@every_question
def test_an_invalid_tracker_file_exits_with_2_and_its_mistakes(
    command: Commands, tracker: RealTracker, arguments: tuple[str, ...]
) -> None:
    file = command.configured("[server]\nport = 99999\ncolour = 1", "[ranking]\nswitch_margin = 2")
    found = command(*arguments, "--config", file, "--url", tracker.url, **TOKEN)
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith(f"{file}: 3 mistakes\n")


def test_an_ipv6_address_is_put_in_brackets() -> None:
    assert url_of(ServerSettings(host="::", port=80)) == "http://[::1]:80"
    assert url_of(ServerSettings(host="fe80::1", port=80)) == "http://[fe80::1]:80"


def test_the_environment_of_the_tests_has_no_keys(command: Commands) -> None:
    assert set(os.environ) <= {"PATH", "HOME", "PYTEST_CURRENT_TEST"}


def test_a_query_command_does_not_load_the_server() -> None:
    ask = (
        "from api.cli.app import make_app; "
        "make_app(lambda _: False)(['best', '--url', 'http://127.0.0.1:1'])"
    )
    tell = f"import sys\ntry:\n    {ask}\nexcept Exception as error:\n    print(error)"
    told = f"{tell}\nprint(sorted({{'quart', 'hypercorn', 'apsw'}} & set(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, text=True, check=True, timeout=60.0
    )
    assert run.stdout.startswith("no tracker answers at http://127.0.0.1:1")
    assert run.stdout.splitlines()[-1] == "[]"


def test_status_of_one_provider_shows_it_in_full(command: Commands, tracker: RealTracker) -> None:
    found = command("status", "groq", "--url", tracker.url)
    assert found.code == 0
    words = {line.split()[0] for line in found.out.splitlines() if line.strip()}
    assert {"provider", "status", "why", "usable", "uptime", "proven"} <= words
    assert command("status", "nobody", "--url", tracker.url).code == 2
    assert command("status", "groq", "--watch", "--url", tracker.url).code == 2


def test_best_quiet_prints_the_name_alone(command: Commands, tracker: RealTracker) -> None:
    only = ("--candidates", "mistral")
    assert command("best", "-q", "--url", tracker.url, *only).out == "mistral\n"
    assert command("best", "-q", "--url", tracker.url, "--candidates", "nobody").out == ""


def test_the_url_can_be_set_in_the_environment(command: Commands, tracker: RealTracker) -> None:
    only = ("--candidates", "groq")
    assert command("best", "-q", *only, PROVIDER_STATUS_URL=tracker.url).out == "groq\n"


def test_models_shows_which_providers_offer_a_model(
    command: Commands, tracker: RealTracker
) -> None:
    listed = command("models", "--url", tracker.url, "--json").json["models"]
    name = listed[0]["model"]
    found = command("models", name, "--url", tracker.url, "--json").json
    assert found == listed[0] | {"offers": found["offers"]}
    assert "its provider" in command("models", name, "--url", tracker.url).out
    unknown = command("models", "no-such-model", "--url", tracker.url)
    assert (unknown.code, unknown.out) == (2, "")
    best = command("best", "-q", "--model", name, "--url", tracker.url).out.strip()
    assert best.partition("/")[2] in {offer["model"] for offer in found["offers"]}


def test_changes_show_what_happened_and_why(
    command: Commands, tracker: RealTracker, all_refuse: None
) -> None:
    def told() -> bool:  # what is stored comes within a second
        found = command("changes", "groq", "--url", tracker.url)
        return found.code == 0 and "degraded" in found.out

    block_until(told)
    kinds = {
        one["kind"] for one in command("changes", "--url", tracker.url, "--json").json["changes"]
    }
    assert kinds <= {"status", "best", "offer", "model", "incident"}
    header, *rows = command("changes", "--csv", "--url", tracker.url).out.splitlines()
    assert header == "timestamp,kind,provider_name,before,after,reason"
    assert any(",groq," in row for row in rows)
    assert command("changes", "--csv", "--json", "--url", tracker.url).code == 2


def test_every_command_has_a_one_line_description(command: Commands) -> None:
    lines = command("--help").out.splitlines()
    told = {line.strip("│ ").split()[0]: line.strip("│ ") for line in lines if "│" in line}
    for name in ("serve", "probe", "status", "best", "models", "history", "changes", "tune"):
        assert len(told[name].split()) > 3, name


def test_history_as_csv_is_what_the_api_gives(command: Commands, tracker: RealTracker) -> None:
    asked = ("history", "groq", "--url", tracker.url, "--csv", "--since", "2026-01-01", "--until")
    refused = command(*asked, "2025-01-01")
    assert (refused.code, refused.out) == (2, "")
    found = command("history", "groq", "--url", tracker.url, "--csv")
    rows = [*csv.DictReader(StringIO(found.out))]
    assert {row["provider_name"] for row in rows} == {"groq"}
    assert rows[0]["outcome"] == "ok"
    command("history", "--url", tracker.url, "--csv", "--output", "h.csv")
    assert (command.folder / "h.csv").read_text().startswith("provider_name,timestamp,")


@pytest.mark.parametrize("options", [("--csv", "--json"), ("--output", "x")])
def test_history_accepts_one_output_format_at_a_time(
    command: Commands, tracker: RealTracker, options: tuple[str, ...]
) -> None:
    assert command("history", "--url", tracker.url, *options).code == 2


def test_tune_shows_the_effective_settings(command: Commands, tracker: RealTracker) -> None:
    tune = ("tune", "groq", "--url", tracker.url)
    assert command(*tune, "-i", "77", **TOKEN).out.splitlines()[1].split()[:5] == [
        *("groq", "yes", "77", "s", "tune")
    ]
    assert "file" in command(*tune, "--reset", **TOKEN).out
