"""The events service: the append-only log that everything else is derived from."""
