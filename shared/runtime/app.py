"""The app factory: what every service's HTTP face has in common.

Problems for every error, probes, figures, an offline page of the API documents, and
headers.  A service adds its operations and its lifespan.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import fastapi_offline
from fastapi import APIRouter, Depends, FastAPI, Response
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.runtime.guard import RequestGuard
from shared.runtime.parameters import refuse_unknown_parameters
from shared.runtime.plain_operation import PlainOperation, PlainOperations, check_documented
from shared.runtime.problems import RESPONSES, add_problem_handlers
from shared.runtime.readiness import Readiness
from shared.wire.paths import DEFAULT_SERVICE, PREFIXES, ServiceName

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
#: Finds out how a service does, whenever /readyz is asked.
FindsOut = Callable[[], Awaitable[Readiness]]

_ASSETS = Path(fastapi_offline.__file__).parent / "static"

_DOCS_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Homeward API: {service}</title>
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<style>
  body {{ margin: 0; font-family: sans-serif; }}
  nav {{ padding: 1rem 2rem; background: #1d3557; color: #fff; }}
  nav a {{ color: #fff; margin-left: 1.5rem; }}
  nav a[aria-current] {{ font-weight: bold; text-decoration: none; }}
</style></head>
<body><nav aria-label="Services">Homeward API {links}</nav><main id="ui"></main>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script>
SwaggerUIBundle({{dom_id: "#ui", url: "/openapi/{service}.json", deepLinking: true, validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis]}});
</script></body></html>
"""


def build_app(
    *,
    service: str,
    summary: str,
    routers: Sequence[APIRouter],
    lifespan: Lifespan,
    readiness: FindsOut,
    plain: Sequence[PlainOperation] = (),
) -> FastAPI:
    """Return the service's app; ``lifespan`` puts what operations need on ``app.state``.

    Of the operations in ``routers``, those in ``plain`` have a short way; raises ValueError
    for one that is not among them.
    """
    app = FastAPI(
        title=f"Homeward {service}",
        summary=summary,
        version="1",
        openapi_url=f"/openapi/{service}.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        # A redirect would be made from the Host header, which the caller chooses.
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    add_problem_handlers(app)
    for router in routers:
        app.include_router(router, responses=RESPONSES, dependencies=[Depends(refuse_unknown_parameters)])
    app.include_router(_operational(readiness))
    app.mount("/docs/assets", StaticFiles(directory=_ASSETS))
    if plain:
        check_documented(plain, routers)
        app.add_middleware(PlainOperations, operations=plain)
    app.add_middleware(RequestGuard, service=service)
    return app


def _docs_page(service: str) -> str:
    current = {True: ' aria-current="page"', False: ""}
    links = (f'<a href="/docs?service={name}"{current[name == service]}>{name}</a>' for name in PREFIXES)
    return _DOCS_PAGE.format(service=service, links=" ".join(links))


def _operational(readiness: FindsOut) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/livez")
    async def livez() -> dict[str, str]:
        """Answer as long as the process can answer at all."""
        return {"status": "ok"}

    @router.get("/readyz")
    async def readyz() -> JSONResponse:
        """Answer 200 when every part works, be it not for every authority; 503 with what does not otherwise."""
        found = await readiness()
        return JSONResponse(found.shown(), 200 if found.ready else 503)

    @router.get("/metrics")
    async def metrics() -> Response:
        """Figures in the Prometheus text format."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    @router.get("/docs")
    async def docs(service: ServiceName = DEFAULT_SERVICE) -> HTMLResponse:
        """Show the API document of one service, from files of this installation: no internet is needed."""
        return HTMLResponse(_docs_page(service))

    return router
