"""The pages of signing in with a token, and out."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from trace_clustering.web import urls
from trace_clustering.web.access import token_of, tokens_of
from trace_clustering.web.pages.forms import read_form
from trace_clustering.web.pages.shell import render
from trace_clustering.web.paths import SIGN_IN_PATH, SIGN_OUT_PATH
from trace_clustering.web.routes import Given
from trace_clustering.web.sessions import local_path, sign_in, sign_out

router = APIRouter(tags=["pages"], default_response_class=HTMLResponse)


@router.get(SIGN_IN_PATH)
def sign_in_form(request: Request, services: Given, next: str = "") -> Response:
    """Where a token is asked for; whoever needs none goes on at once."""
    if not tokens_of(services.settings):
        return RedirectResponse(local_path(next), 303)
    return _form_page(request, 200, next, "")


@router.post(SIGN_IN_PATH)
async def signing_in(request: Request, services: Given) -> Response:
    """Give a cookie for a token; go on where ``next`` says."""
    form = await read_form(request)
    tokens = tokens_of(services.settings)
    given, target = form.get("token", ""), form.get("next", "")
    token = token_of(given.encode(), tokens)
    if tokens and token is None:
        problem = "No token of this service reads like that." if given else "Enter a token."
        return _form_page(request, 401, target, problem)
    answer = RedirectResponse(local_path(target), 303)
    if token is not None:
        sign_in(request, answer, token)
    return answer


@router.post(SIGN_OUT_PATH)
def signing_out(request: Request) -> Response:
    """Have the browser forget that it was signed in."""
    answer = RedirectResponse(urls.sign_in(), 303)
    sign_out(request, answer)
    return answer


def _form_page(request: Request, status: int, target: str, problem: str) -> Response:
    # What is no place to go on is not worth keeping either.
    target = local_path(target)
    page = render(
        request,
        "sign_in.html.j2",
        title="Sign in",
        status=status,
        target=target,
        problem=problem,
    )
    page.headers["Cache-Control"] = "no-store"
    return page
