"""Watches LLM providers and says which to use next."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tracker.core.extras import explain_missing

if TYPE_CHECKING:
    from tracker.core.settings import Config as Config
    from tracker.runtime.service import get_healthiest_provider as get_healthiest_provider
    from tracker.runtime.service import run_tracker as run_tracker
    from tracker.runtime.tracker import Tracker as Tracker

# Lazily, so that importing tracker.client needs nothing of the server.
_HOMES = {
    "Config": "tracker.core.settings",
    "Tracker": "tracker.runtime.tracker",
    "get_healthiest_provider": "tracker.runtime.service",
    "run_tracker": "tracker.runtime.service",
}
__all__ = ["Config", "Tracker", "get_healthiest_provider", "run_tracker"]


def __getattr__(name: str) -> Any:
    if home := _HOMES.get(name):
        try:
            return getattr(import_module(home), name)
        except ModuleNotFoundError as error:
            raise ImportError(explain_missing(error) or str(error)) from error
    raise AttributeError(f"module 'tracker' has no attribute {name!r}")
