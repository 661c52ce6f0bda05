"""Errors: as a page where people look, with what to do next; otherwise as the API tells them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import Request, Response

from trace_clustering.plain_text import sentence
from trace_clustering.web.answers import error_response
from trace_clustering.web.pages.shell import render
from trace_clustering.web.paths import is_page_path


@dataclass(frozen=True)
class Advice:
    """What an error means to the reader of a page, and what may help."""

    title: str
    next_step: str


_ADVICE: Mapping[int, Advice] = {
    401: Advice("Sign in first", "Sign in, then do it again: nothing was changed."),
    403: Advice(
        "Not allowed", "If it should be, ask whoever runs this service for a token that may do it."
    ),
    404: Advice(
        "Not found",
        "It may have been removed since, or the address is not quite right. "
        "Start from the list of teams.",
    ),
    405: Advice("This cannot be done here", "Go back, and use the buttons of the page."),
    422: Advice("This cannot be answered", "Go back, and change what is named here."),
    502: Advice(
        "The model did not answer", "Wait a moment and try again; the log of the service says more."
    ),
    503: Advice(
        "Part of the service cannot be reached",
        "Wait a moment and reload. If it lasts, the log of the service says why.",
    ),
}
_REQUEST_FAULT = Advice("This cannot be done", "Go back, and try it another way.")
_OUR_FAULT = Advice(
    "Something went wrong here",
    "Reload the page. If it comes again, the log of the service says what happened.",
)


def error_answer(
    request: Request, status: int, kind: str, field: str | None, message: str
) -> Response:
    """An error in the form that the path's readers expect."""
    if is_page_path(request.scope["path"]):
        return _page(request, status, message)
    return error_response(status, kind, field, message)


def _page(request: Request, status: int, message: str) -> Response:
    advice = _ADVICE.get(status, _OUR_FAULT if status >= 500 else _REQUEST_FAULT)
    return render(
        request,
        "error.html.j2",
        title=advice.title,
        status=status,
        advice=advice,
        message=_told(message),
        code=status,
    )


def _told(message: str) -> str:
    first, _, _ = message.partition(" ")
    told = sentence(message)
    # What begins with the name of a parameter keeps it as it is written.
    return first + told[len(first) :] if first.endswith(":") else told
