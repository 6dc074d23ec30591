"""Reading and parsing the TOML file; every failure is a ConfigError that says what to do."""

import re
import tomllib
from functools import partial
from pathlib import Path
from typing import Any

from tracker.config.errors import ConfigError, ConfigProblem, UnreadableError, without_secrets
from tracker.core.patient_reader import read_bytes, read_patiently

DEFAULT_FILE = Path("tracker.toml")
READ_SECONDS = 5.0  # a pipe may be slow; one without a writer never answers
_ENDLESS = re.compile("[0-9_]{4301}")  # more digits than Python reads
LARGEST = 1_000_000  # bytes; three thousand providers need a third of this


def find_file(path: Path | None) -> Path | None:
    """Return the file to read: the named one, or tracker.toml where it exists."""
    if path is not None:
        return path
    return DEFAULT_FILE if DEFAULT_FILE.exists() else None


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file. Raises ConfigError: missing, no file, unreadable, not UTF-8, not TOML."""
    text = ""
    try:
        text = read_patiently(path.absolute(), partial(_text, path), 2 * READ_SECONDS)
        return tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        reason = f"line {line} is not UTF-8; save the file as UTF-8"
    except FileNotFoundError:
        reason = "the file does not exist"
    except IsADirectoryError:
        reason = "this is a folder; give the path of a file in it"
    except OSError as error:
        problem = f"it cannot be read: {error.strerror}"
        raise UnreadableError([ConfigProblem(key="", problem=problem)], source=str(path)) from None
    except RecursionError:
        reason = "its lists or tables are nested too deeply"
    except tomllib.TOMLDecodeError as error:
        reason = f"it is not TOML: {without_secrets(str(error))}"
    except ValueError as error:  # too large; a number of 5,000 digits; a NUL in the path
        found = _ENDLESS.search(text)
        line = 0 if found is None else text.count("\n", 0, found.start()) + 1
        reason = f"line {line} has a number of too many digits" if line else str(error)
        reason = f"it cannot be used: {reason}"
    raise ConfigError([ConfigProblem(key="", problem=reason)], source=str(path))


def _text(path: Path) -> str:
    content = read_bytes(path, LARGEST + 1, READ_SECONDS)
    if len(content) > LARGEST:
        raise ValueError(f"the file is larger than {LARGEST:,} bytes")
    return content.decode("utf-8-sig")
