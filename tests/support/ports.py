"""Ports that are free."""

from __future__ import annotations

import os
import socket
from itertools import cycle

# Below what systems give to outgoing connections, and for each process a block of its own: between
# the moment a port is found free and the moment a program listens there nobody else comes by it.
_FIRST, _BLOCKS, _BLOCK = 12_000, 200, 100
_begin = _FIRST + os.getpid() % _BLOCKS * _BLOCK
_ports = cycle(range(_begin, _begin + _BLOCK))


def free_port() -> int:
    """Return a port of this machine on which nobody listens just now, and another one each time."""
    return next(port for port in _ports if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
