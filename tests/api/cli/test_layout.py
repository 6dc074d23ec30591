"""Column widths: what is cut first, and what is never cut."""

from hypothesis import given
from hypothesis import strategies as st

from api.cli.layout import GAP, NARROW, TIGHTEST, ColumnSize, fit_columns

sizes = st.builds(
    ColumnSize,
    natural=st.integers(0, 120),
    kind=st.sampled_from(["name", "sentence"]),
) | st.builds(
    ColumnSize,
    natural=st.integers(0, 12),
    kind=st.sampled_from(["word", "number"]),
    spare=st.integers(0, 3),
)
tables = st.lists(sizes, min_size=1, max_size=9)
widths = st.integers(20, 220)
STATUS = ColumnSize(10)


def total(found: dict[int, int]) -> int:
    return sum(found.values()) + GAP * max(len(found) - 1, 0)


@given(tables, widths)
def test_words_and_numbers_are_never_cut(columns: list[ColumnSize], width: int) -> None:
    for at, given_width in fit_columns(columns, width).widths.items():
        if columns[at].kind in {"word", "number"}:
            assert given_width == columns[at].natural


@given(tables, widths)
def test_no_column_is_wider_than_its_content(columns: list[ColumnSize], width: int) -> None:
    for at, given_width in fit_columns(columns, width).widths.items():
        assert 0 <= given_width <= columns[at].natural


@given(tables, widths)
def test_a_row_fits_if_its_narrowest_form_fits(columns: list[ColumnSize], width: int) -> None:
    narrowest = {
        at: min(one.natural, TIGHTEST.get(one.kind, one.natural))
        for at, one in enumerate(columns)
        if one.kind != "sentence" and one.spare == 0
    }
    if total(narrowest) <= width:
        assert total(dict(fit_columns(columns, width).widths)) <= width


@given(tables, widths)
def test_only_spare_columns_are_left_out(columns: list[ColumnSize], width: int) -> None:
    found = fit_columns(columns, width)
    for at, one in enumerate(columns):
        stays = one.spare == 0 and not (found.stacked and one.kind == "sentence")
        assert at in found.widths or not stays


@given(tables, widths)
def test_a_column_of_sentences_is_wide_enough_for_some_words(
    columns: list[ColumnSize], width: int
) -> None:
    found = fit_columns(columns, width)
    for at, one in enumerate(columns):
        if one.kind == "sentence" and not found.stacked:
            assert found.widths[at] >= min(one.natural, NARROW["sentence"])


def test_nothing_is_cut_if_everything_fits() -> None:
    columns = [ColumnSize(30, "name"), STATUS, ColumnSize(9, spare=1), ColumnSize(60, "sentence")]
    assert fit_columns(columns, 200).widths == {0: 30, 1: 10, 2: 9, 3: 60}


def test_a_long_name_is_cut_before_the_sentence() -> None:
    columns = [ColumnSize(60, "name"), STATUS, ColumnSize(60, "sentence")]
    assert fit_columns(columns, 100).widths == {0: 33, 1: 10, 2: 53}


def test_a_spare_column_is_left_out_before_a_name_is_cut() -> None:
    columns = [ColumnSize(18, "name"), STATUS, ColumnSize(10, spare=1), ColumnSize(60, "sentence")]
    assert set(fit_columns(columns, 70).widths) == {0, 1, 3}
