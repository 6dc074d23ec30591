"""What all tests share."""

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A tracker that ran in this process leaves its log level to no other test."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)
