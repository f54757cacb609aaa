"""The operations of the events service: append, read, and look up what may be said."""
