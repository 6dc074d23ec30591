"""api.routes.route: rules that only match."""

import pytest

from api.app import create_app
from tests.helpers.idle_tracker import a_tracker


def test_no_code_is_compiled_for_the_urls_of_views() -> None:
    """Else each start of the tracker pays for it, and every test of a route."""
    rules = list(create_app(a_tracker()).url_map.iter_rules())
    assert len(rules) > 20
    for rule in rules:
        with pytest.raises(NotImplementedError, match="match paths"):
            rule.build({})
