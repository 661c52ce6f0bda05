"""What browsers may do with answers: headers that every answer has.

A page loads scripts, styles and data from this service alone, and runs nothing that stands in
its own text. So text of a trace that came to be markup by a mistake of ours could neither run
nor send anything anywhere. No other site may show a page in a frame, read an answer, or hold on
to the window; no type is guessed; links to other sites do not tell where they were followed.
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trace_clustering.web.paths import STATIC_PREFIX, is_page_path

PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
"""Of what is no page: nothing of it is ever run or shown as one."""

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def harden(headers: MutableHeaders, path: str) -> None:
    """Add the headers that an answer to a path must have; what it says itself stays."""
    for name, value in _ALWAYS.items():
        headers.setdefault(name, value)
    is_page = is_page_path(path) or path.startswith(STATIC_PREFIX)
    headers.setdefault("Content-Security-Policy", PAGE_POLICY if is_page else DATA_POLICY)
    if not path.startswith(STATIC_PREFIX):
        headers.setdefault("Cache-Control", "private, no-cache")
        # What a browser keeps is nobody else's after another sign-in.
        headers.add_vary_header("Cookie")


class Hardened:
    """Middleware around everything: no answer leaves without the headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                harden(MutableHeaders(scope=message), scope["path"])
            await send(message)

        await self._app(scope, receive, hardened)
