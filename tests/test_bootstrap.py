"""Putting a service together."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from itertools import chain, repeat

import pytest

from trace_clustering.bootstrap import LOOPBACK, loopback_port, metered_runtime
from trace_clustering.errors import ServiceError


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_port_that_was_taken_meanwhile_is_left_alone(taken: int) -> None:
    ports = chain([taken, taken], iter(loopback_port, None))
    _, address = metered_runtime(lambda: next(ports))
    assert address != f"{LOOPBACK}:{taken}"


def test_it_says_why_where_no_port_stays_free(taken: int) -> None:
    ports = repeat(taken)
    with pytest.raises(ServiceError, match=r"cannot serve its metrics: .*in use"):
        metered_runtime(lambda: next(ports))
