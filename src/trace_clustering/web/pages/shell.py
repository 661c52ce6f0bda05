"""A page: a template filled in, within the frame that all pages have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment

from trace_clustering import __version__
from trace_clustering.models import RunRecord
from trace_clustering.web import urls
from trace_clustering.web.pages.plotly_styles import plotly_style_ids
from trace_clustering.web.palette import colour_index
from trace_clustering.web.templating import make_environment


@dataclass(frozen=True)
class Crumb:
    """A step on the way to a page; of the last one, the page itself, no address is needed.

    Attributes:
        moment: that the label ends with.
    """

    label: str
    url: str | None = None
    moment: datetime | None = None


def run_crumb(run: RunRecord) -> Crumb:
    return Crumb("Run of", urls.run(run.run_id), run.started_at)


def render(
    request: Request,
    template: str,
    *,
    title: str,
    crumbs: tuple[Crumb, ...] = (),
    team_id: int | None = None,
    status: int = 200,
    **context: Any,
) -> HTMLResponse:
    """Fill in a template of ``templates/pages``, such as ``"run.html.j2"``.

    Args:
        title: of the window.
        crumbs: where the page is, from the team on; the page's own last.
        team_id: whose traces the page is about; gives it that team's navigation.
    """
    page = environment().get_template(template)
    html = page.render(
        title=title,
        crumbs=crumbs,
        team_id=team_id,
        version=__version__,
        is_signed_in=getattr(getattr(request.state, "access", None), "session", False),
        **context,
    )
    return HTMLResponse(html, status)


@cache
def environment() -> Environment:
    """The pages' templates; ``urls`` builds every address in them."""
    made = make_environment("templates/pages")
    made.globals |= {
        "urls": urls,
        "colour_index": colour_index,
        "plotly_style_ids": plotly_style_ids,
    }
    return made
