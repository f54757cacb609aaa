"""The limits of the interface, published at ``GET /v1/limits``."""

from __future__ import annotations

BODY_BYTES = 10_000_000
EVENT_BYTES = 256_000
EVENTS_IN_BATCH = 1_000
EVENTS_IN_NDJSON = 5_000
IDENTITY_CHARACTERS = 200
EXTENSIONS = 20
EXTENSION_NAME_CHARACTERS = 20
EXTENSION_VALUE_CHARACTERS = 1_024
PAGE_EVENTS = 1_000
PAGE_EVENTS_DEFAULT = 100
#: Longest wait of one read of the feed, in seconds.
LONG_POLL_SECONDS = 30
#: Long polls and live feeds of one authority that may be open at once, in one process.
WAITING_READERS = 200
#: A page ends early rather than grow larger than this; it always holds one event at least.
PAGE_BYTES = 4_000_000
#: Events that one call verifies or exports as a proof.
PROOF_EVENTS = 100_000
PROOF_EVENTS_DEFAULT = 10_000
#: Faults told of one event; further ones are counted.
FAULTS = 20
