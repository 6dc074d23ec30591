"""Our own webhook: JSON, signed by Standard Webhooks (standardwebhooks.com, version 1)."""

import base64
import hmac
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from tracker.core.redaction import Secret

PREFIX = "whsec_"
TIMEOUT_SECONDS = 10.0
_HTTPS, _HTTP = "webhook+https", "webhook+http"
SCHEMES = (_HTTPS, _HTTP)


class DeliveryError(Exception):
    """A target did not accept a message. The text says why, without the target's URL."""


def signing_key(secret: Secret) -> bytes:
    """Return the bytes that sign. Raises ValueError for what is not base64."""
    text = secret.reveal().removeprefix(PREFIX)
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError as error:  # includes binascii.Error
        raise ValueError("the signing secret must be base64 after whsec_") from error
    if not key:
        raise ValueError("the signing secret is empty")
    return key


def signature_headers(
    key: str, at: datetime, body: bytes, secret: Secret | None
) -> Mapping[str, str]:
    """Return the three headers; without a secret there is no signature."""
    seconds = str(int(at.timestamp()))
    headers = {"webhook-id": key, "webhook-timestamp": seconds}
    if secret is None:
        return headers
    signed = b".".join((key.encode(), seconds.encode(), body))
    digest = hmac.new(signing_key(secret), signed, sha256).digest()
    return {**headers, "webhook-signature": f"v1,{base64.b64encode(digest).decode()}"}


def post(url: str, key: str, at: datetime, body: bytes, secret: Secret | None) -> None:
    """Send one message; blocks. Raises DeliveryError for every answer but a 2xx.

    The environment's proxy variables apply, as for every other target; redirects are not
    followed, since a signature is meant for one receiver.
    """
    request = urllib.request.Request(  # noqa: S310 (our schemes lead to http and https only)
        url.removeprefix("webhook+"),
        data=body,
        method="POST",
        headers={
            "Content-Type": "application/json",
            "User-Agent": "provider-status-tracker",
            **signature_headers(key, at, body, secret),
        },
    )
    context = urllib.request.HTTPSHandler(context=ssl.create_default_context())
    opener = urllib.request.build_opener(context, _NoRedirect())
    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS):
            return
    except urllib.error.HTTPError as error:
        with error:
            raise DeliveryError(f"it answered {error.code} {error.reason}") from None
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        raise DeliveryError(f"it cannot be reached: {reason}") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Leave the 3xx as the answer that it is."""


def is_webhook(url: str) -> bool:
    """Return whether we deliver to this URL ourselves, instead of through apprise."""
    return urlsplit(url).scheme.lower() in SCHEMES
