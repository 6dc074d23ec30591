"""The certificate authorities that a provider's connections trust, read again as they change."""

import errno
import ssl
import stat
import time
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

import attrs
import httpx
import structlog

from tracker.core.outcomes import OutcomeKind
from tracker.core.patient_reader import read_patiently
from tracker.core.threads import in_thread
from tracker.probes.http.failures import FetchError

# How long providers share what was read from a ca_file. To read it, as it may hang, takes two
# threads: a seventh of a check with a new connection. A connection that fails ends it.
FRESH_SECONDS = 1.0

log = structlog.get_logger()

_fresh: dict[str, tuple[float, ssl.SSLContext]] = {}  # by ca_file, with time.monotonic


def tls_context(ca_file: str | None = None) -> ssl.SSLContext:
    """Make one context for all providers: loading takes 20 ms. ``ca_file`` adds authorities.

    Another one once the file has changed. Raises OSError (ssl.SSLError is one) when it cannot be
    read.
    """
    if ca_file is None:
        return _tls_context(None, None)
    found = Path(ca_file).stat()
    if not stat.S_ISREG(found.st_mode):  # reading a pipe never ends
        raise OSError(errno.EINVAL, "not a regular file")
    return _tls_context(ca_file, (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns))


@lru_cache(maxsize=32)
def _tls_context(ca_file: str | None, _: tuple[int, ...] | None) -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context


@attrs.define(eq=False)
class CertificateAuthorities:
    """Those that one provider's connections trust.

    read: returns them, which may change while we run; may raise OSError. ca_file: the file they are
    read from, in a thread, because reading may hang; None where nothing is read.
    """

    _read: Callable[[], ssl.SSLContext]
    _ca_file: str | None = None
    _known: ssl.SSLContext | None = attrs.field(init=False, default=None)

    async def load(self) -> ssl.SSLContext:
        """Return the authorities, or those known so far where the file cannot be read just now.

        Raises FetchError where none are known.
        """
        if self._ca_file is None:
            return self._read()
        began = time.monotonic()
        read_at, known = _fresh.get(self._ca_file, (-FRESH_SECONDS, None))
        if known is not None and began - read_at < FRESH_SECONDS:
            self._known = known
            return known
        reading = partial(read_patiently, self._ca_file, self._read, reader=tls_context)
        try:
            found = await in_thread(reading, expected=(OSError,), abandon_on_cancel=True)
        except OSError as error:
            reason = error.strerror or "it contains no certificate"
            if self._known is not None:
                log.warning("ca_file could not be read again", file=self._ca_file, reason=reason)
                return self._known
            message = f"ca_file cannot be read: {reason}"
            raise FetchError(OutcomeKind.REQUEST, message) from None
        self._known = found
        _fresh[self._ca_file] = began, found
        return found

    def forget_reading(self) -> None:
        """Have the file read again next: a connection failed, so it may have been renewed."""
        if self._ca_file is not None:
            _fresh.pop(self._ca_file, None)
