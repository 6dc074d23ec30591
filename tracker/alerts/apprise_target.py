"""Delivery through apprise, which supports about 180 services. Needs the extra ``[alerts]``."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from types import ModuleType

from tracker.alerts.webhook import DeliveryError

MISSING = (
    "apprise is not installed: install the extra with "
    "`pip install 'provider-status-tracker[server,alerts]'`, or use webhook+https:// targets"
)


def target_problem(url: str) -> str | None:
    """Say why apprise cannot send to this URL, None if it can; the URL itself is not repeated."""
    apprise = _import()
    if apprise is None:
        return MISSING
    if apprise.Apprise.instantiate(url, suppress_exceptions=True) is not None:
        return None
    scheme = url.partition("://")[0].lower()
    known = sorted(_schemes(apprise))
    if scheme in known:
        return f"apprise does not accept the part after {scheme}://"
    near = get_close_matches(scheme, [*known, "webhook+https", "webhook+http"], n=1)
    hint = f"; did you mean {near[0]}://?" if near else ""
    return f"apprise has no service {scheme}://{hint}"


def notify(url: str, title: str, body: str) -> None:
    """Send one message; blocks. Raises DeliveryError."""
    apprise = _import()
    if apprise is None:
        raise DeliveryError(MISSING)
    service = apprise.Apprise.instantiate(url, suppress_exceptions=True)
    if service is None:
        raise DeliveryError("apprise does not accept this target's URL")
    with _complaints() as heard:
        if service.notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT):
            return
    raise DeliveryError(
        heard[-1] if heard else "apprise could not deliver the message and gave no reason"
    )


def _import() -> ModuleType | None:
    try:
        return import_module("apprise")  # an extra, and half a second to load
    except ImportError:
        return None


def _schemes(apprise: ModuleType) -> Iterator[str]:
    for service in apprise.Apprise().details()["schemas"]:
        yield from service["protocols"] or ()
        yield from service["secure_protocols"] or ()


class _Listener(logging.Handler):
    """Collects apprise's log warnings in this thread, as it only returns False."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.heard.append(record.getMessage())


@contextmanager
def _complaints() -> Iterator[list[str]]:
    listener, logger = _Listener(), logging.getLogger("apprise")
    logger.addHandler(listener)
    try:
        yield listener.heard
    finally:
        logger.removeHandler(listener)
