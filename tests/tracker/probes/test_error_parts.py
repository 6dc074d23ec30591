"""tracker.probes.error_parts: codes and texts out of every place where vendors put them."""

from typing import Any

import pytest

from tracker.probes.error_bodies import error_of, error_text
from tracker.probes.error_parts import DEPTH, PARTS, read_codes, walk_parts


def codes(error: dict[str, Any]) -> tuple[str, ...]:
    return read_codes(tuple(walk_parts(error)))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ({"code": "a"}, ("a",)),
        ({"Code": "a"}, ("a",)),
        ({"code": 429}, ("429",)),
        ({"code": " a "}, ("a",)),
        ({"type": "vague", "code": "telling"}, ("telling", "vague")),
        ({"details": {"error_code": "a"}}, ("a",)),
        ({"details": [{"reason": "a"}, {"reason": "b"}]}, ("a", "b")),
        ({"errors": [{"code": 5007}]}, ("errors[].5007",)),
        ({"errors": [{"code": 429}]}, ("429",)),
        ({"base_resp": {"status_code": 1008}}, ("base_resp.1008",)),
        ({"error_code": 17}, ("error_code.17", "17")),
        ({"metadata": {"error_type": "a"}, "code": 403}, ("a", "403")),
        ({"Response": {"Error": {"Code": "a"}}}, ("a",)),
        ({"code": True}, ()),
        ({"code": ["a"]}, ()),
        ({"code": "a" * 101}, ()),
        ({"code": 10**400}, ()),
    ],
)
def test_codes_are_read_where_they_stand(error: dict[str, Any], told: Any) -> None:
    assert codes(error) == told


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"error": "a"}, "a"),
        ({"error": {"message": "a"}}, "a"),
        ([{"error": {"message": "a"}}], "a"),
        ({"error": {"message": "a", "error": {"message": "b"}}}, "a. b"),
        ({"error": {"message": "a", "metadata": {"raw": "b"}}}, "a. b"),
        ({"error": {"message": "a", "details": [{"message": "a"}]}}, "a"),
        ({"success": False, "errors": [{"message": "a"}]}, "a"),
        ({"success": False, "errors": ["a"]}, "a"),
        ({"base_resp": {"status_code": 1008, "status_msg": "a"}, "choices": None}, "a"),
        ({"code": 30001, "message": "a", "data": None}, "a"),
        ({"error": True, "message": "a"}, "a"),
    ],
)
def test_the_text_of_an_error_is_read(body: dict[str, Any] | list[Any], text: str) -> None:
    assert error_text(body) == text


@pytest.mark.parametrize(
    "body",
    [
        {"data": [{}], "code": 5, "message": "a model"},
        {"base_resp": {"status_code": 0, "status_msg": ""}, "choices": [{}]},
        {"code": 0, "message": "ok"},
        {"code": "success", "message": "", "result": {}},
        {"message": "hello"},
        {"object": "list", "data": None},
    ],
)
def test_an_answer_is_no_error(body: dict[str, Any]) -> None:
    assert error_of(body) == {}


def test_a_deep_or_wide_body_is_not_examined_further() -> None:
    deep: dict[str, Any] = {"code": "end"}
    for _ in range(DEPTH):
        deep = {"error": deep}
    assert codes(deep) == ()
    wide = {"errors": [{"error": [{"code": "a"}] * 99}] * 99}
    assert len(list(walk_parts(wide))) <= PARTS + 1
