"""The client for proxies: the best provider from memory, kept up to date in the background.

    with ProviderStatusClient("http://127.0.0.1:8000") as client:        # plain threads
        client.get_healthiest_provider()

and ``async with`` under asyncio and trio. Needs anyio, httpx and attrs, nothing of the server.
"""

from tracker.client.choice import Choice
from tracker.client.offer import Offer
from tracker.client.ranking_cache import State
from tracker.client.report_queue import ReportCounts
from tracker.client.status_client import ProviderStatusClient

__all__ = ["Choice", "Offer", "ProviderStatusClient", "ReportCounts", "State"]
