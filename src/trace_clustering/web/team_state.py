"""How a team stands, in words: what there is to see or why there is nothing, and what to do. Pure.

One kind holds for a team at a time, the one that stands most in the way. Notes go beside it:
what keeps the schedule from doing the rest by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from trace_clustering.amounts import count
from trace_clustering.models import RunRecord, ScheduleName
from trace_clustering.plain_text import sentence

Kind = Literal[
    "running",
    "no_traces",
    "waiting",
    "failed",
    "timed_out",
    "too_few",
    "outdated",
    "skipped",
    "cancelled",
    "no_run",
    "no_answer",
    "well",
]
Tone = Literal["good", "weak", "bad", "none"]
Action = Literal["send", "summarize", "start", "watch"]
Standing = Literal["on", "paused", "missing", "unreachable", "absent"]


@dataclass(frozen=True)
class ScheduleKnown:
    """A schedule as far as it is known.

    Attributes:
        standing: "unreachable": Temporal does not answer; "absent": it does not run here.
        note: why it is paused.
    """

    standing: Standing
    next_at: datetime | None = None
    last_at: datetime | None = None
    note: str = ""


@dataclass(frozen=True)
class TeamKnown:
    """What is known of a team.

    Attributes:
        traces: with a usable vector.
        recent: those of them in the window of a scheduled run.
        waiting: traces to be summarized.
        needed: fewer recent ones skip a run.
        needed_for_schedule: teams with fewer are not scheduled.
        vector_model: of most recent vectors, where that was looked up.
        model: that makes vectors now.
    """

    team_id: int
    traces: int
    recent: int
    waiting: int
    latest: RunRecord | None
    clustering: ScheduleKnown
    summarization: ScheduleKnown
    needed: int
    needed_for_schedule: int
    lookback_days: int
    quiet_minutes: int
    is_allowed: bool = True
    vector_model: str = ""
    model: str = ""

    @property
    def is_scheduled(self) -> bool:
        """Whether the schedule takes this team as it is now, if the schedule runs."""
        enough = max(self.needed, self.needed_for_schedule)
        return self.is_allowed and self.recent >= enough


@dataclass(frozen=True)
class Note:
    """What is to be known beside, and the command that changes it, if one does."""

    text: str
    command: str = ""


@dataclass(frozen=True)
class TeamState:
    """How a team stands.

    Attributes:
        headline: a few words.
        why: a sentence.
        todo: what to do about it; empty where nothing needs doing.
        actions: what the page offers to do, the likeliest first.
        due: what comes by itself, and when.
    """

    kind: Kind
    tone: Tone
    headline: str
    why: str
    todo: str = ""
    actions: tuple[Action, ...] = ()
    due: tuple[str, datetime] | None = None
    notes: tuple[Note, ...] = ()


def state_of_team(known: TeamKnown) -> TeamState:
    """How a team stands; the first kind that fits."""
    state = next(found for rule in _RULES if (found := rule(known)) is not None)
    return replace(state, due=_due(known, state), notes=_notes(known, state))


def _running(known: TeamKnown) -> TeamState | None:
    if _status(known) != "running":
        return None
    why = "The traces are being clustered; that takes seconds to minutes."
    return TeamState("running", "none", "A run is under way", why, actions=("watch",))


def _no_traces(known: TeamKnown) -> TeamState | None:
    if known.traces or known.waiting:
        return None
    why = f"Nothing has come for team {known.team_id} that could be clustered."
    todo = "Send traces with the SDK that the application uses already, or load a file."
    return TeamState("no_traces", "none", "No traces yet", why, todo, ("send",))


def _waiting(known: TeamKnown) -> TeamState | None:
    if known.traces:
        return None
    why = f"{_waiting_traces(known)} be summarized; clusters are made of what is summarized."
    return TeamState(
        "waiting", "none", "Traces are waiting", why, _when_summarized(known), ("summarize",)
    )


def _failed(known: TeamKnown) -> TeamState | None:
    if _status(known) != "failed":
        return None
    todo = "Start it again. If it fails again, the log of the service says more."
    why = _reason(known, "no reason was recorded")
    return TeamState("failed", "bad", "The last run failed", why, todo, ("start",))


def _timed_out(known: TeamKnown) -> TeamState | None:
    if _status(known) != "timed_out":
        return None
    todo = "Start one with fewer days or fewer traces, or give the worker more processors."
    why = _reason(known, "it was not done within its time")
    return TeamState("timed_out", "bad", "The last run took too long", why, todo, ("start",))


def _too_few(known: TeamKnown) -> TeamState | None:
    if known.recent >= known.needed:
        return None
    todo, actions = _for_more_traces(known)
    if _status(known) == "completed":
        return TeamState(
            "outdated", "none", "Too few new traces for another run", _few(known), todo, actions
        )
    return TeamState("too_few", "weak", "Too few traces to cluster", _few(known), todo, actions)


def _skipped(known: TeamKnown) -> TeamState | None:
    if _status(known) != "skipped":
        return None
    todo = f"Start another: {_traces(known.recent)} of the last {_days(known)} can be clustered."
    if known.latest and known.recent <= known.latest.traces_analyzed:
        todo = "Send traces that differ, or start a run that looks back over more days."
    why = _reason(known, "no reason was recorded")
    return TeamState("skipped", "weak", "The last run was skipped", why, todo, ("start",))


def _cancelled(known: TeamKnown) -> TeamState | None:
    if _status(known) != "cancelled":
        return None
    why = "Somebody ended it before it was done."
    todo = "Start another whenever you like."
    return TeamState("cancelled", "none", "The last run was cancelled", why, todo, ("start",))


def _no_run(known: TeamKnown) -> TeamState | None:
    if known.latest is not None:
        return None
    why = f"{_traces(known.recent)} of the last {_days(known)} can be clustered."
    return TeamState("no_run", "none", "No run yet", why, "Start a run to see them.", ("start",))


def _no_answer(known: TeamKnown) -> TeamState | None:
    if known.latest is None or known.latest.verdict != "degenerate":
        return None
    why = "The last run found no groups that say something about the traces; it tells why."
    todo = "More traces, more days or another number of clusters may help."
    return TeamState("no_answer", "bad", "No clusters worth believing", why, todo, ("start",))


def _well(known: TeamKnown) -> TeamState:
    latest = known.latest
    assert latest is not None
    found = f"{count(latest.optimal_k)} clusters in {_traces(latest.sampled_traces)}"
    if latest.verdict == "weak":
        why = f"The last run found {found}. They are to be read with care; it tells why."
        return TeamState("well", "weak", "Clusters to read with care", why, actions=("start",))
    headline = "Clusters are there"
    return TeamState("well", "good", headline, f"The last run found {found}.", actions=("start",))


_RULES: tuple[Callable[[TeamKnown], TeamState | None], ...] = (
    *(_running, _no_traces, _waiting, _failed, _timed_out, _too_few),
    *(_skipped, _cancelled, _no_run, _no_answer, _well),
)


def _status(known: TeamKnown) -> str:
    return known.latest.status if known.latest else ""


def _reason(known: TeamKnown, otherwise: str) -> str:
    return sentence(known.latest.reason if known.latest else "", otherwise)


def _few(known: TeamKnown) -> str:
    lie = "lies" if known.recent == 1 else "lie"
    few = f"{_traces(known.recent)} {lie} in the last {_days(known)}; a run needs {known.needed}."
    return f"{few} {_waiting_traces(known)} be summarized." if known.waiting else few


def _for_more_traces(known: TeamKnown) -> tuple[str, tuple[Action, ...]]:
    if known.recent + known.waiting >= known.needed:
        return _when_summarized(known), ("summarize",)
    if known.traces >= known.needed:
        older = f"There are {_traces(known.traces)} in all: start a run that looks further back."
        return older, ("start", "send")
    waiting: tuple[Action, ...] = ("summarize",) if known.waiting else ()
    return "Send more, then start a run or wait for the schedule's.", (*waiting, "send")


def _when_summarized(known: TeamKnown) -> str:
    quiet = "minute" if known.quiet_minutes == 1 else f"{known.quiet_minutes} minutes"
    if not known.quiet_minutes:
        return "Summarize them now, or wait for the schedule."
    return f"Each is summarized once nothing new of it has come for {quiet}, or now if you wish."


def _waiting_traces(known: TeamKnown) -> str:
    return f"{_traces(known.waiting)} {'waits' if known.waiting == 1 else 'wait'} to"


def _traces(number: int) -> str:
    return "1 trace" if number == 1 else f"{count(number)} traces"


def _days(known: TeamKnown) -> str:
    return "day" if known.lookback_days == 1 else f"{known.lookback_days} days"


def _due(known: TeamKnown, state: TeamState) -> tuple[str, datetime] | None:
    if "summarize" in state.actions:
        schedule, what = known.summarization, "The next summarization starts"
    elif known.is_scheduled and state.kind != "running":
        schedule, what = known.clustering, "The next run starts"
    else:
        return None
    is_due = schedule.standing == "on" and schedule.next_at is not None
    return (what, schedule.next_at) if is_due and schedule.next_at else None


def _notes(known: TeamKnown, state: TeamState) -> tuple[Note, ...]:
    notes = [_of_schedule(known.clustering, "clustering")]
    if known.waiting and known.clustering.standing not in ("unreachable", "absent"):
        notes.append(_of_schedule(known.summarization, "summarization"))
    if state.kind not in ("no_traces", "waiting"):
        notes += [_of_allowlist(known), _of_least(known), _of_model(known)]
    return tuple(note for note in notes if note is not None)


def _of_schedule(schedule: ScheduleKnown, which: ScheduleName) -> Note | None:
    text = _TROUBLES.get(schedule.standing)
    if text is None:
        return None
    of = "" if which == "clustering" else " --of summarization"
    command = _COMMANDS.get(schedule.standing)
    thing = "run" if which == "clustering" else "summarization"
    because = f" ({schedule.note})" if schedule.note and schedule.standing == "paused" else ""
    return Note(
        text.format(which=which, thing=thing, because=because), f"{command}{of}" if command else ""
    )


_TROUBLES: Mapping[Standing, str] = {
    "paused": "The schedule of the {which} is paused{because}: no {thing} starts by itself.",
    "missing": "There is no schedule of the {which}: no {thing} starts by itself.",
    "unreachable": "Temporal does not answer: no run starts, by itself or by hand.",
    "absent": "Temporal does not run here: no run can be started from this page.",
}
_COMMANDS: Mapping[Standing, str] = {
    "paused": "trace-clustering schedule resume",
    "missing": "trace-clustering schedule create",
}


def _of_allowlist(known: TeamKnown) -> Note | None:
    if known.is_allowed:
        return None
    return Note(
        f"Team {known.team_id} is not among the teams that are scheduled (allowed_team_ids): "
        "its runs are started by hand."
    )


def _of_least(known: TeamKnown) -> Note | None:
    if not known.is_allowed or not known.needed <= known.recent < known.needed_for_schedule:
        return None
    return Note(
        f"The schedule takes teams with {count(known.needed_for_schedule)} traces or more in the "
        f"last {_days(known)} (min_embeddings); this one has {count(known.recent)}. "
        "Its runs are started by hand."
    )


def _of_model(known: TeamKnown) -> Note | None:
    if not known.vector_model or known.vector_model == known.model:
        return None
    return Note(
        f"Most traces have vectors of the model {known.vector_model}, new ones get those of "
        f"{known.model}. A run takes those of one model and leaves the others out.",
        f"trace-clustering embed --backfill --team-id {known.team_id}",
    )
