"""``python -m services.cli``: the operator's program."""

from __future__ import annotations

from services.cli.program import main

if __name__ == "__main__":
    raise SystemExit(main())
