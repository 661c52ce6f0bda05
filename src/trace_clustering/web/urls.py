"""Every address of the pages, and of what they load. No other module puts one together.

A page's whole state is in its address, so that it can be linked and survives a reload. Further
state goes in as keyword arguments: what is None, empty or False is left out.
"""

from __future__ import annotations

from datetime import date
from urllib.parse import quote, urlencode

from trace_clustering.models import RunRecord
from trace_clustering.web.static_files import static_file


class Address(str):
    """An address as templates put it into a page: whole, for half of one leads elsewhere.

    All of it is quoted, so there is nothing in it to be taken out either.
    """

    __slots__ = ()


def home() -> Address:
    return Address("/")


def home_page(page: int) -> Address:
    """A later part of the list of teams."""
    return _with(home(), page=page)


def sign_in(back_to: str = "") -> Address:
    return _with("/sign-in", next=back_to)


def sign_out() -> Address:
    return Address("/sign-out")


def team(team_id: int) -> Address:
    return Address(f"/teams/{team_id}")


def start(team_id: int, **parameters: object) -> Address:
    """The form that starts a run; ``parameters`` fill it in."""
    return _with(f"/teams/{team_id}/start", **parameters)


def summarize(team_id: int) -> Address:
    return Address(f"/teams/{team_id}/summarize")


def workflow(team_id: int, workflow_id: str) -> Address:
    """How a workflow gets on."""
    return Address(f"/teams/{team_id}/workflows/{_quoted(workflow_id)}")


def cancel(team_id: int, workflow_id: str) -> Address:
    return Address(f"{workflow(team_id, workflow_id)}/cancel")


def search(team_id: int, **state: object) -> Address:
    """``q``: words; ``by``: "words" or "meaning"; ``page``."""
    return _with(f"/teams/{team_id}/search", **state)


def trace(team_id: int, trace_id: str, run_id: str | None = None) -> Address:
    """A trace, seen as a member of a run where one is named."""
    return _of_trace(f"/teams/{team_id}/traces/", trace_id, run=run_id)


def run(run_id: str, **state: object) -> Address:
    """``level``: of the tree; ``view``: "map" or "treemap"; ``map``: what the map shows."""
    return _with(f"/runs/{_quoted(run_id)}", **state)


def group(run_id: str, group_id: int, **table: object) -> Address:
    """A cluster, or a group below one; ``table`` is a table query."""
    return _with(f"/runs/{_quoted(run_id)}/groups/{group_id}", **table)


def run_traces(run_id: str, **table: object) -> Address:
    """All sampled traces of a run; ``table`` is a table query."""
    return _with(f"/runs/{_quoted(run_id)}/traces", **table)


def compare(run_id: str, other: str | None = None) -> Address:
    return _with(f"/runs/{_quoted(run_id)}/compare", **{"with": other})


def api_event(run_id: str) -> Address:
    return Address(f"{_api_run(run_id)}/event")


def api_report(run_id: str) -> Address:
    return Address(f"{_api_run(run_id)}/report")


def api_export(run_id: str, file_format: str, **table: object) -> Address:
    return _with(f"{_api_run(run_id)}/export", format=file_format, **table)


def api_map(run_id: str) -> Address:
    return Address(f"{_api_run(run_id)}/map")


def api_points(run_id: str) -> Address:
    """What the addresses of single points of the map begin with."""
    return Address(f"{api_map(run_id)}/")


def api_trace(team_id: int, trace_id: str) -> Address:
    return _of_trace(f"/api/v1/teams/{team_id}/traces/", trace_id)


def api_trace_events(team_id: int, trace_id: str) -> Address:
    """Everything that was sent of a trace, as it was sent."""
    return _with(f"/api/v1/teams/{team_id}/events", trace_id=trace_id)


def temporal_workflow(base: str, namespace: str, run: RunRecord) -> Address:
    """A run's workflow in Temporal's own page; ``base`` is where that page is."""
    path = f"workflows/{_quoted(run.workflow_id)}/{_quoted(run.workflow_run_id)}/history"
    return Address(f"{base.rstrip('/')}/namespaces/{_quoted(namespace)}/{path}")


def static(name: str) -> Address:
    """A file that pages load; another content has another address."""
    return Address(f"/static/{name}?v={static_file(name).digest}")


def module(name: str) -> Address:
    """A script as other scripts import it; its address stays when its content changes."""
    return Address(f"/static/{name}")


def _api_run(run_id: str) -> str:
    return f"/api/v1/runs/{_quoted(run_id)}"


def _of_trace(path: str, trace_id: str, **state: object) -> Address:
    # Browsers take these for the way up, however they are quoted.
    if trace_id in (".", ".."):
        return _with(path, id=trace_id, **state)
    return _with(f"{path}{_quoted(trace_id)}", **state)


def _quoted(part: str) -> str:
    return quote(part, safe="")


def _with(path: str, **state: object) -> Address:
    given = {key: _written(value) for key, value in state.items()}
    query = urlencode({key: value for key, value in given.items() if value})
    return Address(f"{path}?{query}" if query else path)


def _written(value: object) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return "1"
    return value.isoformat() if isinstance(value, date) else str(value)
