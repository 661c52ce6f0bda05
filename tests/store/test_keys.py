"""Keys: who holds one writes to its team, until it is revoked; what is stored gives none away."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from tests.support.clickhouse_front import ClickHouseFront
from trace_clustering.errors import NotFoundError
from trace_clustering.store import Keys, Store
from trace_clustering.store.database import Database
from trace_clustering.store.keys import _MAX_REMEMBERED, PREFIX, REMEMBERED_SECONDS

THREADS = 8


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Interrupted:
    """A database in which something happens right after the next query was answered."""

    def __init__(self, database: Database, then: Callable[[], object]) -> None:
        self._database = database
        self._then: Callable[[], object] | None = then

    def select(self, sql: str, /, **parameters: Any) -> list[dict[str, Any]]:
        rows = self._database.select(sql, **parameters)
        then, self._then = self._then, None
        if then is not None:
            then()
        return rows

    def insert(self, *arguments: Any) -> None:
        self._database.insert(*arguments)


class Nobody:
    """A database without keys that counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def select(self, sql: str, /, **parameters: Any) -> list[dict[str, Any]]:
        self.asked += 1
        return []


def test_who_holds_a_key_writes_to_its_team(
    any_store: Store, team_id: int, other_team_id: int
) -> None:
    mine, theirs, also_mine = (
        any_store.keys.create(team) for team in (team_id, other_team_id, team_id)
    )
    assert any_store.keys.team_of(mine.key) == any_store.keys.team_of(also_mine.key) == team_id
    assert any_store.keys.team_of(theirs.key) == other_team_id
    assert len({one.key for one in (mine, theirs, also_mine)}) == 3


@pytest.mark.parametrize("name", ["", "Ada's laptop", "ñ 你 🙂 \\ \n {x:String}"])
def test_a_new_key_and_its_record(any_store: Store, team_id: int, name: str) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    made = any_store.keys.create(team_id, name)
    assert made.key.startswith(PREFIX)
    assert len(made.key) > 40
    assert made.record.hint == made.key[-4:]
    assert (made.record.team_id, made.record.name) == (team_id, name)
    assert before <= made.record.created_at <= datetime.now(UTC)
    assert made.record.revoked_at is None
    assert [one for one in any_store.keys.all() if one.team_id == team_id] == [made.record]


def test_only_its_hash_is_stored(any_store: Store, team_id: int) -> None:
    made = any_store.keys.create(team_id)
    any_store.keys.revoke(made.record.key_id)
    columns = any_store._database.select(
        "SELECT table, name FROM system.columns WHERE database = {name:String}",
        name=any_store._database.name,
    )
    assert {"table": "api_keys", "name": "key_hash"} in columns
    secret = made.key.removeprefix(PREFIX)
    for column in columns:
        (row,) = any_store._database.select(
            f"SELECT countIf(position(toString(`{column['name']}`), {{secret:String}}) > 0) AS n "
            f"FROM {column['table']}",
            secret=secret,
        )
        assert row["n"] == 0, column
    hashes = any_store._database.select(
        "SELECT DISTINCT key_hash FROM api_keys WHERE team_id = {team_id:Int64}", team_id=team_id
    )
    assert hashes == [{"key_hash": hashlib.sha256(made.key.encode()).hexdigest()}]


@pytest.mark.parametrize(
    "change",
    [
        lambda key: "",
        lambda key: PREFIX,
        lambda key: key + "x",
        lambda key: key[:-1],
        lambda key: key.swapcase(),
        lambda key: f" {key}",
        lambda key: "ñ 🙂 \ud800 \0",
        lambda key: "x" * 1_000_000,
        lambda key: hashlib.sha256(key.encode()).hexdigest(),
    ],
)
def test_an_unknown_key_writes_to_no_team(
    any_store: Store, team_id: int, change: Callable[[str], str]
) -> None:
    made = any_store.keys.create(team_id)
    assert any_store.keys.team_of(change(made.key)) is None
    assert any_store.keys.team_of(made.key) == team_id


def test_a_revoked_key_writes_to_no_team(any_store: Store, team_id: int) -> None:
    made, other = (any_store.keys.create(team_id, name) for name in ("made", "other"))
    assert any_store.keys.team_of(made.key) == team_id
    revoked = any_store.keys.revoke(made.record.key_id)
    assert revoked.revoked_at is not None
    assert revoked.revoked_at >= made.record.created_at
    assert any_store.keys.team_of(made.key) is None
    assert any_store.keys.team_of(other.key) == team_id
    listed = [one for one in any_store.keys.all() if one.team_id == team_id]
    assert sorted(listed, key=lambda one: one.name) == sorted(
        [revoked, other.record], key=lambda one: one.name
    )


def test_a_key_stays_revoked(any_store: Store, team_id: int) -> None:
    made = any_store.keys.create(team_id)
    first = any_store.keys.revoke(made.record.key_id)
    any_store._database.execute("OPTIMIZE TABLE api_keys FINAL")
    assert any_store.keys.revoke(made.record.key_id) == first
    assert Keys(any_store._database).team_of(made.key) is None


def test_a_key_is_revoked_though_the_clock_was_set_back(any_store: Store, team_id: int) -> None:
    """As if it had been made a minute from now; whichever row is written last, too."""
    made = any_store.keys.create(team_id)
    ahead = replace(made.record, created_at=made.record.created_at + timedelta(minutes=1))
    key_hash = hashlib.sha256(made.key.encode()).hexdigest()
    any_store.keys._write(ahead, key_hash)
    revoked = any_store.keys.revoke(made.record.key_id)
    any_store.keys._write(ahead, key_hash)
    for _ in range(2):
        assert Keys(any_store._database).team_of(made.key) is None
        assert [one for one in any_store.keys.all() if one.team_id == team_id] == [revoked]
        any_store._database.execute("OPTIMIZE TABLE api_keys FINAL")


@pytest.mark.parametrize("key_id", ["", "0" * 12, "'; DROP TABLE api_keys --"])
def test_revoking_what_there_is_not(any_store: Store, key_id: str) -> None:
    with pytest.raises(NotFoundError, match="there is no key"):
        any_store.keys.revoke(key_id)


def test_keys_are_listed_by_team_and_age(
    any_store: Store, team_id: int, other_team_id: int
) -> None:
    made = [any_store.keys.create(team).record for team in (other_team_id, team_id, team_id)]
    listed = [one for one in any_store.keys.all() if one.team_id in (team_id, other_team_id)]
    assert listed == sorted(made, key=lambda one: (one.team_id, one.created_at, one.key_id))


def test_whether_a_key_was_ever_made(fresh_store: Store) -> None:
    elsewhere = Keys(fresh_store._database)
    assert not fresh_store.keys.any()
    assert not elsewhere.any()
    made = fresh_store.keys.create(1)
    assert fresh_store.keys.any()
    fresh_store.keys.revoke(made.record.key_id)
    assert fresh_store.keys.any()
    assert elsewhere.any()


# Several processes: each has a ``Keys`` of its own


def test_another_process_may_revoke(any_store: Store, team_id: int) -> None:
    clock = Clock()
    here = Keys(any_store._database, clock)
    made = any_store.keys.create(team_id)
    assert here.team_of(made.key) == team_id
    any_store.keys.revoke(made.record.key_id)
    clock.now += REMEMBERED_SECONDS
    assert here.team_of(made.key) is None
    clock.now += REMEMBERED_SECONDS
    assert here.team_of(made.key) is None


def test_a_key_is_remembered_for_so_long(
    front: ClickHouseFront, server_store: Store, team_id: int
) -> None:
    clock = Clock()
    here = Keys(server_store._database, clock)
    made = server_store.keys.create(team_id)
    front.forget()
    for _ in range(3):
        assert here.team_of(made.key) == team_id
        assert here.team_of("unknown") is None
    assert len(front.queries()) == 2
    clock.now += REMEMBERED_SECONDS - 0.001
    assert here.team_of(made.key) == team_id
    assert len(front.queries()) == 2
    clock.now += 0.001
    assert here.team_of(made.key) == team_id
    assert len(front.queries()) == 3


def test_a_key_that_is_revoked_while_it_is_looked_up(store: Store, team_id: int) -> None:
    """What was read a moment before is not remembered."""
    made = store.keys.create(team_id)
    database = Interrupted(store._database, lambda: here.revoke(made.record.key_id))
    here = Keys(cast("Database", database), Clock())
    assert here.team_of(made.key) == team_id
    assert here.team_of(made.key) is None


def test_guesses_do_not_pile_up() -> None:
    nobody = Nobody()
    keys = Keys(cast("Database", nobody), Clock())
    for number in range(_MAX_REMEMBERED + 50):
        assert keys.team_of(f"guess {number}") is None
    assert nobody.asked == _MAX_REMEMBERED + 50
    assert len(keys._teams) <= _MAX_REMEMBERED


def test_threads_make_use_and_revoke_keys(any_store: Store, team_id: int) -> None:
    def use(number: int) -> str:
        made = any_store.keys.create(team_id, str(number))
        assert any_store.keys.team_of(made.key) == team_id
        any_store.keys.revoke(made.record.key_id)
        assert any_store.keys.team_of(made.key) is None
        return made.record.key_id

    with ThreadPoolExecutor(THREADS) as pool:
        made = list(pool.map(use, range(2 * THREADS)))
    listed = [one for one in any_store.keys.all() if one.team_id == team_id]
    assert {one.key_id for one in listed} == set(made)
    assert len(listed) == len(set(made)) == 2 * THREADS
    assert all(one.revoked_at for one in listed)
