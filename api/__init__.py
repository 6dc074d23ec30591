"""The tracker over HTTP: answers from its snapshot, encoded once and served many times."""
