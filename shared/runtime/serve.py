"""Serving one app in this process until it is told to stop."""

from __future__ import annotations

import uvicorn
from fastapi import FastAPI

from shared.runtime import logs
from shared.runtime.settings import Settings

#: Where the three separate processes listen unless HOMEWARD_PORT says otherwise.
DEFAULT_PORTS = {"events": 8001, "scheduler": 8002, "reporting": 8003}


def serve(app: FastAPI, service: str, settings: Settings) -> None:
    """Serve ``app`` and block; Ctrl-C and SIGTERM finish open requests first."""
    logs.configure(settings.log_level)
    port = settings.port if "port" in settings.model_fields_set else DEFAULT_PORTS[service]
    uvicorn.run(app, host=settings.host, port=port, access_log=False, log_config=None, server_header=False)
