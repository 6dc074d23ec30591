"""The message for each cause: printed, so that a person can judge how it reads."""

from contextlib import ExitStack

from integration.alert_receivers import MAIL, SERVICE, WEBHOOK
from integration.alert_trials import ONLY_PROVIDERS, OPENED, PATIENCE, RESOLVED, Setting, Trial
from integration.alert_upstreams import (
    BROKEN,
    HOSTILE,
    KEY_REFUSED,
    MALFORMED,
    QUOTA_SPENT,
    RATE_LIMITED,
    upstreams,
)
from integration.report import expect, insist, say, wait_for

UNSAFE = ("<", ">", "`", "*", "[", "\x1b", "\u202e", "\u2067", "@everyone", "script")


def show(trial: Trial, *parts: str) -> None:
    """Print the webhook's messages, and require that all receivers got the same text."""
    for told in trial.told.of(WEBHOOK):
        say("\n".join([f"  {told.title}", *(f"    {line}" for line in told.text.splitlines())]))
    texts = ["\n".join((e.title, e.text)) for e in trial.told.of(WEBHOOK)]
    for channel in (MAIL, SERVICE):
        heard = [" ".join(each.text.split()) for each in trial.told.of(channel)]
        for told in trial.told.of(WEBHOOK):
            insist(" ".join(told.text.split()) in heard, f"{channel} says the same: {heard}")
    for part in parts:
        insist(any(part in text for text in texts), f"a message says {part!r}")


def keys(trial: Trial) -> None:
    trial.provider.fail("a", answer=KEY_REFUSED)
    trial.until_told(OPENED)
    trial.provider.headers["b"] = {"Retry-After": "7200"}
    trial.provider.fail("b", answer=QUOTA_SPENT)
    trial.until_told(OPENED, OPENED)
    show(trial, "put a valid key into its variable", "add credit", "b may be used again at")
    trial.recovers()
    trial.provider.headers.clear()
    for name in ("a", "b"):
        trial.tracker.check_now(name)
    trial.until_told(OPENED, OPENED, RESOLVED, RESOLVED)


def three_at_once(trial: Trial) -> None:
    """Let three fail; one answers markup, colours, a link, a mention and direction marks."""
    trial.provider.fail("a", "c", answer=BROKEN)
    trial.provider.fail("b", answer=HOSTILE)
    trial.until_told(OPENED)
    show(trial, "3 providers are down", "b is down: server error (500)")
    for told in trial.told.messages:
        found = [mark for mark in UNSAFE if mark in told.title + told.text]
        expect(found, [], f"markup that {told.channel} was told")


def nothing_usable(trial: Trial) -> None:
    """Let one be down and the other's limit be used up, which is no incident of its own."""
    trial.provider.headers["b"] = {"Retry-After": "900"}
    trial.provider.fail("b", answer=RATE_LIMITED)
    trial.fails("a")
    trial.until_told(OPENED)
    show(trial, "No provider is usable", "b cannot be used", "b may be used again at", "a is down")


def blind(trial: Trial) -> None:
    """Let every check be refused as malformed, which says nothing about any provider."""
    trial.provider.fail("a", "b", answer=MALFORMED)
    trial.until_told(OPENED)
    show(trial, "The tracker gets no results", "malformed")


def network(trial: Trial) -> None:
    """Let all be checked through one proxy that cannot be reached."""
    with ExitStack() as stack:
        proxy = stack.enter_context(upstreams(trial.proxy_port))
        wait_for("checks that reach them", lambda: _all_well(trial), PATIENCE)
        trial.passes(60.0)
        stack.pop_all().close()
        trial.until_told(OPENED)
        show(trial, "Our network reaches no provider", "check this machine's DNS")
        proxy = stack.enter_context(upstreams(trial.proxy_port))
        trial.until_told(OPENED, RESOLVED)
        expect(proxy.answers, {}, "failures of the providers")


def _all_well(trial: Trial) -> bool:
    views = trial.tracker.ask("status")["providers"].values()
    return all(view["status"] == "healthy" for view in views)


CAUSES = {
    "keys refused and spent": Setting(play=keys, names=("a", "b", "c")),
    "three at once, one with a hostile text": Setting(
        play=three_at_once, names=("a", "b", "c"), alerts=ONLY_PROVIDERS
    ),
    "nothing usable": Setting(play=nothing_usable, names=("a", "b")),
    "a tracker that sees nothing": Setting(
        play=blind, names=("a", "b"), alerts='page = ["tracker"]'
    ),
    "our own network": Setting(play=network, names=("a", "b", "c"), proxied=True),
}
