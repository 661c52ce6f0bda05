"""From what a workflow was started with to its checked inputs. Pure.

For a run, accepted are a ``ClusteringInputs``, its JSON object, a list with the team id first
and then optionally the other fields in order (``["123"]``), and a bare team id.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from trace_clustering import constants as c
from trace_clustering.errors import InvalidInputError
from trace_clustering.models import (
    ClusteringInputs,
    CoordinatorInputs,
    CoordinatorProgress,
    RunParameters,
    TeamReason,
    Window,
)
from trace_clustering.models.summarization import (
    SummarizationCoordinatorInputs,
    SummarizationInputs,
    SummarizationProgress,
    SummarizationTotals,
)

_FIELDS = tuple(f.name for f in fields(ClusteringInputs))
_DEFAULTS = {f.name: f.default for f in fields(ClusteringInputs) if f.default is not MISSING}
_INT64_MAX = 2**63 - 1
_FIRST_YEAR, _LAST_YEAR = 1970, 2100
_BOUNDS = {
    "team_id": (1, _INT64_MAX),
    "lookback_days": (1, c.MAX_LOOKBACK_DAYS),
    "max_samples": (1, c.MAX_MAX_SAMPLES),
    "min_k": (2, c.MAX_MAX_K),
    "max_k": (2, c.MAX_MAX_K),
    "min_embeddings": (1, _INT64_MAX),
    "max_concurrent_teams": (1, 500),
    "interval_days": (1, 365),
    "interval_minutes": (1, 366 * 24 * 60),
    "quiet_seconds": (0, 366 * 24 * 3600),
    "seed": (0, 2**32 - 1),
}
_RFC3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
_TEAM_WORKFLOW = re.compile(
    rf"(?:trace-clustering|{c.SUMMARIZATION_WORKFLOW_NAME})-team-(\d{{1,19}})(?:-.*)?",
    re.ASCII | re.DOTALL,
)


def parse_clustering_inputs(value: object) -> ClusteringInputs:
    """Check what a run was started with.

    Raises:
        InvalidInputError: names the first field that cannot be accepted.
    """
    raw = _as_mapping(value)
    known: dict[str, Any] = {**_DEFAULTS, **{k: v for k, v in raw.items() if v is not None}}
    if "team_id" not in known:
        raise InvalidInputError("team_id", "is required")
    window_start, window_end = known.pop("window_start"), known.pop("window_end")
    seed = known.pop("seed")
    numbers = {name: checked_int(name, number) for name, number in known.items()}
    inputs = ClusteringInputs(
        **numbers,
        window_start=_checked_time("window_start", window_start),
        window_end=_checked_time("window_end", window_end),
        seed=None if seed is None else checked_int("seed", seed),
    )
    _check_k(inputs.min_k, inputs.max_k)
    _check_window(inputs.window_start, inputs.window_end)
    return inputs


def parse_coordinator_inputs(value: object) -> CoordinatorInputs:
    """Check what the coordinator was started with: its inputs, their JSON object, or nothing.

    Raises:
        InvalidInputError: names the first field that cannot be accepted.
    """
    raw = _known_fields(value, CoordinatorInputs)
    allowed = raw.pop("allowed_team_ids", [])
    progress = raw.pop("progress", None)
    inputs = CoordinatorInputs(
        **{name: checked_int(name, number) for name, number in raw.items()},
        allowed_team_ids=_checked_team_ids(allowed),
        progress=_read_progress(progress),
    )
    _check_k(inputs.min_k, inputs.max_k)
    return inputs


def parse_summarization_inputs(value: object) -> SummarizationInputs:
    """Check what a team's summarization was started with: its inputs or their JSON object.

    Raises:
        InvalidInputError: names the first field that cannot be accepted.
    """
    raw = _known_fields(value, SummarizationInputs)
    if "team_id" not in raw:
        raise InvalidInputError("team_id", "is required")
    totals = raw.pop("totals", None)
    return SummarizationInputs(
        started_at=_checked_time("started_at", raw.pop("started_at", None)),
        totals=_read_totals(totals) if totals else None,
        **{name: checked_int(name, number) for name, number in raw.items()},
    )


def parse_summarization_coordinator_inputs(value: object) -> SummarizationCoordinatorInputs:
    """Check what the summarization of all teams was started with, if anything.

    Raises:
        InvalidInputError: names the first field that cannot be accepted.
    """
    raw = _known_fields(value, SummarizationCoordinatorInputs)
    progress = raw.pop("progress", None)
    return SummarizationCoordinatorInputs(
        progress=_read_summarization_progress(progress) if progress else None,
        **{name: checked_int(name, number) for name, number in raw.items()},
    )


def checked_int(field: str, value: object) -> int:
    """Return ``value`` as a whole number within the bounds of ``field``.

    Raises:
        InvalidInputError: it is none, or lies outside.
    """
    return _in_bounds(field, value, *_BOUNDS[field])


def parse_rfc3339(field: str, value: object) -> datetime:
    """Parse a time that states its zone; the result is in UTC.

    Raises:
        InvalidInputError: not RFC 3339, no zone, or no such date.
    """
    if not isinstance(value, str) or not _RFC3339.fullmatch(value.strip()):
        raise InvalidInputError(
            field,
            f"{_shown(value)} is not an RFC 3339 time with a zone, such as 2025-01-16T00:00:00Z",
        )
    # Beyond microseconds Python's parser has no place for digits.
    text = re.sub(r"(\.\d{6})\d+", r"\1", value.strip().upper())
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInputError(field, f"{_shown(value)} is no such time: {error}") from None


def format_time(moment: datetime) -> str:
    """Write a time as the contract does: RFC 3339 in UTC with ``Z``, fractions only if any."""
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    spec = "milliseconds" if utc.microsecond >= 1000 else "seconds"
    return utc.isoformat(timespec=spec) + "Z"


def resolve_window(inputs: ClusteringInputs, now: datetime) -> Window:
    """The window that the inputs ask for, as seen at ``now``.

    A missing end is ``now``; a missing start lies ``lookback_days`` before the end.

    Raises:
        InvalidInputError: the window would be empty, e.g. a start in the future without an end.
    """
    end = parse_rfc3339("window_end", inputs.window_end) if inputs.window_end else now
    start = (
        parse_rfc3339("window_start", inputs.window_start)
        if inputs.window_start
        else end - timedelta(days=inputs.lookback_days)
    )
    if start >= end:
        raise InvalidInputError("window_start", f"must lie before {format_time(end)}")
    return Window(start=format_time(start), end=format_time(end))


def run_parameters(inputs: ClusteringInputs, now: datetime) -> RunParameters:
    """Settle the window of checked inputs for a run that starts at ``now``."""
    return RunParameters(
        team_id=inputs.team_id,
        window=resolve_window(inputs, now),
        max_samples=inputs.max_samples,
        min_k=inputs.min_k,
        max_k=inputs.max_k,
        started_at=now.astimezone(UTC).isoformat(),
        seed=inputs.seed,
    )


def make_run_id(team_id: int, moment: datetime) -> str:
    """The id under which a run of ``team_id`` that started at ``moment`` is stored."""
    return f"team_{team_id}_{format_time(moment)}"


def team_of_run_id(run_id: str) -> int:
    """The team whose run this is.

    Raises:
        InvalidInputError: it is no run id.
    """
    match = re.fullmatch(r"team_(\d{1,19})_(.+)", run_id, re.ASCII)
    if match is None or int(match.group(1)) > _INT64_MAX:
        raise InvalidInputError(
            "run_id", f"{_shown(run_id)} is not of the form team_123_2025-01-23T00:00:00Z"
        )
    return int(match.group(1))


def check_run_of(team_id: int, field: str, run_id: str) -> None:
    """Refuse a run of another team, in the same words whether or not there is such a run.

    Raises:
        InvalidInputError: it is no run's id, or another team's; names ``field``.
    """
    try:
        if team_of_run_id(run_id) == team_id:
            return
    except InvalidInputError:
        pass
    raise InvalidInputError(field, f"{_shown(run_id)} is no run of team {team_id}")


def team_of_workflow_id(workflow_id: str) -> int:
    """The team that a workflow of ours is about.

    Raises:
        InvalidInputError: it is about all teams, or others gave it a name of their own.
    """
    match = _TEAM_WORKFLOW.fullmatch(workflow_id)
    if match is None or int(match.group(1)) > _INT64_MAX:
        raise InvalidInputError("workflow_id", f"{_shown(workflow_id)} names no team")
    return int(match.group(1))


def is_workflow_of(team_id: int, workflow_id: str) -> bool:
    """Whether a workflow's name says that it is this team's; other clients may give it any."""
    try:
        return team_of_workflow_id(workflow_id) == team_id
    except InvalidInputError:
        return False


def seed_of_run_id(run_id: str) -> int:
    """A seed in 0..2**32-1 that depends on nothing but the run's id."""
    return int.from_bytes(hashlib.sha256(run_id.encode()).digest()[:4], "big")


def _as_mapping(value: object) -> Mapping[str, object]:
    if isinstance(value, ClusteringInputs):
        return asdict(value)
    if isinstance(value, Mapping):
        _refuse_unknown(value, _FIELDS)
        return value
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return _from_list(value)
    return {} if value is None else {"team_id": value}


def _from_list(values: Sequence[object]) -> Mapping[str, object]:
    if len(values) == 1 and isinstance(values[0], Mapping | ClusteringInputs):
        return _as_mapping(values[0])
    if len(values) > len(_FIELDS):
        problem = f"at most {len(_FIELDS)} values ({', '.join(_FIELDS)}), got {len(values)}"
        raise InvalidInputError("inputs", problem)
    return dict(zip(_FIELDS, values, strict=False))


def _known_fields(value: object, kind: type[Any]) -> dict[str, Any]:
    """What was given of the fields of a dataclass: by itself, as its JSON object, or nothing."""
    if isinstance(value, kind):
        value = asdict(value)
    if value is not None and not isinstance(value, Mapping):
        raise InvalidInputError("inputs", f"{_shown(value)} is not an object")
    raw = {name: given for name, given in (value or {}).items() if given is not None}
    _refuse_unknown(raw, tuple(f.name for f in fields(kind)))
    return raw


def _refuse_unknown(value: Mapping[Any, object], known: Sequence[str]) -> None:
    unknown = sorted(str(name) for name in value if name not in known)
    if unknown:
        raise InvalidInputError(unknown[0], f"unknown field; known are {', '.join(known)}")


def _checked_team_ids(value: object) -> list[int]:
    if not isinstance(value, list | tuple):
        raise InvalidInputError("allowed_team_ids", f"{_shown(value)} is not a list")
    bounds = _BOUNDS["team_id"]
    return [_in_bounds(f"allowed_team_ids.{i}", one, *bounds) for i, one in enumerate(value)]


def _read_progress(value: Any) -> CoordinatorProgress | None:
    """What the coordinator handed to itself; nobody else should write it."""
    if value is None:
        return None
    try:
        reasons = {
            name: [TeamReason(**reason) for reason in value[name]] for name in ("skipped", "failed")
        }
        return CoordinatorProgress(**{**value, **reasons})
    except (TypeError, KeyError):
        raise InvalidInputError("progress", "is the coordinator's own; leave it out") from None


def _read_totals(value: Any) -> SummarizationTotals:
    try:
        return SummarizationTotals(**value)
    except TypeError:
        raise InvalidInputError("totals", "is the workflow's own; leave it out") from None


def _read_summarization_progress(value: Any) -> SummarizationProgress:
    try:
        reasons = [TeamReason(**reason) for reason in value["failed_teams"]]
        totals = SummarizationTotals(**value["totals"])
        return SummarizationProgress(**{**value, "failed_teams": reasons, "totals": totals})
    except (TypeError, KeyError):
        raise InvalidInputError("progress", "is the coordinator's own; leave it out") from None


def _in_bounds(field: str, value: object, low: int, high: int) -> int:
    if isinstance(value, str) and re.fullmatch(r"\s*-?\d{1,20}\s*", value, re.ASCII):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidInputError(field, f"{_shown(value)} is not a whole number")
    if value < low:
        raise InvalidInputError(field, f"must be at least {low}, got {value}")
    if value > high:
        raise InvalidInputError(field, f"must be at most {high}, got {value}")
    return value


def _check_k(min_k: int, max_k: int) -> None:
    if min_k > max_k:
        raise InvalidInputError("max_k", f"must be at least min_k={min_k}, got {max_k}")


def _checked_time(field: str, value: object) -> str | None:
    if value is None:
        return None
    moment = parse_rfc3339(field, value)
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise InvalidInputError(field, f"must lie in the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return format_time(moment)


def _check_window(start: str | None, end: str | None) -> None:
    if start and end and parse_rfc3339("window_start", start) >= parse_rfc3339("window_end", end):
        raise InvalidInputError("window_start", f"must lie before window_end={end}, got {start}")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
