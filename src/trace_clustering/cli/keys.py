"""The commands about keys: each lets senders write the traces of one team."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from trace_clustering.cli import console
from trace_clustering.cli.shared import Context, DataDirOption, JsonOption, TeamOption, call

keys_app = typer.Typer(help="The keys of those who send traces.", no_args_is_help=True)

PATH = "/api/v1/keys"
HOW_TO_USE = (
    "Shown this once, and kept only as a hash. Senders give it as the bearer token, as the "
    "password of basic auth, or as PostHog's project key; who has none is refused from now on."
)


@keys_app.command("create")
def create(
    ctx: typer.Context,
    team_id: TeamOption,
    name: Annotated[str, typer.Option(help="Whom or what it is for.")] = "",
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key whose senders write to a team; it is printed this once."""
    shared: Context = ctx.obj
    body = {"team_id": team_id, "name": name}
    made = call(shared, lambda api: api.post(PATH, body), data_dir=data_dir)
    if as_json:
        shared.show(as_json, made, str)
    else:
        # Alone on standard output, so that KEY=$(…) holds it.
        typer.echo(made["key"])
        shared.err.print(f"Key {made['key_id']} of team {team_id}. {HOW_TO_USE}", soft_wrap=True)


@keys_app.command("list")
def list_keys(
    ctx: typer.Context, data_dir: DataDirOption = None, as_json: JsonOption = False
) -> None:
    """List the keys, revoked ones too; of each only how it ends."""
    shared: Context = ctx.obj
    found = call(shared, lambda api: api.get(PATH), data_dir=data_dir)["keys"]
    shared.show(as_json, found, lambda: console.keys_table(found))


@keys_app.command("revoke")
def revoke(
    ctx: typer.Context,
    key_id: Annotated[str, typer.Argument(help="Key id, see `keys list`.")],
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let nobody send with a key any more; what was sent with it stays."""
    shared: Context = ctx.obj
    path = f"{PATH}/{quote(key_id, safe='')}"
    revoked: dict[str, Any] = call(shared, lambda api: api.delete(path), data_dir=data_dir)
    if as_json:
        shared.show(as_json, revoked, str)
    else:
        shared.err.print(f"Key {revoked['key_id']} of team {revoked['team_id']} revoked.")
