"""Buckets are written as their shape on the wire says."""

from datetime import UTC, datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from api.http.history_stream import encode_history
from api.schemas.convert import convert
from api.schemas.history import Bucket as Shape
from tracker.store import Bucket, BucketLatency, History

numbers = st.floats(0.0, 1e6)
buckets = st.builds(
    Bucket,
    st.integers(0, 2**31).map(lambda at: datetime.fromtimestamp(at, UTC)),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.none() | st.floats(0.0, 100.0),
    st.none() | st.builds(BucketLatency, numbers, numbers, numbers, numbers, numbers),
)


@given(buckets)
def test_a_bucket_is_written_as_its_shape_says(bucket: Bucket) -> None:
    history = History(resolution_seconds=60.0, providers={"a": (bucket,)})
    written = msgspec.json.decode(b"".join(encode_history(history, 1)))
    assert written["providers"]["a"] == [msgspec.to_builtins(convert(Shape, bucket))]
