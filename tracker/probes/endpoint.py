"""Where a provider is asked and by which options: URLs, headers, what the catalogue says."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs

from tracker.config.catalogue import load_dialects
from tracker.core.outcomes import OutcomeKind
from tracker.core.redaction import Secret
from tracker.core.settings import Provider
from tracker.probes.http.failures import FetchError


@attrs.frozen(kw_only=True)
class Endpoint:
    """One provider's API. moved: base_url is the user's own, so that no other host is asked.

    options: the provider's own before those of its kind.
    """

    base_url: str
    moved: bool
    options: Mapping[str, Any]

    @classmethod
    def of(cls, provider: Provider) -> "Endpoint":
        """Return a provider's endpoint, with the options of its kind in the catalogue."""
        kind = load_dialects().get(provider.kind)
        options = (kind.options if kind else {}) | provider.options
        return cls(base_url=provider.base_url, moved=provider.moved, options=options)

    def option(self, name: str) -> str:
        """Return a text option, the provider's or its kind's; empty where neither has it."""
        value = self.options.get(name, "")
        if isinstance(value, Secret):
            return value.reveal()
        return value if isinstance(value, str) else ""

    def url(self, path: str) -> str:
        """Return a path below base_url; an absolute URL as it is, unless the provider was moved."""
        base = self.base_url.rstrip("/")
        if path.startswith(":") and not urlsplit(base).path:
            # for Google's custom methods (":method"): right after a host it would be a port
            base += "/"
        if not path.startswith(("https://", "http://")):
            return base + path
        if not self.moved:
            return path
        parts = urlsplit(path)
        return base + parts.path + (f"?{parts.query}" if parts.query else "")

    def place(self, url_option: str, path_option: str) -> str:
        """Return a URL of the catalogue on another host, or only its path once moved."""
        url = self.option(url_option)
        return self.option(path_option) if self.moved or not url else url

    def headers(self, key: Secret | None) -> dict[str, str]:
        """Return the catalogue's headers, with the key in the one it belongs in.

        Raises FetchError for a key that no header can hold.
        """
        headers = {"Accept": "application/json", **self.options.get("headers", {})}
        if key is not None:
            scheme = self.option("auth_scheme")
            value = sendable(key)
            name = self.option("auth_header") or "Authorization"
            headers[name] = f"{scheme} {value}" if scheme else value
        return headers


def sendable(key: Secret) -> str:
    """Return the key as a header can carry it. Raises FetchError, which never holds it."""
    value = key.reveal()
    if not value.isascii() or not value.isprintable() or not value.strip():
        message = "the key cannot be sent: it is empty or has characters not allowed in a header"
        raise FetchError(OutcomeKind.REQUEST, message)
    return value
