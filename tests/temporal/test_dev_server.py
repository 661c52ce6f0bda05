"""Ports of the embedded Temporal."""

from __future__ import annotations

import socket

import pytest

from trace_clustering.errors import ServiceError
from trace_clustering.temporal.dev_server import LOOPBACK, usable_port


def test_a_free_port_is_given_to_nobody_else() -> None:
    port = usable_port("temporal_port", 0)
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind((LOOPBACK, port))
    # As servers do, which ask for this very port.
    with socket.create_server((LOOPBACK, port)):
        pass
    assert usable_port("temporal_port", port) == port


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server((LOOPBACK, 0)) as other:
        port = int(other.getsockname()[1])
        with pytest.raises(ServiceError, match=rf"temporal_port: port {port} on .* is taken"):
            usable_port("temporal_port", port)
