"""The HTTP application: routes, who may use them, and how errors read."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response
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
from trace_clustering.web import routes, schedule_routes
from trace_clustering.web.services import Services

OPEN_PATHS = frozenset({"/healthz"})

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
    app.middleware("http")(_token_check(services))
    app.exception_handler(TraceClusteringError)(_ours)
    app.exception_handler(RequestValidationError)(_invalid_request)
    app.exception_handler(HTTPException)(_http)
    return app


def _token_check(
    services: Services,
) -> Callable[[Request, Callable[[Request], Awaitable[Response]]], Awaitable[Response]]:
    token = services.settings.token

    async def check(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        if token is None or request.url.path in OPEN_PATHS:
            return await call_next(request)
        expected = f"Bearer {token.get_secret_value()}".encode()
        # Headers are bytes; Starlette hands them out as Latin-1.
        given = request.headers.get("authorization", "").encode("latin-1")
        if not secrets.compare_digest(given, expected):
            answer = _error(401, "Unauthorized", None, "a valid bearer token is required")
            answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        return await call_next(request)

    return check


def _error(status: int, kind: str, field: str | None, message: str) -> JSONResponse:
    return JSONResponse({"error": {"type": kind, "field": field, "message": message}}, status)


async def _ours(request: Request, error: Exception) -> JSONResponse:
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
    return _error(status, type(error).__name__, getattr(error, "field", None), str(error))


async def _invalid_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    return _error(422, "InvalidInputError", field, f"{field}: {first['msg']}")


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return _error(error.status_code, "HTTPException", None, str(error.detail))
