"""``api_keys``: which team a sender writes to. Of a key only its hash is stored."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from trace_clustering.errors import NotFoundError
from trace_clustering.store.database import Database, table
from trace_clustering.store.times import as_utc

PREFIX = "tck_"
"""What every key begins with, so that one is recognised where it should not be."""

# For so long another process may go on taking a key after it was revoked.
REMEMBERED_SECONDS = 5.0
_MAX_REMEMBERED = 10_000

_MILLISECONDS = pa.timestamp("ms", tz="UTC")


@dataclass(frozen=True)
class KeyRecord:
    """A key as it may be shown: ``hint`` is its end, the key itself is not stored."""

    key_id: str
    team_id: int
    name: str
    hint: str
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True)
class NewKey:
    """A key that was just made; the only time that it is seen."""

    key: str
    record: KeyRecord


class Keys:
    """Makes, lists, revokes and recognises keys; safe to share between threads."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._db = database
        self._clock = clock
        self._lock = threading.Lock()
        self._teams: dict[str, tuple[float, int | None]] = {}
        self._changes = 0
        self._is_any = False

    def create(self, team_id: int, name: str = "") -> NewKey:
        """Make a key that writes to a team."""
        key = PREFIX + secrets.token_urlsafe(32)
        record = KeyRecord(secrets.token_hex(6), team_id, name, key[-4:], _now())
        self._write(record, _hash(key))
        self._forget()
        return NewKey(key, record)

    def all(self) -> list[KeyRecord]:
        """All keys of all teams, by team and age, the revoked ones among them."""
        return [_record(row) for row in self._rows()]

    def revoke(self, key_id: str) -> KeyRecord:
        """Refuse a key from now on; one that is revoked already stays so.

        Raises:
            NotFoundError: there is no such key.
        """
        found = {row["key_id"]: row for row in self._rows()}
        if key_id not in found:
            raise NotFoundError(f"there is no key {key_id}")
        record = _record(found[key_id])
        if record.revoked_at is None:
            record = replace(record, revoked_at=_now())
            self._write(record, found[key_id]["key_hash"])
            self._forget()
        return record

    def team_of(self, key: str) -> int | None:
        """The team that a key writes to; None for one that is unknown or revoked."""
        hashed, now, changes = _hash(key), self._clock(), self._changes
        remembered = self._teams.get(hashed)
        if remembered is not None and remembered[0] > now:
            return remembered[1]
        rows = self._db.select(
            "SELECT team_id FROM api_keys FINAL "
            "WHERE key_hash = {key_hash:String} AND revoked_at IS NULL",
            key_hash=hashed,
        )
        team_id = int(rows[0]["team_id"]) if rows else None
        self._remember(hashed, now, team_id, changes)
        return team_id

    def any(self) -> bool:
        """Whether a key was ever made, be it revoked since."""
        if not self._is_any:
            rows = self._db.select("SELECT count() AS n FROM api_keys")
            self._is_any = rows[0]["n"] > 0
        return self._is_any

    def _remember(self, hashed: str, now: float, team_id: int | None, changes: int) -> None:
        with self._lock:
            if changes != self._changes:
                return  # What was read may have been revoked since.
            if len(self._teams) >= _MAX_REMEMBERED:
                self._teams.clear()
            self._teams[hashed] = (now + REMEMBERED_SECONDS, team_id)

    def _forget(self) -> None:
        with self._lock:
            self._teams.clear()
            self._changes += 1

    def _rows(self) -> list[dict[str, Any]]:
        return self._db.select(
            "SELECT team_id, key_id, name, hint, key_hash, created_at, revoked_at "
            "FROM api_keys FINAL ORDER BY team_id, created_at, key_id"
        )

    def _write(self, record: KeyRecord, key_hash: str) -> None:
        columns = {
            "team_id": ([record.team_id], pa.int64()),
            "key_id": ([record.key_id], pa.string()),
            "name": ([record.name], pa.string()),
            "hint": ([record.hint], pa.string()),
            "key_hash": ([key_hash], pa.string()),
            "created_at": ([record.created_at], _MILLISECONDS),
            "revoked_at": ([record.revoked_at], _MILLISECONDS),
            "version": ([int(record.revoked_at is not None)], pa.uint8()),
        }
        self._db.insert("api_keys", table(columns))


def _now() -> datetime:
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _hash(key: str) -> str:
    # A key is 256 random bits: a fast hash without salt gives nothing away.
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _record(row: dict[str, Any]) -> KeyRecord:
    return KeyRecord(
        key_id=row["key_id"],
        team_id=int(row["team_id"]),
        name=row["name"],
        hint=row["hint"],
        created_at=as_utc(row["created_at"]),
        revoked_at=as_utc(row["revoked_at"]) if row["revoked_at"] else None,
    )
