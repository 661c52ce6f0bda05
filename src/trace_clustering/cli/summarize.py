"""The commands ``summarize`` and ``embed``: traces that wait become text, summary and vector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from trace_clustering.cli import console
from trace_clustering.cli.client import ApiClient, NoServiceError
from trace_clustering.cli.shared import (
    EXIT_FAILED,
    WITHOUT_NO_WAIT,
    AllOption,
    Context,
    DataDirOption,
    JsonOption,
    OptionalTeamOption,
    call,
    one_or_all,
)
from trace_clustering.cli.summaries import Summaries, backfill
from trace_clustering.cli.watching import watch
from trace_clustering.errors import InvalidInputError

NOTHING_QUIET = "Nothing to summarize that has been quiet for long enough; --now takes the rest."


@dataclass(frozen=True)
class Summarization:
    """How a started workflow stands.

    Attributes:
        now: whether it takes traces on that may not have ended yet.
    """

    state: Mapping[str, Any]
    now: bool = True

    @property
    def result(self) -> Mapping[str, Any] | None:
        """What it did, once it has ended well."""
        return self.state.get("result")

    @property
    def is_whole(self) -> bool:
        """Whether nothing has failed so far."""
        if self.state["status"] not in ("running", "completed"):
            return False
        return not (self.result and (self.result["failed"] or self.result.get("failed_teams")))

    def as_json(self) -> Mapping[str, Any]:
        return self.state if self.result is None else self.result

    def view(self) -> Text:
        if self.result is not None:
            if self.is_whole and not (self.now or self.result["summarized"]):
                return Text(NOTHING_QUIET)
            return _told(self.result)
        if self.state["status"] == "running":
            return Text(f"Started {self.state['workflow_id']}")
        reason = self.state.get("failure") or "no reason was given"
        return Text.assemble(f"The summarization {self.state['status']}: ", console.plain(reason))


def summarize(
    ctx: typer.Context,
    team_id: OptionalTeamOption = None,
    every: AllOption = False,
    now: Annotated[
        bool, typer.Option("--now", help="Take traces too that may not have ended yet.")
    ] = False,
    wait: Annotated[bool, typer.Option(help="Wait until it has ended.")] = True,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Summarize and embed the traces that wait for it, before the schedule does."""
    one_or_all(team_id, every)
    shared: Context = ctx.obj
    path = "/api/v1/summarization" if every else f"/api/v1/teams/{team_id}/summarization"
    try:
        done: Summarization = call(
            shared,
            lambda api: _start_and_watch(api, shared.err, path, now=now, wait=wait),
            needs="worker" if wait else "lasting",
            data_dir=data_dir,
        )
    except NoServiceError:
        raise NoServiceError(WITHOUT_NO_WAIT) from None
    shared.show(as_json, done.as_json(), done.view)
    if not done.is_whole:
        raise typer.Exit(EXIT_FAILED)


def embed(
    ctx: typer.Context,
    fill: Annotated[
        bool, typer.Option("--backfill", help="Make the vectors that are missing.")
    ] = False,
    team_id: OptionalTeamOption = None,
    every: AllOption = False,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """With --backfill: vectors of the embedding model that is set now, for texts without one."""
    if not fill:
        raise InvalidInputError(
            "--backfill", "needed; it embeds stored texts anew after a change of the model"
        )
    one_or_all(team_id, every)
    shared: Context = ctx.obj
    teams: dict[int, int] = call(
        shared, lambda api: _backfill(api, shared.err, team_id), data_dir=data_dir
    )
    embedded = sum(teams.values())
    rows = [{"team_id": team, "embedded": count} for team, count in teams.items()]
    shared.show(
        as_json,
        {"embedded": embedded, "teams": rows},
        lambda: (
            f"{console.counted(embedded, 'text')} of {console.counted(len(rows), 'team')} embedded."
        ),
    )


async def _start_and_watch(
    api: ApiClient, err: Console, path: str, *, now: bool, wait: bool
) -> Summarization:
    started = await api.post(path, {"now": now})
    if not wait:
        return Summarization({"workflow_id": started["workflow_id"], "status": "running"})
    return Summarization(await watch(api, err, started["workflow_id"], "summarizing"), now)


async def _backfill(api: ApiClient, err: Console, team_id: int | None) -> dict[int, int]:
    """How many vectors were made for the team, or else for each."""
    if team_id is not None:
        teams = [team_id]
    else:
        teams = [team["team_id"] for team in (await api.get("/api/v1/teams"))["teams"]]
    return {team: await backfill(api, err, team) for team in teams}


def _told(result: Mapping[str, Any]) -> Text:
    """The result of a team's workflow or of all teams', and why something failed."""
    done = Summaries(
        result["summarized"], result["embedded"], result["failed"], result["fallbacks"]
    ).sentence
    teams = f"{console.counted(result['teams'], 'team')}: " if "teams" in result else ""
    lines = [f"{teams}{done}", *result.get("failures", [])]
    for team in result.get("failed_teams", []):
        lines.append(f"Team {team['team_id']} failed: {team['reason']}")
    return Text("\n").join(console.plain(line) for line in lines)
