"""The form that starts a run, and what becomes of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse

from trace_clustering import constants as c
from trace_clustering.errors import InvalidInputError
from trace_clustering.models import ClusteringInputs
from trace_clustering.plain_text import sentence
from trace_clustering.settings import Settings
from trace_clustering.web import urls
from trace_clustering.web.pages.forms import read_form
from trace_clustering.web.pages.shell import Crumb, render
from trace_clustering.web.pages.standing import count_in_window
from trace_clustering.web.routes import RUN_SETTINGS, Given, TeamId, run_inputs
from trace_clustering.web.services import Services

router = APIRouter(tags=["pages"], default_response_class=HTMLResponse)

_MAX_TYPED_CHARS = 100
_MINUTE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}", re.ASCII)
_SECOND = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(\.\d+)?", re.ASCII)
_UTC_TIME = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?)Z", re.ASCII)


@dataclass(frozen=True)
class Field:
    """A field of the form.

    Attributes:
        kind: of the input element.
        low, high: bounds of a number.
        typed: what stands in it.
        problem: why that cannot be taken.
    """

    name: str
    label: str
    hint: str
    kind: str = "number"
    low: int | None = None
    high: int | None = None
    typed: str = ""
    problem: str = ""


@router.get("/teams/{team_id}/start")
async def start_form(request: Request, services: Given, team_id: TeamId) -> Response:
    """The form, filled in with the settings, or with what the address says."""
    given = {name: request.query_params.get(name, "").strip() for name in _NAMES}
    typed = {**_settings_of(services.settings), **{k: v for k, v in given.items() if v}}
    return await _form_page(request, services, team_id, typed)


@router.post("/teams/{team_id}/start")
async def start(request: Request, services: Given, team_id: TeamId) -> Response:
    """Start a run; go on to how it gets on. What cannot be taken is said at its field."""
    form = await read_form(request)
    typed = {name: form.get(name, "") for name in _NAMES}
    try:
        inputs = _read(team_id, typed, services.settings)
    except InvalidInputError as error:
        return await _form_page(request, services, team_id, typed, error)
    workflow_id = await services.require_workflows().start_run(inputs)
    return RedirectResponse(urls.workflow(team_id, workflow_id), 303)


def _read(team_id: int, typed: Mapping[str, str], settings: Settings) -> ClusteringInputs:
    """The inputs of a run from what was typed; what is left empty comes from the settings.

    Raises:
        InvalidInputError: names the field that cannot be taken.
    """
    given: dict[str, object] = {name: text for name, text in typed.items() if text}
    for name in ("window_start", "window_end"):
        if name in given:
            given[name] = _with_zone(typed[name])
    # An empty seed is a choice: another one each time, unless the settings name one.
    return run_inputs(settings, team_id, given)


def _with_zone(text: str) -> str:
    """What a browser's field of date and time gives, in UTC as the form says."""
    if _MINUTE.fullmatch(text):
        return f"{text}:00Z"
    return f"{text}Z" if _SECOND.fullmatch(text) else text


def _settings_of(settings: Settings) -> dict[str, str]:
    values = {name: getattr(settings, name) for name in RUN_SETTINGS}
    return {name: str(value) for name, value in values.items() if value is not None}


async def _form_page(
    request: Request,
    services: Services,
    team_id: int,
    typed: Mapping[str, str],
    error: InvalidInputError | None = None,
) -> Response:
    counted = await run_in_threadpool(_count, services, team_id, typed)
    return render(
        request,
        "start.html.j2",
        title=f"Start a run of team {team_id}",
        crumbs=(Crumb(f"Team {team_id}", urls.team(team_id)), Crumb("Start a run")),
        team_id=team_id,
        status=422 if error else 200,
        fields=_fields(typed, error),
        # What is wrong with the whole rather than with a field of the form.
        problem=str(error) if error and error.field not in _NAMES else "",
        is_wrong=error is not None,
        counted=counted,
        needed=services.settings.min_traces,
        can_start=services.workflows is not None,
    )


def _count(services: Services, team_id: int, typed: Mapping[str, str]) -> int | None:
    """How many traces the window holds; None where there is no telling which one it is."""
    try:
        inputs = _read(team_id, typed, services.settings)
        return count_in_window(services, inputs, datetime.now(UTC))
    except InvalidInputError:
        return None


def _fields(typed: Mapping[str, str], error: InvalidInputError | None) -> dict[str, Field]:
    return {
        one.name: Field(
            name=one.name,
            label=one.label,
            hint=one.hint,
            kind=one.kind,
            low=one.low,
            high=one.high,
            typed=_as_typed(one, typed.get(one.name, "")),
            problem=sentence(error.problem) if error and error.field == one.name else "",
        )
        for one in _FIELDS
    }


def _as_typed(field: Field, text: str) -> str:
    text = text[:_MAX_TYPED_CHARS]
    if field.kind != "datetime-local":
        return text
    utc = _UTC_TIME.fullmatch(text)
    return utc.group(1) if utc else text


_FIELDS = (
    Field(
        "lookback_days",
        "Days",
        "Counted back from now; not used where a time is set below.",
        low=1,
        high=c.MAX_LOOKBACK_DAYS,
    ),
    Field("window_start", "From", "UTC. Empty: the days above, before the end.", "datetime-local"),
    Field("window_end", "Until", "UTC. Empty: now.", "datetime-local"),
    Field(
        "max_samples",
        "Traces at most",
        "Of more, so many are drawn at random. More take longer.",
        low=1,
        high=c.MAX_MAX_SAMPLES,
    ),
    Field(
        "min_k",
        "Clusters at least",
        "From this number on the best one is looked for.",
        low=2,
        high=c.MAX_MAX_K,
    ),
    Field("max_k", "Clusters at most", "Up to this number.", low=2, high=c.MAX_MAX_K),
    Field(
        "seed",
        "Seed",
        "Empty: another one each time. The same seed and traces give the same clusters.",
        low=0,
        high=2**32 - 1,
    ),
)
_NAMES = tuple(field.name for field in _FIELDS)
