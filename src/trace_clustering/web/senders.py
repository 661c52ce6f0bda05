"""Who sends traces: every client brings a key in the way of its protocol; a key is one team's."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Protocol

from starlette.datastructures import Headers

from trace_clustering.settings import Settings
from trace_clustering.web.access import token_of, tokens_of
from trace_clustering.web.payloads import Refused

DEFAULT_TEAM_ID = 1
"""Where everything goes as long as no key was ever made."""

# Ours are far shorter; what is longer is no key and not worth a look-up.
_MAX_KEY_CHARS = 512
_KEY_HEADERS = ("x-api-key", "api-key")


class Keys(Protocol):
    """The keys that were made, as far as senders are concerned."""

    def any(self) -> bool: ...
    def team_of(self, key: str) -> int | None: ...


def credentials_of(headers: Headers) -> list[str]:
    """What the headers bring that may be a key, most likely first."""
    scheme, _, rest = _header(headers, "authorization").strip().partition(" ")
    found = []
    if scheme.lower() == "bearer":
        found = [rest.strip()]
    elif scheme.lower() == "basic":
        # Langfuse sends public and secret key; a user may have put ours in either place.
        user, _, password = _basic(rest).partition(":")
        found = [password, user]
    found += [_header(headers, name).strip() for name in _KEY_HEADERS]
    return [value for value in found if value]


def team_of_sender(keys: Keys, settings: Settings, credentials: Sequence[str]) -> int:
    """The team that a sender with these credentials writes to.

    Without any key made, whoever reaches the service writes to team 1; where it has tokens,
    and so may be reached from other machines, those that open team 1 are the only keys.

    Raises:
        Refused: 401, none of the credentials is one to write with.
        StoreError: the keys cannot be looked up.
    """
    usable = [one for one in credentials if len(one) <= _MAX_KEY_CHARS and one.isprintable()]
    if keys.any():
        teams = (keys.team_of(one) for one in usable)
        team_id = next((team for team in teams if team is not None), None)
        if team_id is None:
            raise _unknown(credentials, "a key; `trace-clustering keys create` makes one")
        return team_id
    tokens = tokens_of(settings)
    opening = [one for one in tokens if one.access().may_see(DEFAULT_TEAM_ID)]
    if tokens and not any(token_of(one.encode(), opening) for one in usable):
        raise _unknown(credentials, "the service's token, or a key once one is made")
    return DEFAULT_TEAM_ID


def _unknown(credentials: Sequence[str], wanted: str) -> Refused:
    problem = "the key is unknown or was revoked" if credentials else "no key was sent"
    message = f"{problem}; required is {wanted}"
    return Refused(401, "Unauthorized", None, message, {"WWW-Authenticate": "Bearer"})


def _header(headers: Headers, name: str) -> str:
    # Headers are bytes; Starlette hands them out as Latin-1.
    return headers.get(name, "").encode("latin-1").decode("utf-8", "replace")


def _basic(encoded: str) -> str:
    try:
        return base64.b64decode(encoded.strip(), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""
