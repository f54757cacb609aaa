"""``python -m services.embedded``: all of Homeward in this process."""

from __future__ import annotations

from services.embedded.program import main

if __name__ == "__main__":
    raise SystemExit(main())
