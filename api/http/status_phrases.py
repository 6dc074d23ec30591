"""The names of status codes, the same under each version of Python."""

from http import HTTPStatus

# Python 3.13 uses RFC 9110's names for these (section 15.5); older versions use RFC 7231's.
_RFC_9110 = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}


def status_phrase(status: int) -> str:
    """Name a registered status code.

    Raises:
        ValueError: The code is not registered.

    """
    return _RFC_9110.get(status) or HTTPStatus(status).phrase
