"""Reading the event log over HTTP: the one way by which a service sees events."""
