"""A process that starts an embedded PostgreSQL and does nothing else, to be ended in every way.

``python -m tests.services.embedded.owner FOLDER`` prints the server's process number.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from services.embedded.postgres import EmbeddedPostgres

if __name__ == "__main__":
    # Under nohup it would be passed over, and so would be passed on to this process.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    folder = Path(sys.argv[1])
    EmbeddedPostgres(folder, settings={"fsync": "off"}).start()
    sys.stdout.write((folder / "postgres/postmaster.pid").read_text().split()[0] + "\n")
    sys.stdout.flush()
    signal.pause()
