"""The shapes on the wire, and the conversion from the snapshot."""
