"""One Chromium for all tests of the dashboard that a worker runs: each has a tracker of its own."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.helpers.browser import Browser


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Browser]":
    from tests.helpers.browser import chromium  # noqa: PLC0415 (skips a module without selenium)

    with chromium(tmp_path_factory.mktemp("profile")) as opened:
        yield opened
