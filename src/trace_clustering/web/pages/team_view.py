"""A team as its pages show it: how it stands, and what its latest clusters are."""

from __future__ import annotations

from dataclasses import dataclass

from trace_clustering.inputs import is_workflow_of
from trace_clustering.models import RunRecord
from trace_clustering.run_reading import Judgement, judgement_of
from trace_clustering.web import urls
from trace_clustering.web.run_drawings import Slice, slices_of
from trace_clustering.web.stories import RunStory, Stories
from trace_clustering.web.team_state import TeamKnown, TeamState, state_of_team


@dataclass(frozen=True)
class Clusters:
    """What a completed run found, at a glance."""

    run: RunRecord
    judgement: Judgement
    slices: tuple[Slice, ...]


@dataclass(frozen=True)
class TeamView:
    """A team at a glance; ``clusters`` are of its latest run that has any."""

    known: TeamKnown
    state: TeamState
    clusters: Clusters | None

    @property
    def team_id(self) -> int:
        return self.known.team_id

    @property
    def latest(self) -> RunRecord | None:
        return self.known.latest

    @property
    def latest_address(self) -> str | None:
        return address_of(self.latest) if self.latest else None


def team_view(known: TeamKnown, completed: RunRecord | None, stories: Stories) -> TeamView:
    """Put a team's view together; reads what its latest completed run tells."""
    clusters = clusters_of(stories.of(completed.run_id)) if completed else None
    return TeamView(known, state_of_team(known), clusters)


def address_of(run: RunRecord) -> str:
    """Where a run is shown: how it gets on while it runs, then what it found."""
    return progress_address_of(run) or urls.run(run.run_id)


def progress_address_of(run: RunRecord) -> str | None:
    """Where it is told how a run gets on; None once it has ended, or if others named it."""
    if run.status != "running" or not is_workflow_of(run.team_id, run.workflow_id):
        return None
    return urls.workflow(run.team_id, run.workflow_id)


def clusters_of(story: RunStory) -> Clusters | None:
    """What a run found; None where it emitted no event."""
    if story.properties is None:
        return None
    slices = slices_of(story.properties["$ai_clusters"])
    return Clusters(story.run, judgement_of(story.properties), slices)
