"""The HTTP API's client: of the running service, or of the application in this process.

Both speak the same requests; which one it is makes no difference to who uses it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx

from trace_clustering.announcement import announced_url
from trace_clustering.errors import (
    InvalidInputError,
    NotFoundError,
    ServiceError,
    TraceClusteringError,
)
from trace_clustering.settings import Settings

PROBE_TIMEOUT_SECONDS = 5.0
REQUEST_TIMEOUT_SECONDS = 600.0


class ApiClient:
    """Requests of the API; answers are the decoded JSON.

    Every method raises InvalidInputError, NotFoundError or ServiceError as the API says.
    """

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def get(self, path: str, **query: Any) -> Any:
        return (await self._send("GET", path, params=query)).json()

    async def get_text(self, path: str) -> str:
        return (await self._send("GET", path)).text

    async def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return (await self._send("POST", path, json=body)).json()

    async def put(self, path: str) -> Any:
        return (await self._send("PUT", path)).json()

    async def delete(self, path: str) -> Any:
        return (await self._send("DELETE", path)).json()

    async def ingest(self, team_id: int, lines: bytes, first_line: int) -> Any:
        """Send trace lines; the answer counts what became of them."""
        path = f"/api/v1/teams/{team_id}/traces"
        answer = await self._send("POST", path, params={"first_line": first_line}, content=lines)
        return answer.json()

    async def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            answer = await self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise ServiceError(f"the service does not answer: {error}") from error
        if answer.is_error:
            raise _as_error(answer)
        return answer


@asynccontextmanager
async def api_client(
    settings: Settings,
    *,
    needs_temporal: bool = False,
    overrides: Mapping[str, Any] | None = None,
) -> AsyncIterator[ApiClient]:
    """A client of the service that runs, or else of one started in this process.

    Args:
        needs_temporal: a service started here has Temporal and a worker too.
    """
    url = settings.url or await _running_url(settings)
    if url is not None:
        async with _http(settings, base_url=url) as http:
            yield ApiClient(http)
        return
    # Only who needs a service of its own pays for loading one.
    from trace_clustering.bootstrap import Parts, running

    # Ports are of no interest to a service that ends with this command.
    own = settings.model_copy(update={"temporal_port": 0, "temporal_ui_port": 0})
    parts = Parts(temporal=needs_temporal, worker=needs_temporal, schedule=False)
    async with running(own, parts, overrides=overrides) as service:
        transport = httpx.ASGITransport(service.app)
        async with _http(settings, base_url="http://in-process", transport=transport) as http:
            yield ApiClient(http)


def run_path(run_id: str, *rest: str) -> str:
    """The API's path of a run, or of a part of it."""
    return "/".join(("/api/v1/runs", quote(run_id, safe=""), *rest))


def workflow_path(workflow_id: str) -> str:
    """The API's path of a workflow."""
    return f"/api/v1/workflows/{quote(workflow_id, safe='')}"


def _http(settings: Settings, **options: Any) -> httpx.AsyncClient:
    headers: dict[bytes, bytes] = {}
    if settings.token is not None:
        headers[b"Authorization"] = f"Bearer {settings.token.get_secret_value()}".encode()
    return httpx.AsyncClient(
        headers=headers, timeout=REQUEST_TIMEOUT_SECONDS, trust_env=False, **options
    )


async def _running_url(settings: Settings) -> str | None:
    url = announced_url(settings.data_dir)
    if url is None:
        return None
    async with httpx.AsyncClient(trust_env=False, timeout=PROBE_TIMEOUT_SECONDS) as http:
        try:
            answer = await http.get(f"{url}/healthz")
        except httpx.HTTPError:
            return None
    return url if answer.is_success else None


def _as_error(answer: httpx.Response) -> TraceClusteringError:
    try:
        error = answer.json()["error"]
        kind, field, message = error["type"], error["field"], error["message"]
    except (ValueError, KeyError, TypeError):
        kind, field, message = "", None, f"HTTP {answer.status_code}: {answer.text[:200]}"
    if answer.status_code == 404:
        return NotFoundError(message)
    if kind == InvalidInputError.__name__ and field:
        return InvalidInputError(field, message.removeprefix(f"{field}: "))
    return ServiceError(message)
