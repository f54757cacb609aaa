"""The OpenAPI documents as files, so that a change of the API shows in review.

``python -m tests.meta.documents`` writes them.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.meta.pages import write
from tests.meta.repository import ROOT
from tests.meta.services import SERVICES, app_of


def document_file(service: str) -> Path:
    """Say where the document of a service lies."""
    return ROOT / "docs/reference/openapi" / f"{service}.json"


def document(service: str) -> str:
    """Return the OpenAPI document of a service as text."""
    return json.dumps(app_of(service).openapi(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for each in SERVICES:
        write(document_file(each), document(each))
