"""Errors as one sentence on stderr and an exit code (contract, section 2)."""

import os
import sys
from enum import IntEnum
from pathlib import Path

import structlog
from cyclopts import App, CycloptsError, UnknownCommandError

from api.cli.terminal import respect_locale
from api.serving.errors import CannotListenError, UnsafeBindError
from tracker.config.errors import ConfigError
from tracker.core.extras import explain_missing
from tracker.ranking.policy import PolicyError
from tracker.runtime.logs import configure_logs

log = structlog.get_logger()


class ExitCode(IntEnum):
    OK = 0
    NOTHING_USABLE = 1  # also: the tracker cannot be reached, or cannot start
    USAGE = 2
    NOTHING_CONFIGURED = 3
    CRASHED = 4


class UsageError(Exception):
    """The command was used wrongly, or its configuration is wrong."""


class UnreachableError(Exception):
    """No tracker answers at the URL, or the answer is not a tracker's."""


def exit_code_of(app: App) -> int:
    """Run the command line of this process. Its log goes to stderr, whatever goes wrong."""
    _replace_missing_streams()
    respect_locale()
    configure_logs(level="error")
    code = _run(app)
    try:
        sys.stderr.flush()
    except OSError:  # the log's disk is full: at exit the interpreter would return code 120
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    return code


def _replace_missing_streams() -> None:
    """Start without stdout or stderr (``2>&-``) as with /dev/null: Python has None for them."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 (until the process ends)


def _run(app: App) -> int:
    try:
        code = app(exit_on_error=False, print_error=True)
        sys.stdout.flush()  # a pipe without a reader fails here, not at exit
    except UnknownCommandError:
        print("`provider-status --help` lists every command.", file=sys.stderr)  # noqa: T201
        return ExitCode.USAGE
    except CycloptsError:
        return ExitCode.USAGE
    except KeyboardInterrupt:
        return 130
    except BaseException as error:  # noqa: BLE001 (whatever it is, it becomes a code)
        return _report(error)
    return code if isinstance(code, int) else ExitCode.OK


def _report(error: BaseException) -> int:
    found = unwrap_group(error)
    match found:
        case SystemExit():
            return found.code if isinstance(found.code, int) else ExitCode.USAGE
        case ConfigError() | PolicyError() | UnsafeBindError() | UsageError():
            return _print_error(found, ExitCode.USAGE)
        case CannotListenError() | UnreachableError():
            return _print_error(found, ExitCode.NOTHING_USABLE)
        case BrokenPipeError():
            return _silence_stdout()
        case ImportError() if told := explain_missing(found):
            return _print_error(UsageError(told), ExitCode.USAGE)
    log.critical("the tracker crashed and cannot continue", exc_info=error)
    return ExitCode.CRASHED


def _silence_stdout() -> ExitCode:
    """Keep the interpreter from flushing into a closed pipe at its end (``status | head``)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.OK


def unwrap_group(error: BaseException) -> BaseException:
    """Return what a group holds if it holds one error only, else the group."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _print_error(error: BaseException, code: ExitCode) -> ExitCode:
    print(error, file=sys.stderr)  # noqa: T201 (a command's own words)
    return code
