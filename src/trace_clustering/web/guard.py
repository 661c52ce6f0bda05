"""Who may use the application: tokens, sessions, and what pages of other sites may not do.

Without a token the service answers on loopback alone. A browser on this machine is there too,
so a page of another site must not reach it: neither under a name that resolves to loopback
only since a moment ago (the ``Host`` header tells), nor by sending a change across sites.

With tokens, a request brings one as its bearer token, which no page can have a browser do for
another site, or the cookie of a session, which browsers add by themselves. Against changes that
others send with it stand, each by itself enough in a browser of today:

- ``SameSite=Lax``: a browser leaves the cookie out of changes that another site sends.
- ``Origin`` and ``Sec-Fetch-Site``, which no page can write or leave out: a change with those of
  another place is refused, be it another port of this host or a sister domain, for which
  ``SameSite`` is no hurdle. A change by cookie that has neither is refused too, so that an old
  browser or a proxy that drops them cannot open what they close. The same holds for signing in
  and out, so that nobody is signed in or out by another site unawares.

Hence forms carry no token of their own. It would have to be checked by every route that takes a
form, where one can be forgotten; this is checked once, before any route. Reading is no change:
no route changes anything on GET, and other sites cannot read what is answered (`pages.policy`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from trace_clustering.addresses import is_loopback
from trace_clustering.settings import Settings
from trace_clustering.web import urls
from trace_clustering.web.access import (
    LIMITED,
    NO_ACCESS,
    Access,
    Token,
    may_ask,
    token_of,
)
from trace_clustering.web.pages.error_pages import error_answer
from trace_clustering.web.paths import (
    SENDER_PATHS,
    SIGN_IN_PATH,
    SIGN_OUT_PATH,
    is_open,
    is_page_path,
)
from trace_clustering.web.sessions import COOKIE, session_access

# How the command line calls the application that it mounts in its own process.
IN_PROCESS_HOST = "in-process"

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_SIGNING = frozenset({SIGN_IN_PATH, SIGN_OUT_PATH})
# What browsers say of where a change comes from.
_PROVENANCE = ("origin", "sec-fetch-site")


class Guard:
    """Middleware that refuses what is not allowed before any route is looked at.

    What goes on has its ``Access`` in ``request.state.access``.

    Args:
        tokens: of the settings; without any, whoever reaches the service may do everything.
    """

    def __init__(self, app: ASGIApp, settings: Settings, tokens: Sequence[Token]) -> None:
        self._app = app
        self._settings = settings
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        access = self._access(request)
        request.state.access = access or NO_ACCESS
        refusal = self._refusal(request, access)
        await (refusal or self._app)(scope, receive, send)

    def _access(self, request: Request) -> Access | None:
        if not self._tokens:
            return Access(None)
        given = _bearer_access(request, self._tokens)
        cookie = request.cookies.get(COOKIE, "")
        return given or session_access(cookie, self._tokens, datetime.now(UTC))

    def _refusal(self, request: Request, access: Access | None) -> Response | None:
        # As routes match it; the request's URL is put together from its headers too.
        path = request.scope["path"]
        if _is_across_sites(request) or _is_from_nowhere(request, access, path):
            return _forbidden(request, None, "a change may not be sent from another site")
        if not self._tokens and not _is_own_name(request.headers.get("host", ""), self._settings):
            return _forbidden(request, "Host", "Host: is no name of this service")
        if path in SENDER_PATHS or is_open(path):
            return None
        if access is None:
            return _unknown(request)
        return None if may_ask(access, path) else _forbidden(request, None, LIMITED)


def _forbidden(request: Request, field: str | None, message: str) -> Response:
    return error_answer(request, 403, "Forbidden", field, message)


def _unknown(request: Request) -> Response:
    if request.method == "GET" and is_page_path(request.scope["path"]):
        return RedirectResponse(urls.sign_in(_target(request)), 303)
    # A redirect would end in a page and success, also for a program that sent something.
    message = "a valid bearer token is required"
    answer = error_answer(request, 401, "Unauthorized", None, message)
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _target(request: Request) -> str:
    query = request.scope["query_string"].decode("latin-1")
    path = quote(request.scope["path"], safe="/:@")
    return f"{path}?{query}" if query else path


def _bearer_access(request: Request, tokens: Sequence[Token]) -> Access | None:
    # Headers are bytes; Starlette hands them out as Latin-1.
    scheme, _, secret = request.headers.get("authorization", "").encode("latin-1").partition(b" ")
    token = token_of(secret, tokens) if scheme == b"Bearer" else None
    return token.access() if token else None


def _is_across_sites(request: Request) -> bool:
    if request.method in _SAFE_METHODS:
        return False
    origin = request.headers.get("origin")
    if origin is not None and not _is_place(origin, request.headers.get("host", "")):
        return True
    return request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin")


def _is_from_nowhere(request: Request, access: Access | None, path: str) -> bool:
    """Whether a change that only browsers send lacks what browsers say of every change."""
    if request.method in _SAFE_METHODS or any(name in request.headers for name in _PROVENANCE):
        return False
    return path in _SIGNING or (access is not None and access.session)


def _is_place(origin: str, host: str) -> bool:
    try:
        return host != "" and urlsplit(origin).netloc == host
    except ValueError:
        return False


def is_near(name: str) -> bool:
    """Whether a host's name is one that only this machine uses for itself."""
    return name == IN_PROCESS_HOST or is_loopback(name)


def _is_own_name(host: str, settings: Settings) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name == settings.host or is_near(name)
