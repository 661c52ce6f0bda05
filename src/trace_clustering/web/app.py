"""The HTTP application: routes, who may use them, and how errors read."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from trace_clustering import __version__
from trace_clustering.errors import (
    EmbeddingError,
    InvalidInputError,
    NotFoundError,
    ServiceError,
    SettingsError,
    StoreError,
    TraceClusteringError,
)
from trace_clustering.web import (
    key_routes,
    receivers,
    routes,
    schedule_routes,
    summary_routes,
    trace_routes,
)
from trace_clustering.web.guard import error_response, guard
from trace_clustering.web.services import Services

_STATUS: tuple[tuple[type[TraceClusteringError], int], ...] = (
    (InvalidInputError, 422),
    (NotFoundError, 404),
    (SettingsError, 400),
    (StoreError, 503),
    (ServiceError, 503),
    (EmbeddingError, 502),
)


def create_app(services: Services) -> FastAPI:
    """The application over the given services. Its documentation loads nothing from outside."""
    app = FastAPI(
        title="trace-clustering",
        version=__version__,
        description="Groups the traces of LLM applications by meaning, every day.",
        docs_url=None,
        redoc_url=None,
    )
    app.state.services = services
    app.include_router(routes.router)
    app.include_router(schedule_routes.router)
    app.include_router(summary_routes.router)
    app.include_router(key_routes.router)
    app.include_router(trace_routes.router)
    app.include_router(receivers.router)
    app.middleware("http")(guard(services.settings))
    app.exception_handler(TraceClusteringError)(_ours)
    app.exception_handler(RequestValidationError)(_invalid_request)
    app.exception_handler(HTTPException)(_http)
    app.exception_handler(Exception)(_unexpected)
    return app


async def _ours(request: Request, error: Exception) -> JSONResponse:
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
    return error_response(status, type(error).__name__, getattr(error, "field", None), str(error))


async def _invalid_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    return error_response(422, "InvalidInputError", field, f"{field}: {first['msg']}")


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return error_response(error.status_code, "HTTPException", None, str(error.detail))


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    # Starlette raises it again afterwards, so that the log has its trace.
    return error_response(500, type(error).__name__, None, f"unexpected: {error}")
