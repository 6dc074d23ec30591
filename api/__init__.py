"""The HTTP API: answers from the snapshot, each encoded once and served many times."""
