"""One model at two real servers, and faults of single models there: ``make integration-offers``.

LiteLLM's proxy serves three models of upstreams that we control, llama.cpp's server two tiny ones
that are generated here. A model is removed from llama.cpp, one at LiteLLM answers 404, another hits
a limit of
its own, and ``/best?model=`` follows while both providers stay healthy.

llama.cpp's server is LLAMA_SERVER in its router mode; otherwise that of the wheel xllamacpp, in the
environment ``llamacpp``, one for each model: see integration/llamacpp_models.py.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import attrs
import httpx

from integration.environments import LITELLM, LLAMACPP, EnvironmentFailedError
from integration.programs import Program, ended, expect_loopback_only
from integration.report import BEGAN, UnexpectedError, expect, insist, say, title, wait_for
from integration.served import Served, served
from integration.servers import LITELLM_VARIABLES, MASTER_KEY
from integration.tiny_model import write_tiny_model
from tests.helpers.fake_upstream import FakeUpstream
from tests.helpers.ports import lasting_port

OFTEN = 4.0  # seconds between two checks, of a provider and of an offer
RECHECKS = (1.0, 2.0, 4.0)
# A check finds the first failure within OFTEN, and two re-checks make the offer down; the remaining
# time allows for a busy machine.
FOLLOW_SECONDS = OFTEN + RECHECKS[0] + RECHECKS[1] + 15.0
LLAMA, QWEN, GEMMA = "tiny-llama-1b", "tiny-qwen-1b", "tiny-gemma-1b"
PROXY, LOCAL = "litellm", "llamacpp"
OFFERS = {PROXY: (LLAMA, QWEN, GEMMA), LOCAL: (LLAMA, QWEN)}


@attrs.frozen
class Best:
    """The providers that offer a model: those ranked, best first, and those left out and why."""

    ranked: tuple[str, ...]
    excluded: dict[str, str]


def play() -> None:
    """Run the part. Raises UnexpectedError at the first deviation."""
    title("Offers at LiteLLM's proxy and at llama.cpp")
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        upstreams = {m: stack.enter_context(FakeUpstream(m)) for m in OFFERS[PROXY]}
        models = folder / "models"
        models.mkdir()
        for number, model in enumerate(OFFERS[LOCAL]):
            write_tiny_model(models / f"{model}.gguf", seed=number)
        programs = {PROXY: proxy(folder, upstreams), LOCAL: local(folder, models)}
        with ended(*programs.values()):
            for program in programs.values():
                say(f"{program.name} answers {program.start_serving():.1f} s after its start")
            (folder / "tracker.toml").write_text(config(programs))
            with served(folder) as tracker:
                at_first(tracker)
                one_is_removed(tracker, models, programs[LOCAL])
                another_answers_404(tracker, upstreams[LLAMA])
                a_third_hits_its_limit(tracker, upstreams[GEMMA])
                all_is_told(tracker)
        expect_loopback_only(folder)


def at_first(tracker: Served) -> None:
    wait_for("the first checks of all offers", lambda: _all_proven(tracker), 60.0)
    for model in (LLAMA, QWEN):
        found = best(tracker, model)
        expect(set(found.ranked), {PROXY, LOCAL}, f"who offers {model}")
        say(f"best for {model}: {found.ranked[0]}, then {found.ranked[1]}")
    expect(best(tracker, GEMMA).ranked, (PROXY,), f"who offers {GEMMA}")
    told = tracker.command("best", "--model", "Tiny_Llama-1B", "--quiet").strip()
    insist(told in {f"{PROXY}/{LLAMA}", f"{LOCAL}/{LLAMA}"}, f"`best --model` gives the id: {told}")


def one_is_removed(tracker: Served, models: Path, server: Program) -> None:
    (models / f"{QWEN}.gguf").unlink()
    httpx.get(f"{server.address}/models?reload=1", trust_env=False, timeout=10.0)
    httpx.post(f"{server.address}/models/unload", json={"model": QWEN}, trust_env=False)
    follow(tracker, f"{QWEN} is removed at {LOCAL}", QWEN, lambda now: now.ranked == (PROXY,))
    expect(set(best(tracker, LLAMA).ranked), {PROXY, LOCAL}, f"who offers {LLAMA} meanwhile")
    both_are_healthy(tracker)


def another_answers_404(tracker: Served, upstream: FakeUpstream) -> None:
    upstream.status = 404
    follow(tracker, f"{LLAMA} answers 404 at {PROXY}", LLAMA, lambda now: now.ranked == (LOCAL,))
    both_are_healthy(tracker)
    upstream.status = 200
    follow(tracker, f"{LLAMA} is back", LLAMA, lambda now: set(now.ranked) == {PROXY, LOCAL})


def a_third_hits_its_limit(tracker: Served, upstream: FakeUpstream) -> None:
    upstream.status = 429
    follow(tracker, f"{GEMMA} is at its limit at {PROXY}", GEMMA, lambda now: now.ranked == ())
    expect(set(best(tracker, QWEN).ranked), {PROXY}, f"who offers {QWEN} meanwhile")
    both_are_healthy(tracker)
    upstream.status = 200
    follow(tracker, f"{GEMMA}'s limit is over", GEMMA, lambda now: now.ranked == (PROXY,))


def all_is_told(tracker: Served) -> None:
    told = tracker.command("changes")
    insist(f"{LOCAL}/{QWEN}" in told, "changes list the removed offer")
    insist("model list no longer has it" in told, "changes list the model that left the list")
    shown = tracker.command("models", LLAMA)
    insist(all(name in shown for name in (PROXY, LOCAL)), "`models` shows who offers it")
    say("changes and models show it on the command line")


def follow(tracker: Served, what: str, model: str, until: Callable[[Best], bool]) -> None:
    """Wait until the answer follows. Raises UnexpectedError if it takes too long."""
    began = time.monotonic()
    wait_for(what, lambda: until(best(tracker, model)), FOLLOW_SECONDS)
    left_out = "; ".join(f"{name}: {why}" for name, why in best(tracker, model).excluded.items())
    say(f"{what}: best followed after {time.monotonic() - began:.1f} s {left_out[:160]}")


def best(tracker: Served, model: str) -> Best:
    answer = tracker.ask("best", model=model)
    return Best(
        ranked=tuple(line["provider_name"] for line in answer["ranking"]),
        excluded={line["provider_name"]: line["reason"] for line in answer["excluded"]},
    )


def both_are_healthy(tracker: Served) -> None:
    for name, one in tracker.ask("status")["providers"].items():
        expect(one["status"], "healthy", f"the status of {name} meanwhile ({one['reason']})")


def _all_proven(tracker: Served) -> bool:
    providers = tracker.ask("status")["providers"].values()
    return all(o["outcome"] in {"ok", "slow"} for one in providers for o in one["offers"])


def config(programs: dict[str, Program]) -> str:
    tables = [
        f"""\
[tracker]
discover = false
interval_seconds = {OFTEN:g}
timeout_seconds = {OFTEN:g}
recheck_seconds = {list(RECHECKS)}
completions_per_day = 100000
degraded_latency_ms = {OFTEN * 1000:g}
"""
    ]
    for name, program in programs.items():
        key = '\napi_key_env = "LITELLM_MASTER_KEY"' if name == PROXY else ""
        models = ", ".join(f'"{model}"' for model in OFFERS[name])
        tables.append(
            f"""\
[providers.{name}]
kind = "openai"
base_url = "{program.address}/v1"{key}
models = [{models}]
model_interval_seconds = {OFTEN:g}
"""
        )
    return "\n".join(tables)


def proxy(folder: Path, upstreams: dict[str, FakeUpstream]) -> Program:
    port, file = lasting_port(), folder / "litellm.yaml"
    entries = "".join(
        f"  - model_name: {model}\n"
        f"    litellm_params: {{model: openai/{model}, api_key: none, api_base: {upstream.url}}}\n"
        for model, upstream in upstreams.items()
    )
    file.write_text(
        f"model_list:\n{entries}"
        "router_settings: {num_retries: 0, disable_cooldowns: true}\n"  # so that we see each answer
        f"general_settings: {{master_key: {MASTER_KEY}}}\n"
        "litellm_settings: {telemetry: false, num_retries: 0, callbacks: []}\n"
    )
    serve: list[str | Path] = [LITELLM.script("litellm"), "--config", file, "--host", "127.0.0.1"]
    return Program(
        name=PROXY,
        command=[*serve, "--port", str(port), "--telemetry", "False"],
        folder=folder,
        ready=f"http://127.0.0.1:{port}/health/liveliness",
        variables=LITELLM_VARIABLES,
    )


def local(folder: Path, models: Path) -> Program:
    port, server = lasting_port(), os.environ.get("LLAMA_SERVER")
    ready = f"http://127.0.0.1:{port}/health"
    if not server:
        script = Path(__file__).with_name("llamacpp_models.py")
        command: list[str | Path] = [LLAMACPP.script("python"), script, models, str(port)]
        return Program(name=LOCAL, command=command, folder=folder, ready=ready)
    return Program(
        name=LOCAL,
        command=[
            server,
            "--models-dir",
            models,
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--offline",
        ],
        folder=folder,
        ready=ready,
        variables={"LD_LIBRARY_PATH": str(Path(server).parent)},
    )


def main() -> int:
    try:
        title("Environments")
        LITELLM.prepare()
        if not os.environ.get("LLAMA_SERVER"):
            LLAMACPP.prepare()
        play()
    except (EnvironmentFailedError, UnexpectedError, httpx.HTTPError) as error:
        sys.stderr.write(f"integration failed: {error}\n")
        return 1
    sys.stdout.write(f"\nall as promised, in {time.monotonic() - BEGAN:.0f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
