"""The page that finds traces of a team, by words or by meaning."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from trace_clustering.errors import InvalidInputError
from trace_clustering.models.browsing import FoundPage
from trace_clustering.store.search import MAX_WORDS, words_of
from trace_clustering.web import urls
from trace_clustering.web.pages.highlighting import highlighted
from trace_clustering.web.pages.shell import Crumb, render
from trace_clustering.web.routes import Given, TeamId
from trace_clustering.web.search_routes import (
    MAX_QUERY_CHARS,
    PAGE_SIZE,
    SearchQuery,
    find,
    last_page,
)
from trace_clustering.web.services import Services

router = APIRouter(tags=["pages"], default_response_class=HTMLResponse)


@router.get("/teams/{team_id}/search")
def search_page(
    request: Request, services: Given, team_id: TeamId, query: Annotated[SearchQuery, Query()]
) -> Response:
    """What is found of a team's traces, or how to look for it."""
    found, problem = _found(services, team_id, query)
    q = query.q.strip()
    return render(
        request,
        "search.html.j2",
        title="Search",
        crumbs=(Crumb(f"Team {team_id}", urls.team(team_id)), Crumb("Search")),
        team_id=team_id,
        q=q,
        by=query.by,
        page=query.page,
        last=last_page(query, found),
        before=(query.page - 1) * PAGE_SIZE,
        found=found,
        problem=problem,
        most_chars=MAX_QUERY_CHARS,
        most_words=MAX_WORDS if len(words_of(q)) > MAX_WORDS else None,
        marked=partial(highlighted, words=q if query.by == "words" else ""),
        page_url=lambda number: urls.search(
            team_id, q=q, by=query.by, page=number if number > 1 else None
        ),
    )


def _found(services: Services, team_id: int, query: SearchQuery) -> tuple[FoundPage, str]:
    """What is found, or why it cannot be looked for this way."""
    try:
        return find(services, team_id, query), ""
    except InvalidInputError as error:
        if error.field != "by":
            raise
        return FoundPage(0, []), error.problem
