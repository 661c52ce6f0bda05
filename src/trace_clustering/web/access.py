"""What a token may see: everything, or some teams and nothing of the others.

The guard asks twice. Before any route is looked at, by the path alone: whatever names no team
that the token may see is refused, so that a new route is refused until its path names one. And
once the router has matched, by the parameters that the route was given: should path and router
ever be at odds, the router's word counts. Both refuse in the same words whether or not there is
such a team or run.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from fastapi import Request
from pydantic import SecretStr
from starlette.exceptions import HTTPException

from trace_clustering.errors import InvalidInputError, SettingsError
from trace_clustering.inputs import checked_int, team_of_run_id, team_of_workflow_id
from trace_clustering.settings import Settings
from trace_clustering.web.paths import SENDER_PATHS, is_open

LIMITED = "this token is limited to some teams"
"""Why a limited token is refused, whatever it asked for."""

# What names no team and is allowed still: it shows only what the access allows, or nobody's data.
_TEAMLESS = frozenset({"/", "/api/v1/teams", "/openapi.json"})

# What a path begins with to name a team, and the parameters by which routes are given one.
_NAMING = re.compile(r"(?:/api/v1)?/(teams|runs|workflows)/([^/]+)(?:/.*)?", re.DOTALL)
_IN_PATHS = {"team_id": "teams", "run_id": "runs", "workflow_id": "workflows"}
# A second run to compare with, the run from which a trace was reached, and what else may come.
_IN_QUERIES = {"with": "runs", "run": "runs", **_IN_PATHS}


@dataclass(frozen=True)
class Access:
    """What whoever sent a request may see.

    Attributes:
        teams: by id; None for everything.
        session: whether it came by signing in, so that there is something to sign out of.
    """

    teams: frozenset[int] | None
    session: bool = False

    def may_see(self, team_id: int) -> bool:
        return self.teams is None or team_id in self.teams


NO_ACCESS = Access(frozenset())
"""Of those who have shown no token yet, on paths that are open."""


@dataclass(frozen=True)
class Token:
    """A secret and the teams that it opens; None for everything."""

    secret: str = field(repr=False)
    teams: frozenset[int] | None

    def access(self, *, session: bool = False) -> Access:
        return Access(self.teams, session)

    def is_secret(self, given: bytes) -> bool:
        """Whether these bytes are the secret; takes as long whichever of them differ."""
        return secrets.compare_digest(given, self.secret.encode())


def tokens_of(settings: Settings) -> list[Token]:
    """Every token of the settings; none means that everyone on this machine may see everything.

    Raises:
        SettingsError: a secret is empty, two are the same, or a key is no list of team ids.
    """
    tokens = [_token(teams, secret) for teams, secret in settings.team_tokens.items()]
    if settings.token is not None:
        tokens.append(Token(settings.token.get_secret_value(), None))
    different = {token.secret for token in tokens}
    if "" in different or len(different) < len(tokens):
        raise SettingsError("team_tokens: every token must be there, and differ from the others")
    return tokens


def token_of(given: bytes, tokens: Sequence[Token]) -> Token | None:
    """The token whose secret this is; all are compared, however early one fits."""
    fits = [token for token in tokens if token.is_secret(given)]
    return fits[0] if fits else None


def may_ask(access: Access, path: str) -> bool:
    """Whether a path is one that the access allows; the path as routes match it."""
    if access.teams is None or _is_teamless(path):
        return True
    named = _NAMING.fullmatch(path)
    return named is not None and _may_see(access, named.group(1), named.group(2))


def check_matched(request: Request) -> None:
    """Refuse a route that was given another team's id; a dependency of every route.

    Raises:
        HTTPException: 403.
    """
    access: Access = request.state.access
    if access.teams is None or _is_teamless(request.scope["path"]):
        return
    named = [one for one in request.path_params.items() if one[0] in _IN_PATHS]
    named += [
        (name, value)
        for name, value in request.query_params.multi_items()
        if name in _IN_QUERIES and value
    ]
    # Nothing may be reached without naming a team in the path.
    in_path = any(name in _IN_PATHS for name in request.path_params)
    if not in_path or not all(
        _may_see(access, _IN_QUERIES[name], str(value)) for name, value in named
    ):
        raise HTTPException(403, LIMITED)


def _is_teamless(path: str) -> bool:
    return path in _TEAMLESS or path in SENDER_PATHS or is_open(path)


def _may_see(access: Access, what: str, value: str) -> bool:
    try:
        return access.may_see(_TEAM_OF[what](value))
    except InvalidInputError:
        return False


def _token(teams: str, secret: SecretStr) -> Token:
    try:
        ids = frozenset(checked_int("team_id", part) for part in teams.split(","))
    except InvalidInputError as error:
        raise SettingsError(f"team_tokens: {error}") from None
    return Token(secret.get_secret_value(), ids)


_TEAM_OF: Mapping[str, Callable[[str], int]] = {
    "teams": lambda value: checked_int("team_id", value),
    "runs": team_of_run_id,
    "workflows": team_of_workflow_id,
}
