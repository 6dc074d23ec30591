"""Keys in other forms are masked; words are not."""

import string
from time import thread_time
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.core.loose_forms import GRAM, RUN, LooseForms, _holds_any
from tracker.core.redaction import MASK, Mask, Secret

KEY = "sk-Canary0123456789abcdefXYZ"
FORMS = {
    "in capitals": KEY.upper(),
    "in small letters": KEY.lower(),
    "spaced": " ".join(KEY),
    "dashed": "-".join(KEY),
    "over lines": "\n".join(KEY),
    "fullwidth": "".join(chr(ord(c) + 0xFEE0) for c in KEY),
    "backwards": KEY[::-1],
    "backwards and spaced": " ".join(KEY[::-1]),
    "a part of it backwards": KEY[20:5:-1],
    "in hex": KEY.encode().hex(),
    "in hex with colons": KEY.encode().hex(":").upper(),
    "as HTML writes characters": "".join(f"&#{ord(c)};" for c in KEY),
    "as HTML does in hex": "".join(f"&#x{ord(c):X};" for c in KEY),
    "as JSON escapes": "".join(f"\\u{ord(c):04x}" for c in KEY),
    "as C escapes": "".join(f"\\x{ord(c):02x}" for c in KEY),
    "as a list of bytes": ", ".join(f"0x{ord(c):02x}" for c in KEY),
    "a part of it in HTML": "".join(f"&#{ord(c)};" for c in KEY[8:21]),
    "its first half": KEY[: len(KEY) // 2],
    "its second half": KEY[len(KEY) // 2 :],
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_key_in_another_form_is_masked(form: str) -> None:
    shown = Mask([Secret(KEY)])(f"your key {form} is wrong")
    assert shown.startswith("your key ")
    assert shown.endswith(" is wrong")
    assert MASK in shown
    bare = "".join(filter(str.isalnum, normalize("NFKC", shown))).lower()
    assert "123456789" not in bare
    assert "303132333435" not in bare
    for code in ("{:d}", "x{:x}", "0x{:x}", "u{:04x}"):
        assert "".join(code.format(ord(char)) for char in "12345") not in bare


@pytest.mark.parametrize(
    "text",
    ["the provider is overloaded", "llama-3.3-70b-versatile", "sk-…", "canary in a coal mine", ""],
)
def test_text_that_is_not_a_key_is_unchanged(text: str) -> None:
    assert Mask([Secret(KEY), Secret("report-token-of-the-tests")])(text) == text


keys = st.text(string.ascii_letters + string.digits + "-_", min_size=20, max_size=60)


@given(keys, st.data(), st.text(max_size=20), st.text(max_size=20))
def test_no_part_of_twelve_with_a_digit_or_capital_stays(
    key: str, data: st.DataObject, before: str, after: str
) -> None:
    bare = "".join(filter(str.isalnum, key))
    start = data.draw(st.integers(0, max(len(bare) - RUN, 0)))
    part = bare[start : start + RUN]
    if len(part) < RUN or (part.isalpha() and part.islower()):
        return
    mask = Mask([Secret(key)])
    assert part not in mask(before + part + after)
    assert mask.may_hide(part)


@given(
    st.text("ab1", max_size=30),
    st.sets(st.text("ab1", min_size=GRAM, max_size=GRAM), max_size=40),
)
def test_pieces_are_found_however_many_there_are(bare: str, grams: set[str]) -> None:
    assert _holds_any(bare, grams) is any(gram in bare for gram in grams)


def test_a_line_takes_as_long_with_three_thousand_keys_as_with_thirty() -> None:
    """Each key was searched for: 20 ms for each line of the log, on the event loop."""

    def seconds(count: int) -> float:
        forms = LooseForms(f"sk-Canary{number:028x}XYZ" for number in range(count))
        began = thread_time()
        for _ in range(20):
            assert not forms.are_in("status changed, provider=p2222, before=degraded, reason='ok'")
        return thread_time() - began

    few, many = min(seconds(30) for _ in range(3)), min(seconds(3_000) for _ in range(2))
    assert many <= 20.0 * few, (many, few)
