"""Long lists are split so that a server takes each part as a bound parameter."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

import pytest
from clickhouse_connect.driver.binding import bind_query
from hypothesis import given
from hypothesis import strategies as st

from tests.store.received import ODD_IDS
from trace_clustering.store.parts import MAX_PARAMETER_BYTES, parts

# A server's defaults: http_max_field_value_size and http_max_uri_size.
LONGEST_VALUE = 128 * 1024
LONGEST_ADDRESS = 1024 * 1024

IDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=512)


def bound(values: list[str], kind: str = "String") -> dict[str, str]:
    """What the client sends for a list."""
    _, parameters = bind_query(f"SELECT {{v:Array({kind})}}", {"v": values}, None)
    return parameters


def test_nothing_makes_no_part() -> None:
    assert list(parts([])) == []


def test_each_value_is_in_one_part_in_order() -> None:
    values = [str(number) for number in range(50_000)]
    split = list(parts(values + values[::-1]))
    assert len(split) > 1
    assert [value for part in split for value in part] == values


def test_few_values_make_one_part() -> None:
    assert list(parts(["b", "a", "b"])) == [["b", "a"]]
    assert len(list(parts(str(UUID(int=number)) for number in range(2_000)))) == 1


def test_one_value_that_is_too_long_is_a_part_of_its_own() -> None:
    long = "x" * (MAX_PARAMETER_BYTES + 1)
    assert list(parts(["a", long, "b"])) == [["a"], [long], ["b"]]


@pytest.mark.parametrize("character", [*"a'\\🙂你\t\n", "\x01"])
def test_a_server_takes_the_longest_ids(character: str) -> None:
    ids = [f"{number:04d}{character * 508}" for number in range(1000)]
    for part in parts(ids):
        parameters = bound(part)
        assert len(parameters["param_v"].encode()) <= MAX_PARAMETER_BYTES < LONGEST_VALUE
        assert len(urlencode(parameters)) < LONGEST_ADDRESS // 2


def test_a_server_takes_uuids() -> None:
    for part in parts(str(UUID(int=number)) for number in range(10_000)):
        parameters = bound(part, "UUID")
        assert len(parameters["param_v"]) <= MAX_PARAMETER_BYTES
        assert len(urlencode(parameters)) < LONGEST_ADDRESS // 2


@given(st.lists(IDS | st.sampled_from(ODD_IDS), max_size=20))
def test_lengths_are_never_underestimated(ids: list[str]) -> None:
    many = [f"{number} {one}" for number in range(30) for one in ids]
    split = list(parts(many))
    assert [one for part in split for one in part] == list(dict.fromkeys(many))
    assert all(len(bound(part)["param_v"].encode()) <= MAX_PARAMETER_BYTES for part in split)
