"""Who may use the application: tokens, and what pages of other sites may not do.

Without a token the service answers on loopback alone. A browser on this machine is there too,
so a page of another site must not reach it: neither under a name that resolves to loopback
only since a moment ago (the ``Host`` header tells), nor by sending a change across sites.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from trace_clustering.addresses import is_loopback
from trace_clustering.settings import Settings

OPEN_PATHS = frozenset({"/healthz"})

# Where clients of other makers send: by the protocol, and as their SDKs have it.
_OTLP = (
    "/v1/traces",
    "/api/public/otel/v1/traces",  # Langfuse
    "/i/v0/ai/otel",  # PostHog's span processor, and its exporter set up by hand
    "/i/v0/ai/otel/v1/traces",
)
_POSTHOG = ("/batch", "/capture", "/e", "/i/v0/e", "/i/v0/ai/batch")
# Clients differ in the slash at the end, and a redirect would not pass the guard.
OTLP_PATHS = tuple(path + end for path in _OTLP for end in ("", "/"))
POSTHOG_PATHS = tuple(path + end for path in _POSTHOG for end in ("", "/"))
POSTHOG_V1_PATH = "/i/v1/analytics/events"
PROJECTS_PATH = "/api/public/projects"
# Their routes find out for themselves who sends: every protocol has its own way to bring a key.
SENDER_PATHS = frozenset({*OTLP_PATHS, *POSTHOG_PATHS, POSTHOG_V1_PATH, PROJECTS_PATH})
_UNGUARDED = OPEN_PATHS | SENDER_PATHS

# How the command line calls the application that it mounts in its own process.
IN_PROCESS_HOST = "in-process"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

Next = Callable[[Request], Awaitable[Response]]


def guard(settings: Settings) -> Callable[[Request, Next], Awaitable[Response]]:
    """Middleware that refuses what is not allowed before any route is looked at."""

    async def check(request: Request, call_next: Next) -> Response:
        return _refusal(request, settings) or await call_next(request)

    return check


def error_response(status: int, kind: str, field: str | None, message: str) -> JSONResponse:
    """An error in the one form that the API has."""
    return JSONResponse({"error": {"type": kind, "field": field, "message": message}}, status)


def _refusal(request: Request, settings: Settings) -> Response | None:
    if _is_across_sites(request):
        return error_response(403, "Forbidden", None, "a change may not be sent from another site")
    if settings.token is None:
        if not _is_own_name(request.headers.get("host", ""), settings):
            return error_response(403, "Forbidden", "Host", "Host: is no name of this service")
        return None
    # As routes match it; the request's URL is put together from its headers too.
    if request.scope["path"] in _UNGUARDED:
        return None
    expected = f"Bearer {settings.token.get_secret_value()}".encode()
    # Headers are bytes; Starlette hands them out as Latin-1.
    given = request.headers.get("authorization", "").encode("latin-1")
    if secrets.compare_digest(given, expected):
        return None
    answer = error_response(401, "Unauthorized", None, "a valid bearer token is required")
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _is_across_sites(request: Request) -> bool:
    if request.method in _SAFE_METHODS:
        return False
    origin = request.headers.get("origin")
    if origin is not None and not _is_place(origin, request.headers.get("host", "")):
        return True
    return request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin")


def _is_place(origin: str, host: str) -> bool:
    try:
        return host != "" and urlsplit(origin).netloc == host
    except ValueError:
        return False


def _is_own_name(host: str, settings: Settings) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name in (settings.host, IN_PROCESS_HOST) or is_loopback(name)
