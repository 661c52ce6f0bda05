"""The HTTP application: routes, who may use them, and how errors read."""

from __future__ import annotations

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
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
    browse_routes,
    export_routes,
    key_routes,
    receivers,
    report_routes,
    routes,
    run_routes,
    schedule_routes,
    search_routes,
    summary_routes,
    trace_routes,
)
from trace_clustering.web.access import check_matched, tokens_of
from trace_clustering.web.guard import Guard
from trace_clustering.web.pages import (
    cluster_pages,
    compare_pages,
    home_pages,
    progress_pages,
    run_pages,
    search_pages,
    sign_in_pages,
    start_pages,
    static_pages,
    team_pages,
    trace_pages,
)
from trace_clustering.web.pages.error_pages import error_answer
from trace_clustering.web.pages.policy import Hardened, harden
from trace_clustering.web.services import Services
from trace_clustering.web.stories import Stories

_STATUS: tuple[tuple[type[TraceClusteringError], int], ...] = (
    (InvalidInputError, 422),
    (NotFoundError, 404),
    (SettingsError, 400),
    (StoreError, 503),
    (ServiceError, 503),
    (EmbeddingError, 502),
)


def create_app(services: Services) -> FastAPI:
    """The application over the given services. Its documentation loads nothing from outside.

    Raises:
        SettingsError: the settings' tokens cannot be told apart.
    """
    app = FastAPI(
        title="trace-clustering",
        version=__version__,
        description="Groups the traces of LLM applications by meaning, every day.",
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(check_matched)],
    )
    app.state.services = services
    app.state.stories = Stories(services.store)
    app.include_router(routes.router)
    for one in (run_routes, browse_routes, report_routes, export_routes, search_routes):
        app.include_router(one.router)
    app.include_router(schedule_routes.router)
    app.include_router(summary_routes.router)
    app.include_router(key_routes.router)
    app.include_router(trace_routes.router)
    app.include_router(receivers.router)
    for pages in (
        cluster_pages,
        compare_pages,
        home_pages,
        progress_pages,
        run_pages,
        search_pages,
        sign_in_pages,
        start_pages,
        static_pages,
        team_pages,
        trace_pages,
    ):
        app.include_router(pages.router)
    # The last one that is added is the outermost.
    app.add_middleware(Guard, settings=services.settings, tokens=tokens_of(services.settings))
    app.add_middleware(Hardened)
    app.exception_handler(TraceClusteringError)(_ours)
    app.exception_handler(RequestValidationError)(_invalid_request)
    app.exception_handler(HTTPException)(_http)
    app.exception_handler(Exception)(_unexpected)
    return app


async def _ours(request: Request, error: Exception) -> Response:
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
    field = getattr(error, "field", None)
    return error_answer(request, status, type(error).__name__, field, str(error))


async def _invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    problem = first["msg"].removeprefix("Value error, ")
    return error_answer(request, 422, "InvalidInputError", field, f"{field}: {problem}")


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    answer = error_answer(request, error.status_code, "HTTPException", None, str(error.detail))
    answer.headers.update(error.headers or {})
    return answer


async def _unexpected(request: Request, error: Exception) -> Response:
    # Starlette raises it again afterwards, so that the log has its trace.
    answer = error_answer(request, 500, type(error).__name__, None, f"unexpected: {error}")
    # It is answered around all middleware.
    harden(answer.headers, request.scope["path"])
    return answer
