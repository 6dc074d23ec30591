"""What the tests of requests over TLS share."""

import pytest
import trustme


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Make one that no client trusts by itself."""
    return trustme.CA()
