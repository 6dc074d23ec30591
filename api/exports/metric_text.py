"""Numbers and labels as both formats of Prometheus have them, without its client: that is slow."""

from collections.abc import Callable
from functools import lru_cache

import msgspec
from prometheus_client.utils import floatToGoString

SMALLEST = 0.001  # from here to a million the client writes plain digits, and so does msgspec
MILLION = 1_000_000  # from here on the client writes an exponent
LARGEST = 10_000_000_000.0  # up to here it has one digit; Unix times do
_write_number: Callable[[float], str] = floatToGoString
_write_digits = msgspec.json.Encoder().encode  # a third of the time that ``repr`` takes
_SMALL_COUNTS = tuple(f"{count}.0" for count in range(1_000))


def format_number(value: float) -> str:
    """Write a number, with an exponent from a million on. value: a float, not an int."""
    if SMALLEST <= value < MILLION:
        return _write_digits(value).decode()
    if MILLION <= value < LARGEST:
        whole, _, rest = _write_digits(value).decode().partition(".")
        digits = f"{whole[0]}.{whole[1:]}{rest}".rstrip("0.")
        return f"{digits}e+0{len(whole) - 1}"
    return _write_number(value)


def format_count(count: int) -> str:
    """Write a whole number that is not negative."""
    if count < len(_SMALL_COUNTS):
        return _SMALL_COUNTS[count]
    return f"{count}.0" if count < MILLION else format_number(float(count))


@lru_cache(maxsize=20_000)
def escape(label: str) -> str:
    """Write a label's value, without the quotes around it."""
    return label.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
