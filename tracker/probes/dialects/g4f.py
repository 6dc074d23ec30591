"""gpt4free's server: only a completion reaches a provider behind it.

Its model lists are local and say nothing about its upstreams. With an empty model it chooses one.
(xtekky/gpt4free g4f/api/__init__.py)
"""

from tracker.core.outcomes import CheckResult
from tracker.core.redaction import Secret
from tracker.probes.completions import complete
from tracker.probes.dialects.openai import WIRE
from tracker.probes.list_models import check_list
from tracker.probes.session import Session


async def check(session: Session, key: Secret | None) -> CheckResult:
    """List the models of a local g4f server, or ask for a completion by its default model."""
    if session.provider.check == "chat":
        return await complete(session, key, WIRE, default="")
    return await check_list(session, key, session.option("path"))
