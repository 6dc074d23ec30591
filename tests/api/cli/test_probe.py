"""probe against simulated providers."""

from typing import Any

import pytest
import trio

from tests.helpers.command_line import Commands, command, watched
from tracker.testing import ProviderBehavior, simulated_provider

__all__ = ["command"]
REFUSING = "http://127.0.0.1:9/v1"


async def probed(command: Commands, *arguments: str, **moods: ProviderBehavior) -> Any:
    """The command's result, on simulated providers in these moods."""
    async with trio.open_nursery() as nursery:
        urls = {}
        for name, mood in moods.items():
            urls[name] = await nursery.start(serve, name, mood)
        command.configured(*(watched(name, url) for name, url in urls.items()))
        # In a thread: the command has a trio run of its own, and its providers live in this one.
        found = await trio.to_thread.run_sync(lambda: command("probe", *arguments))
        nursery.cancel_scope.cancel()
    return found


async def serve(name: str, mood: Any, task_status: trio.TaskStatus[Any]) -> None:
    async with simulated_provider(name=name) as provider:
        provider.mood = mood
        task_status.started(provider.base_url)
        await trio.sleep_forever()


async def test_one_usable_provider_is_success(command: Commands) -> None:
    found = await probed(command, "--json", good=ProviderBehavior.OK, bad=ProviderBehavior.REFUSE)
    assert (found.code, found.err) == (0, "")
    assert set(found.json) == {"timestamp", "providers"}
    kinds = {name: one["outcome"] for name, one in found.json["providers"].items()}
    assert kinds == {"good": "ok", "bad": "connect"}
    good = found.json["providers"]["good"]
    assert (good["status"], good["usable"], good["checks_24h"]) == ("healthy", True, 1)


async def test_only_the_named_providers_are_checked(command: Commands) -> None:
    found = await probed(
        command, "bad", "--json", good=ProviderBehavior.OK, bad=ProviderBehavior.AUTH
    )
    assert (found.code, list(found.json["providers"])) == (1, ["bad"])
    assert found.json["providers"]["bad"]["outcome"] == "auth"


async def test_the_table_has_one_row_per_provider(command: Commands) -> None:
    found = await probed(command, good=ProviderBehavior.OK, limited=ProviderBehavior.RATE_LIMITED)
    assert found.code == 0
    rows = [line.split()[:3] for line in found.out.splitlines()[1:]]
    assert rows == [["good", "●", "healthy"], ["limited", "▲", "degraded"]]


async def test_an_offer_is_checked_with_a_completion_of_its_own(command: Commands) -> None:
    found = await probed(command, "good/gpt-oss-20b", "--json", good=ProviderBehavior.OK)
    good = found.json["providers"]["good"]
    assert (found.code, good["completions_24h"]) == (0, 1)
    [offer] = good["offers"]
    assert (offer["model"], offer["evidence"], offer["outcome"]) == ("gpt-oss-20b", "offer", "ok")
    assert offer["ttft_ms"] > 0.0


async def test_an_offer_of_a_provider_that_refuses_is_not_usable(command: Commands) -> None:
    found = await probed(command, "bad/gpt-oss-20b", bad=ProviderBehavior.AUTH)
    assert found.code == 1
    assert found.out.splitlines()[1].split()[0] == "bad/gpt-oss-20b"


def test_no_database_and_no_other_file_is_written(command: Commands) -> None:
    command.configured(watched("mine", REFUSING))
    found = command("probe", "--json", "--database", "unused.db")
    assert (found.code, found.json["providers"]["mine"]["outcome"]) == (0, "connect")
    assert [file.name for file in command.folder.iterdir()] == ["tracker.toml"]


def test_a_provider_that_is_switched_off_is_checked_if_named(command: Commands) -> None:
    command.configured(watched("off", REFUSING, enabled=False), watched("on", REFUSING))
    assert list(command("probe", "--json").json["providers"]) == ["on"]
    found = command("probe", "off", "--json")
    assert list(found.json["providers"]) == ["off"]
    off = found.json["providers"]["off"]
    assert (off["enabled"], off["outcome"], off["checks_24h"]) == (True, "connect", 1)
    assert (found.code, off["usable"]) == (0, True)


@pytest.mark.parametrize("names", [(), ("groq",), ("no-such-one", "groq")])
def test_exit_code_is_3_if_nothing_is_configured(command: Commands, names: tuple[str, ...]) -> None:
    found = command("probe", *names)
    assert (found.code, found.out) == (3, "")
    assert "see `provider-status providers`" in found.err


def test_an_unknown_name_exits_with_2_and_lists_the_known_names(command: Commands) -> None:
    command.configured(watched("mine", REFUSING))
    found = command("probe", "mine", "yours", "--json")
    assert (found.code, found.out) == (2, "")
    assert found.err == "not configured: yours (configured: mine)\n"
    for name, wanted in (
        ("gemini_cli", "GEMINI_CLI_PROJECT_ID"),
        ("groq", "GROQ_API_KEY"),
        ("cloudflare", "CLOUDFLARE_API_KEY and CLOUDFLARE_ACCOUNT_ID"),
        ("g4f_grok", "G4F_GROK_API_BASE"),
    ):
        told = command("probe", name).err.splitlines()[1]
        assert told == f"{name}: set {wanted}, in the environment or in .env"
    assert command("probe", "yours/model").err == "not configured: yours/model (configured: mine)\n"
