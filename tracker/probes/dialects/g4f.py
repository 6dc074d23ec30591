"""gpt4free's server: only a completion reaches a provider behind it.

Its model lists are local and exempt from authentication. An empty model lets it choose one.
(xtekky/gpt4free g4f/api/__init__.py)
"""

from tracker.probes.completions import complete
from tracker.probes.dialects.openai import WIRE
from tracker.probes.listing import check_list
from tracker.probes.session import Session
from tracker.reports import Finding
from tracker.secret import Secret


async def check(session: Session, key: Secret | None) -> Finding:
    if session.provider.check == "chat":
        return await complete(session, key, WIRE, default="")
    return await check_list(session, key, session.option("path"))
