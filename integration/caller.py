"""A proxy: LiteLLM's Router with the plugin, calling at a steady rate until its stdin closes.

    python -m integration.caller URL RATE SERVER=ADDRESS…

Of each 20 calls four end through the caller itself: one is cancelled, as a stream every other time;
one is given up early; the other two are malformed, too long or filtered. Of the rest every fifth is
a stream. Prints, at the end, how many calls ended how and
what became of their reports, as JSON. Runs where litellm is installed.
"""

import asyncio
import json
import os
import sys
from collections import Counter
from typing import Any

# otherwise its import sends requests to the internet
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import litellm

from integration.commanded_servers import MODEL, SLOW
from tracker.client import ProviderStatusClient
from tracker.litellm import ProviderStatusRouting

GROUP = "chat"
PATIENCE = 0.4  # seconds until an impatient caller gives up
MIX = ("cancelled", "malformed", "impatient", "filtered")
OTHERS = {"malformed": "too long", "cancelled": "left stream"}  # instead, every other time
ROUND = 20  # calls per round, of which those in MIX are neutral
END_SECONDS = 8.0  # for the calls in progress


def sort_of(number: int) -> str:
    """Return what the call with this number is: a good one, or one of MIX, evenly spread."""
    place, within = divmod(number % ROUND, ROUND // len(MIX))
    if within:
        return "stream" if within == 1 else "hello"
    chosen = MIX[place]
    return OTHERS.get(chosen, chosen) if (number // ROUND) % 2 else chosen


async def call(router: Any, sort: str) -> str:
    """Make one call; return how it ended."""
    prompt = SLOW if sort in {"cancelled", "impatient"} else sort
    options: dict[str, Any] = {"timeout": PATIENCE} if sort == "impatient" else {}
    if sort in {"stream", "left stream"}:
        options["stream"] = True
    asked = router.acompletion(GROUP, [{"role": "user", "content": prompt}], **options)
    try:
        if sort == "cancelled":
            await asyncio.wait_for(asked, PATIENCE)
        elif options.get("stream"):
            await read_stream(await asked, to_its_end=sort == "stream")
        else:
            await asked
    except TimeoutError:
        return "cancelled"
    except Exception as error:  # noqa: BLE001 (counted, whatever it is)
        return type(error).__name__
    return "answered"


async def read_stream(stream: Any, *, to_its_end: bool) -> None:
    async for _ in stream:
        if not to_its_end:
            await stream.aclose()
            return


async def call_steadily(router: Any, rate: float, ended: asyncio.Event) -> Counter[str]:
    """Call ``rate`` times a second until ``ended``, whatever a call takes."""
    found: Counter[str] = Counter()
    tasks: set[asyncio.Task[None]] = set()

    async def count(sort: str) -> None:
        found[f"{sort}: {await call(router, sort)}"] += 1

    number, due = 0, asyncio.get_running_loop().time()
    while not ended.is_set():
        task = asyncio.create_task(count(sort_of(number)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        number, due = number + 1, due + 1.0 / rate
        await asyncio.sleep(max(due - asyncio.get_running_loop().time(), 0.0))
    if tasks:
        await asyncio.wait(tasks, timeout=END_SECONDS)
    return found


def deployment(name: str, address: str) -> dict[str, Any]:
    return {
        "model_name": GROUP,
        "litellm_params": {"model": f"openai/{MODEL}", "api_key": "none", "api_base": address},
        "model_info": {"provider_status_name": name},
    }


async def main(url: str, rate: float, servers: dict[str, str]) -> None:
    litellm.suppress_debug_info = True
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.run_in_executor(None, lambda: (sys.stdin.read(), loop.call_soon_threadsafe(ended.set)))
    router = litellm.Router(
        model_list=[deployment(*item) for item in servers.items()], num_retries=0
    )
    token = os.environ["PROVIDER_STATUS_REPORT_TOKEN"]
    async with ProviderStatusClient(
        url, report_token=token, reporter="litellm", poll_interval=1.0, start_timeout=10.0
    ) as client:
        litellm.callbacks = [ProviderStatusRouting(client)]
        print("ready", flush=True)
        found = await call_steadily(router, rate, ended)
        await asyncio.sleep(3.0)  # LiteLLM reports a call only after it has ended
        counts = client.reports
    reports = {"sent": counts.sent, "dropped": counts.dropped, "refused": counts.refused}
    print(json.dumps({"calls": dict(sorted(found.items())), "reports": reports}), flush=True)


if __name__ == "__main__":
    asyncio.run(
        main(sys.argv[1], float(sys.argv[2]), dict(pair.split("=", 1) for pair in sys.argv[3:]))
    )
