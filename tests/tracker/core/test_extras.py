"""What to install if a package is missing."""

import pytest

from tracker.core.extras import explain_missing


def missing(name: str) -> ModuleNotFoundError:
    return ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_the_extra_that_brings_a_package_is_named() -> None:
    assert "pip install 'provider-status-tracker[server]'" in str(explain_missing(missing("quart")))


def test_an_error_that_was_caused_by_a_missing_package_is_explained() -> None:
    error = ImportError("Cannot import module")
    error.__cause__ = missing("trio")
    assert "no package trio" in str(explain_missing(error))


@pytest.mark.parametrize("error", [missing("tracker.nowhere"), missing("api"), ImportError("else")])
def test_a_missing_module_of_our_own_is_not_explained_as_an_extra(error: ImportError) -> None:
    assert explain_missing(error) is None
