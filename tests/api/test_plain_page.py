"""The page for browsers without JavaScript, over a tracker whose snapshot the test writes."""

import re
from typing import Any

from api.app import create_app
from tests.helpers.idle_tracker import a_bare_provider, a_provider, a_tracker
from tracker.core.outcomes import Status

DOWN = a_provider("together", status=Status.DOWN, usable=False, reason="3 checks failed")
HOSTILE = '<img src=x onerror="alert(1)">'


async def get(tracker: Any, **headers: Any) -> tuple[Any, ...]:
    response = await create_app(tracker).test_client().get("/plain", headers=headers)
    return response, (await response.get_data()).decode()


def rows(page: Any) -> list[Any]:
    """The table's text, cell by cell."""
    return [
        [re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row)]
        for row in re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)[1:]
    ]


async def test_the_plain_page_shows_the_ranking_first_and_unknown_as_a_dash() -> None:
    response, page = await get(a_tracker(a_bare_provider(), DOWN, a_provider()))
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert [row[:4] for row in rows(page)] == [
        ["1", "groq", "healthy", "last check ok in 245 ms"],
        ["–", "new", "unknown", "never checked"],
        ["–", "together", "down", "3 checks failed"],
    ]
    assert rows(page)[0][4:8] == ["245.1 ms", "402.7 ms", "99.80 %", "45 % used"]
    assert rows(page)[1][4:] == ["–"] * 6


async def test_the_plain_page_says_which_provider_to_use_and_why() -> None:
    _, page = await get(a_tracker(a_provider()))
    assert '<strong class="foreign">groq</strong> now.' in page
    assert "groq is fastest" in page


async def test_the_plain_page_says_if_no_provider_is_usable_or_watched() -> None:
    _, page = await get(a_tracker(DOWN))
    assert "nothing is usable" in page
    _, page = await get(a_tracker())
    assert rows(page) == [["No provider is watched."]]


async def test_hostile_text_is_shown_as_plain_text() -> None:
    response, page = await get(a_tracker(a_provider(HOSTILE, reason=HOSTILE)))
    assert "<img" not in page
    assert page.count("&lt;img src=x onerror=&#34;alert(1)&#34;&gt;") == 5
    assert "script-src" not in response.headers["Content-Security-Policy"]
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")


async def test_an_unchanged_plain_page_is_304() -> None:
    tracker = a_tracker(a_provider())
    response, _ = await get(tracker)
    again, body = await get(tracker, **{"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, body) == (304, "")


async def test_the_plain_page_has_no_parameters() -> None:
    response = await create_app(a_tracker()).test_client().get("/plain?show=all")
    assert response.status_code == 400
