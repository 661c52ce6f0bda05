"""The API's routes of the keys that say which team a sender writes to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, StringConstraints

from trace_clustering.inputs import checked_int
from trace_clustering.store import KeyRecord
from trace_clustering.web.routes import Given

router = APIRouter(prefix="/api/v1/keys", tags=["keys"])

Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)]


class KeyRequest(BaseModel):
    """For which team a key is, and what people call it."""

    model_config = ConfigDict(extra="forbid")

    team_id: Any = None
    name: Name = ""


@dataclass(frozen=True, kw_only=True)
class CreatedKey(KeyRecord):
    """A key with its record; ``key`` is shown this once."""

    key: str


@dataclass(frozen=True)
class KeyList:
    keys: list[KeyRecord]


@router.get("")
def keys(services: Given) -> KeyList:
    """Every key that was made, without the keys themselves."""
    return KeyList(services.store.keys.all())


@router.post("", status_code=201)
def create(services: Given, body: KeyRequest) -> CreatedKey:
    """Make a key; from the first one on, only senders with a key are let in."""
    new = services.store.keys.create(checked_int("team_id", body.team_id), body.name)
    return CreatedKey(**asdict(new.record), key=new.key)


@router.delete("/{key_id}")
def revoke(services: Given, key_id: str) -> KeyRecord:
    """Refuse a key from now on."""
    return services.store.keys.revoke(key_id)
