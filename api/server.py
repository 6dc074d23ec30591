"""Running the tracker and its server in one nursery, with one start and one shutdown."""

import signal
import threading
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import attrs
import structlog
import trio

from api.app import create_app
from api.connection_counts import ConnectionCounts
from api.http.response_cache import ResponseCache
from api.http.server_sent_events import Streams
from api.serving.connection_limit import ConnectionLimit
from api.serving.descriptors import connection_limit, descriptor_limit
from api.serving.errors import UnsafeBindError
from api.serving.fast_path_connection import connections
from api.serving.http_server import Server
from api.serving.listeners import open_listeners, url_of
from tracker.core.addresses import is_loopback_host
from tracker.core.settings import Config, ServerSettings
from tracker.core.threads import attempt_in_thread
from tracker.probes.http.certificate_authorities import tls_context
from tracker.runtime.service import run_tracker
from tracker.runtime.start_limiter import StartLimiter

if TYPE_CHECKING:
    from tracker.runtime.tracker import Tracker

# Service managers wait at least ten seconds before they kill; the tracker needs three to store.
STOP_SECONDS = 4.0
# Time to load what other replicas know: a load balancer sends clients here as soon as we accept,
# and they wait until then. /livez answers within two seconds of the start.
INFORMED_SECONDS = 1.5
ENDING = (signal.SIGTERM, signal.SIGINT)
HANGUP = getattr(signal, "SIGHUP", None)  # there is none on Windows
log = structlog.get_logger()

Beside = Callable[["Tracker"], Awaitable[None]]
Track = Callable[..., Awaitable[None]]


def announce_on_stdout(url: str) -> None:
    """Print the URL at once, on a line of its own, for programs that started us."""
    print(url, flush=True)  # noqa: T201 (the one line that programs wait for)


async def serve(
    config: Config,
    *,
    announce: Callable[[str], None] = announce_on_stdout,
    track: Track | None = None,
    on_hangup: Beside | None = None,
    beside: Sequence[Beside] = (),
    heed_signals: bool = True,
) -> None:
    """Watch and answer until SIGTERM, SIGINT or ``tracker.stop()``; a second signal ends at once.

    announce: told the bound URL once it answers. track: runs the tracker, as run_tracker does,
    which is used if None: then no check begins before the server is built.
    on_hangup: what SIGHUP does, such as a reload. beside: tasks that run as long as the server.
    Raises UnsafeBindError, CannotListenError, and what crashed, as a group: then nothing goes
    on, for a server over a dead tracker would answer from a frozen snapshot.
    """
    check_bind(config.server)
    settings, over = config.server, trio.Event()
    pacer = StartLimiter(held=True)
    track = track or partial(run_tracker, pacer=pacer)
    async with (
        open_listeners(settings.host, settings.port) as listeners,
        trio.open_nursery() as nursery,
    ):
        ending = ShutdownHandler(nursery.cancel_scope, on_hangup)
        if heed_signals and threading.current_thread() is threading.main_thread():
            await nursery.start(ending.handle_signals)
        tracker = await nursery.start(_track_until_stopped, track, config, over)
        ending.tracker = tracker
        server, streams = _build_server(tracker, listeners, settings.root_path)
        with trio.move_on_after(INFORMED_SECONDS):
            await tracker.informed()
        await nursery.start(server.run)
        # Or the first check takes 20 ms of the loop for it. A failure is each check's own, later.
        await attempt_in_thread(tls_context, expected=(OSError,))
        pacer.release()
        for task in beside:
            nursery.start_soon(task, tracker)
        url = url_of(listeners[0])
        log.info("serving", url=url)
        announce(url)
        await over.wait()
        streams.stop()
        await server.end()
        nursery.cancel_scope.cancel()
    log.info("stopped")


def _build_server(
    tracker: "Tracker", listeners: Sequence[trio.SocketListener], root_path: str
) -> tuple[Server, Streams]:
    answers = ResponseCache()
    most = connection_limit(len(tracker.config.providers), descriptor_limit())
    counts = ConnectionCounts(most)
    streams = Streams(tracker.board, answers, most=most // 2, counts=counts)
    server = Server(
        create_app(tracker, answers=answers, streams=streams),
        listeners,
        root_path,
        lambda text: tracker.mask(text),  # noqa: PLW0108 (a reload changes the mask)
        connections(tracker, answers),
        ConnectionLimit(most, counts),
    )
    return server, streams


def check_bind(settings: ServerSettings) -> None:
    """Raise UnsafeBindError where anybody who reaches the port could change the tracker."""
    if settings.admin_token is None and not is_loopback_host(settings.host):
        raise UnsafeBindError(
            f"{settings.host} can be reached from other machines: set {settings.admin_token_env} "
            "to a long random text first, or bind to 127.0.0.1"
        )


@attrs.define(eq=False)
class ShutdownHandler:
    """Signal handling. The first signal tells the tracker to shut down; all else follows."""

    scope: trio.CancelScope
    on_hangup: Beside | None
    tracker: "Tracker | None" = None
    asked: bool = False

    async def handle_signals(
        self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Reload on SIGHUP; end on SIGINT and SIGTERM. Ready once the signals are caught."""
        received = ENDING if HANGUP is None else (*ENDING, HANGUP)
        with trio.open_signal_receiver(*received) as signals:
            task_status.started()
            async with trio.open_nursery() as nursery:
                async for number in signals:
                    if number == HANGUP:
                        nursery.start_soon(
                            self._on_sighup
                        )  # a signal to shut down must not wait for it
                    else:
                        self._end(signal.Signals(number).name, nursery)

    def _end(self, name: str, nursery: trio.Nursery) -> None:
        if self.asked or self.tracker is None:
            log.warning("stopping immediately", signal=name)
            self.scope.cancel()
            return
        log.info("ending", signal=name)
        self.asked = True
        self.tracker.stop()
        nursery.start_soon(self._force_stop)

    async def _force_stop(self) -> None:
        await trio.sleep(STOP_SECONDS)
        log.warning("shutdown took too long")
        self.scope.cancel()

    async def _on_sighup(self) -> None:
        if self.on_hangup is None or self.tracker is None:
            log.info("SIGHUP ignored", reason="nothing to reload")
            return
        try:
            await self.on_hangup(self.tracker)
        except Exception:  # the running tracker continues with its current configuration
            log.exception("reload failed")


async def _track_until_stopped(
    track: Track,
    config: Config,
    over: trio.Event,
    task_status: trio.TaskStatus["Tracker"] = trio.TASK_STATUS_IGNORED,
) -> None:
    await track(config, task_status=task_status)
    over.set()
