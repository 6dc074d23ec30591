"""Loading policies by name: the shipped ones, and a user's own as ``module:function``."""

import inspect
import sys
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tracker.core.settings import RankingSettings
from tracker.ranking.expected_cost import ExpectedCost
from tracker.ranking.lowest_latency import lowest_latency
from tracker.ranking.peak_ewma import PeakEwma
from tracker.ranking.policy import Policy, PolicyError

DEFAULT = "expected_cost"
SHIPPED: Mapping[str, Callable[[RankingSettings], Policy]] = MappingProxyType(
    {
        DEFAULT: ExpectedCost,
        "lowest_latency": lambda _: lowest_latency,
        "peak_ewma": PeakEwma,
    }
)


def load_policy(
    name: str,
    settings: RankingSettings = RankingSettings(),
) -> Policy:
    """Load a shipped policy, or the callable at ``module:function``. Raises PolicyError."""
    if make := SHIPPED.get(name):
        return make(settings)
    module, colon, path = name.partition(":")
    if not (module and colon and path):
        raise PolicyError(_describe_unknown(name))
    return _require_policy(name, _import(name, module, path))


def _describe_unknown(name: str) -> str:
    near = get_close_matches(name, SHIPPED, n=1)
    guess = f'; did you mean "{near[0]}"?' if near else ""
    return (
        f'there is no ranking policy "{name}"{guess} '
        f'(shipped: {", ".join(SHIPPED)}; your own: "module:function")'
    )


def _import(name: str, module: str, path: str) -> Any:
    # As uvicorn and gunicorn do, but last on the path: a local file must not hide a real module.
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    try:
        return attrgetter(path)(import_module(module))
    except (Exception, SystemExit) as error:
        told = f"{type(error).__name__}: {error}"
        raise PolicyError(f'policy "{name}" cannot be loaded: {told}') from error


def _require_policy(name: str, policy: Any) -> Policy:
    if not callable(policy) or inspect.isclass(policy):
        raise PolicyError(f'policy "{name}" is a {type(policy).__name__}, not a function')
    if inspect.iscoroutinefunction(policy):
        raise PolicyError(f'policy "{name}" is an async function; ranking must not wait')
    try:
        inspect.signature(policy).bind((), None)
    except TypeError as error:
        raise PolicyError(
            f'policy "{name}" must take two arguments, candidates and incumbent: {error}'
        ) from error
    except ValueError:
        pass  # a built-in without a visible signature: its first call will show whether it fits
    return policy  # type: ignore[no-any-return]  # checked as far as it can be
