"""The only package that uses SQLite: it stores records and reads history."""

from tracker.store.errors import HistoryTooLarge, StoreUnavailable
from tracker.store.loading import KINDS, CheckHistory, StoredData
from tracker.store.points import Bucket, BucketLatency, History, RawPoint
from tracker.store.store import Store, StoreState, open_store

__all__ = [
    "KINDS",
    "Bucket",
    "BucketLatency",
    "CheckHistory",
    "History",
    "HistoryTooLarge",
    "RawPoint",
    "Store",
    "StoreState",
    "StoreUnavailable",
    "StoredData",
    "open_store",
]
