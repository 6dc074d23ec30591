"""The JSON formats, and the conversion from the snapshot."""
