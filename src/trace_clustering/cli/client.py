"""The HTTP API's client: of the running service, or of the application in this process.

Both speak the same requests; which one it is makes no difference to who uses it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

import httpx

from trace_clustering.announcement import announced_url
from trace_clustering.errors import (
    InvalidInputError,
    NotFoundError,
    ServiceError,
    SettingsError,
    TraceClusteringError,
)
from trace_clustering.settings import ENV_PREFIX, Settings

if TYPE_CHECKING:
    from trace_clustering.bootstrap import Parts

PROBE_TIMEOUT_SECONDS = 5.0
REQUEST_TIMEOUT_SECONDS = 600.0

# What a command needs of a service. "lasting": what it starts goes on after the command has ended.
Needs = Literal["store", "temporal", "worker", "lasting"]

# UnicodeError: names of hosts that cannot be encoded.
_UNANSWERED = (httpx.HTTPError, httpx.InvalidURL, UnicodeError)


class NoServiceError(TraceClusteringError):
    """No service runs that would go on with what a command starts."""

    def __init__(self, instead: str = "") -> None:
        super().__init__(
            f"no service runs on this data folder: start `trace-clustering up` first{instead}"
        )


class ApiClient:
    """Requests of the API; answers are the decoded JSON.

    Every method raises InvalidInputError, NotFoundError or ServiceError as the API says.
    """

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def get(self, path: str, **query: Any) -> Any:
        return _decoded(await self._send("GET", path, params=query))

    async def get_text(self, path: str) -> str:
        return (await self._send("GET", path)).text

    async def download(self, path: str, **query: Any) -> AsyncGenerator[bytes]:
        """An answer's body piece by piece; one that breaks off raises ServiceError."""
        try:
            async with self._http.stream("GET", path, params=query) as answer:
                if answer.is_error:
                    await answer.aread()
                    raise _as_error(answer)
                async for piece in answer.aiter_bytes():
                    yield piece
        except _UNANSWERED as error:
            raise ServiceError(f"the service does not answer: {error}") from error

    async def post(self, path: str, body: Mapping[str, Any] | None = None, **query: Any) -> Any:
        return _decoded(await self._send("POST", path, json=body, params=query))

    async def put(self, path: str, **query: Any) -> Any:
        return _decoded(await self._send("PUT", path, params=query))

    async def delete(self, path: str, **query: Any) -> Any:
        return _decoded(await self._send("DELETE", path, params=query))

    async def ingest(self, team_id: int, lines: bytes, first_line: int) -> Any:
        """Send lines of any kind; the answer counts what became of them."""
        path = f"/api/v1/teams/{team_id}/traces"
        query = {"first_line": first_line}
        return _decoded(await self._send("POST", path, params=query, content=lines))

    async def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            answer = await self._http.request(method, path, **options)
        except _UNANSWERED as error:
            raise ServiceError(f"the service does not answer: {error}") from error
        if answer.is_error:
            raise _as_error(answer)
        return answer


@asynccontextmanager
async def api_client(
    settings: Settings,
    *,
    needs: Needs = "store",
    overrides: Mapping[str, Any] | None = None,
) -> AsyncIterator[ApiClient]:
    """A client of the service that runs, or else of one started in this process.

    Args:
        needs: what a service started here has to have, beside the store.

    Raises:
        NoServiceError: a lasting one is needed, and one started here would end too soon.
        SettingsError: the setting ``url`` is none.
    """
    url = settings.url or await _running_url(settings)
    if url is not None:
        async with _http(settings, base_url=url) as http:
            yield ApiClient(http)
        return
    # Only who needs a service of its own pays for loading one.
    from trace_clustering.bootstrap import running

    parts = _parts(settings, needs)
    # Ports are of no interest to a service that ends with this command.
    own = settings.model_copy(update={"temporal_port": 0, "temporal_ui_port": 0})
    async with running(own, parts, overrides=overrides) as service:
        transport = httpx.ASGITransport(service.app)
        async with _http(settings, base_url="http://in-process", transport=transport) as http:
            yield ApiClient(http)


def _parts(settings: Settings, needs: Needs) -> Parts:
    from trace_clustering.bootstrap import Parts

    # A Temporal server keeps what was started, and has workers of its own.
    if needs == "lasting" and settings.is_temporal_embedded:
        raise NoServiceError
    return Parts(temporal=needs != "store", worker=needs == "worker", schedule=False)


def run_path(run_id: str, *rest: str) -> str:
    """The API's path of a run, or of a part of it."""
    return "/".join(("/api/v1/runs", quote(run_id, safe=""), *rest))


async def get_cluster(api: ApiClient, run_id: str, cluster: int, limit: int) -> Any:
    """A run's cluster with its closest traces.

    Raises:
        NotFoundError: there is none; where the run has none at all, says why.
    """
    try:
        return await api.get(run_path(run_id, "clusters", str(cluster)), limit=limit)
    except NotFoundError:
        run = (await api.get(run_path(run_id)))["run"]
        if run["status"] == "completed":
            raise
        reason = f": {run['reason']}" if run["reason"] else ""
        raise NotFoundError(
            f"run {run_id} has no clusters, its status is {run['status']}{reason}"
        ) from None


def workflow_path(workflow_id: str) -> str:
    """The API's path of a workflow."""
    return f"/api/v1/workflows/{quote(workflow_id, safe='')}"


def _http(settings: Settings, **options: Any) -> httpx.AsyncClient:
    headers: dict[bytes, bytes] = {}
    if settings.token is not None:
        headers[b"Authorization"] = f"Bearer {settings.token.get_secret_value()}".encode()
    try:
        return httpx.AsyncClient(
            headers=headers, timeout=REQUEST_TIMEOUT_SECONDS, trust_env=False, **options
        )
    except httpx.InvalidURL as error:
        raise SettingsError(f"url: {error} (check {ENV_PREFIX}URL)") from error


async def _running_url(settings: Settings) -> str | None:
    url = announced_url(settings.data_dir)
    if url is None:
        return None
    async with httpx.AsyncClient(trust_env=False, timeout=PROBE_TIMEOUT_SECONDS) as http:
        try:
            answer = await http.get(f"{url}/healthz")
        except _UNANSWERED:
            return None
    return url if answer.is_success else None


def _decoded(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError as error:
        raise ServiceError(
            f"{answer.url.copy_with(path='/', query=None)} is no trace-clustering service: "
            f"its answer (HTTP {answer.status_code}) is not JSON"
        ) from error


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
