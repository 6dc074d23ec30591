from http import HTTPStatus

import pytest

from api.http.status_phrases import status_phrase


def test_codes_that_were_renamed_have_the_new_words_under_each_python() -> None:
    assert status_phrase(413) == "Content Too Large"
    assert status_phrase(422) == "Unprocessable Content"


def test_other_codes_have_the_words_of_python() -> None:
    renamed = {413, 414, 416, 422}
    for status in set(HTTPStatus) - renamed:
        assert status_phrase(status) == status.phrase


def test_an_unregistered_code_is_a_bug_of_the_caller() -> None:
    with pytest.raises(ValueError, match="299"):
        status_phrase(299)
