"""What all commands share: options, settings and output, and the call of the API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType

from trace_clustering.cli import console
from trace_clustering.cli.client import ApiClient, Needs, api_client
from trace_clustering.errors import InvalidInputError
from trace_clustering.settings import Settings
from trace_clustering.settings_sources import load_settings

EXIT_FAILED, EXIT_BAD_INPUT, EXIT_NOT_FOUND, EXIT_UNREACHABLE, EXIT_INTERRUPTED = 1, 2, 3, 4, 130

WITHOUT_NO_WAIT = ", or leave out --no-wait"

TeamOption = Annotated[int, typer.Option("--team-id", "--team", help="Team id.", min=1)]
OptionalTeamOption = Annotated[
    int | None, typer.Option("--team-id", "--team", help="Team id.", min=1)
]
AllOption = Annotated[bool, typer.Option("--all", help="Every team.")]
DataDirOption = Annotated[Path | None, typer.Option(help="Folder that holds all local state.")]
LimitOption = Annotated[int, typer.Option(help="At most so many.", min=1, max=1000)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass
class Context:
    """The settings given on the command line, and where output goes."""

    overrides: dict[str, Any] = field(default_factory=dict)
    out: Console = field(default_factory=console.output_console)
    err: Console = field(default_factory=console.error_console)

    def settings(self, **overrides: Any) -> Settings:
        self.overrides.update({k: v for k, v in overrides.items() if v is not None})
        return load_settings(self.overrides)

    def show(self, as_json: bool, data: Any, view: Callable[[], RenderableType]) -> None:
        """Print data for scripts or for people."""
        if as_json:
            # ASCII, because text of strangers may hold what steers a terminal.
            typer.echo(json.dumps(data, ensure_ascii=True, indent=2))
        else:
            self.out.print(view())


def call(
    shared: Context,
    request: Callable[[ApiClient], Awaitable[Any]],
    *,
    needs: Needs = "store",
    data_dir: Path | None = None,
) -> Any:
    """Ask the API; where no service runs, one is started that has what is needed."""
    settings = shared.settings(data_dir=data_dir)
    configure_logging(settings.model_copy(update={"log_level": "error"}))

    async def run() -> Any:
        async with api_client(settings, needs=needs, overrides=shared.overrides) as api:
            return await request(api)

    return asyncio.run(run())


def one_or_all(team_id: int | None, every: bool) -> None:
    """Check that either a team was named or all were meant.

    Raises:
        InvalidInputError: neither, or both.
    """
    if (team_id is None) != every:
        raise InvalidInputError("--team-id", "name a team, or give --all for every one")


def configure_logging(settings: Settings) -> None:
    from trace_clustering import observability

    observability.configure_logging(settings)
