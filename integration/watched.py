"""The tracker's configuration for those servers, and the required result of each check."""

from collections.abc import Iterator

import attrs

from integration.servers import MASTER_KEY, WRONG_KEY

ADMIN_TOKEN = "integration-admin-token-5566778899"
SECRETS = {
    "LITELLM_MASTER_KEY": MASTER_KEY,
    "LITELLM_WRONG_KEY": WRONG_KEY,
    "PROVIDER_STATUS_ADMIN_TOKEN": ADMIN_TOKEN,
}
OFTEN, SELDOM = 10.0, 300.0  # seconds between two checks
LIMIT = 5.0  # seconds a check may take


@attrs.frozen(kw_only=True)
class Watched:
    """``at``: the server's name. ``model``: asked for a completion; None reads the model list.

    ``key``: the variable that holds it. The well are checked OFTEN, the others SELDOM.
    """

    name: str
    at: str
    outcome: str
    model: str | None = None
    key: str | None = None

    @property
    def well(self) -> bool:
        return self.outcome == "ok"

    def table(self, base_url: str) -> Iterator[str]:
        yield f"[providers.{self.name}]"
        yield 'kind = "openai"'
        yield f'base_url = "{base_url}/v1"'
        if self.key:
            yield f'api_key_env = "{self.key}"'
        if self.model:
            yield f'check = "chat"\nmodel = "{self.model}"'
        else:
            yield 'check = "models"'
        yield f"interval_seconds = {OFTEN if self.well else SELDOM:g}"
        yield f"timeout_seconds = {LIMIT:g}"
        yield f"degraded_latency_ms = {LIMIT * 1000:g}"  # a busy machine must not make them slow


MASTER = "LITELLM_MASTER_KEY"
WATCHED = (
    Watched(name="fakellm", at="fakellm", model="gpt-4o-mini", outcome="ok"),
    Watched(name="fakellm-list", at="fakellm", outcome="not_found"),  # it has no model list
    Watched(name="litellm", at="litellm", key=MASTER, outcome="ok"),
    Watched(name="litellm-chat", at="litellm", key=MASTER, model="mock", outcome="ok"),
    Watched(
        name="litellm-limited", at="litellm", key=MASTER, model="limited", outcome="rate_limited"
    ),
    Watched(name="litellm-broken", at="litellm", key=MASTER, model="broken", outcome="server"),
    Watched(name="litellm-no-model", at="litellm", key=MASTER, model="gone", outcome="not_found"),
    Watched(name="litellm-wrong-key", at="litellm", key="LITELLM_WRONG_KEY", outcome="auth"),
)


def config(addresses: dict[str, str]) -> str:
    """Return tracker.toml; ``addresses``: of the servers, by name. Re-checks have their
    defaults."""
    tables = ("\n".join(w.table(addresses[w.at])) for w in WATCHED)
    return "\n\n".join(["[tracker]\ndiscover = false", *tables]) + "\n"
