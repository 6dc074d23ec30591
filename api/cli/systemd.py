"""Reporting the service's state to systemd: sd_notify(3), one datagram per message.

Without $NOTIFY_SOCKET, that is outside a unit with ``Type=notify``, it does nothing.
"""

import os
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs
import structlog
import trio

if TYPE_CHECKING:
    from tracker.runtime.tracker import Tracker

log = structlog.get_logger()


@attrs.frozen
class Notifier:
    """address: a path, or an abstract name that starts with ``@``.

    watchdog: seconds within which systemd expects a heartbeat; None: it expects none.
    """

    address: str
    watchdog: float | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Notifier | None":
        """Return the notifier, None if no service manager listens or the watchdog is not ours."""
        address = environ.get("NOTIFY_SOCKET", "")
        if not address.startswith(("/", "@")):
            return None
        usec, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
        ours = pid in {"", str(os.getpid())}
        return cls(address, int(usec) / 1e6 if ours and usec.isdecimal() and int(usec) else None)

    def tell(self, message: str) -> None:
        """Tell the service manager; never wait or fail: when it is busy the service must go on."""
        address = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.sendto(message.encode(), address)
        except OSError as error:
            log.warning("systemd could not be notified", message=message, reason=str(error))

    async def run(self, tracker: "Tracker") -> None:
        """Send READY once the server listens, beats while the tracker lives, STOPPING at the end.

        Half the time is systemd's own advice. A loop that stands still or an actor that hangs
        sends none, and systemd restarts the service.
        """
        self.tell("READY=1")
        async with trio.open_nursery() as nursery:
            if self.watchdog is not None:
                nursery.start_soon(self._beat, self.watchdog / 2.0, tracker)
            await tracker.stopped()
            self.tell("STOPPING=1")
            nursery.cancel_scope.cancel()

    async def _beat(self, seconds: float, tracker: "Tracker") -> None:
        while True:
            failures = tracker.failures()
            if failures:
                self.tell(f"STATUS={'; '.join(failures)}")
            else:
                self.tell("WATCHDOG=1")
            await trio.sleep(seconds)


async def notify_systemd(tracker: "Tracker") -> None:
    """Tell the service manager that we are ready, then live; return at once where there is none."""
    notifier = Notifier.of(os.environ)
    if notifier is not None:
        await notifier.run(tracker)
