"""How Python's garbage collector treats a service."""

from __future__ import annotations

import gc

#: New objects until the youngest are looked through; a large request makes Python's own 700 many times over.
_YOUNG = 50_000


def spare_the_collector() -> None:
    """Keep what was made while starting from being looked through again and again, and look less often.

    Called once everything is imported and built.  Reference counting frees nearly all that a
    request leaves behind; the collector is for cycles only, and took a third of the time of a
    request with a thousand events.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])
