"""Where clients send their traces: OTLP over HTTP, and PostHog's endpoints.

What can be kept is in the store before the answer goes out. Clients are strangers: whatever
they send is answered in the form of their protocol, and nothing of it is an unexpected error.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from threading import Lock
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from prometheus_client import Counter

from trace_clustering.constants import MAX_BODY_BYTES
from trace_clustering.errors import InvalidInputError, StoreError
from trace_clustering.models.traces import Delivery
from trace_clustering.observability import get_logger
from trace_clustering.traces.receiving.json_text import parse_json
from trace_clustering.traces.receiving.otlp import read_otlp_json, read_otlp_protobuf
from trace_clustering.traces.receiving.posthog import project_key, read_posthog
from trace_clustering.web import otlp_answers
from trace_clustering.web.answers import error_response
from trace_clustering.web.paths import (
    OTLP_PATHS,
    POSTHOG_PATHS,
    POSTHOG_V1_PATH,
    PROJECTS_PATH,
)
from trace_clustering.web.payloads import Refused, Space, drain, unpacked
from trace_clustering.web.posthog_bodies import answer_of, json_of, keys_in, results_of
from trace_clustering.web.routes import Given
from trace_clustering.web.senders import credentials_of, team_of_sender
from trace_clustering.web.services import Services

# Foreign protocols, described in documents of their own.
router = APIRouter(include_in_schema=False)

_RETRY_AFTER_SECONDS = 10
_MAX_SUMMARIZED = 5
# What senders may make the service hold before anything is done with it; those that have yet to
# show a key, which PostHog's bring in the body, have their own share and cannot fill the other.
_known = Space(4 * MAX_BODY_BYTES)
_unknown = Space(2 * MAX_BODY_BYTES)
# So many bodies are worked at at once, the others wait: one takes many times its size meanwhile.
_room = CapacityLimiter(4)
# And of those that are large, one at a time.
_LARGE_BYTES = 4 * 1024 * 1024
_large = Lock()

_received = Counter(
    "trace_clustering_events_received", "Events of clients that were kept.", ["source"]
)
_rejected = Counter(
    "trace_clustering_events_rejected", "Parts of clients' requests that were not.", ["source"]
)

_READERS = {otlp_answers.JSON: read_otlp_json, otlp_answers.PROTOBUF: read_otlp_protobuf}

T = TypeVar("T")


async def otlp(request: Request, services: Given) -> Response:
    """Take an ``ExportTraceServiceRequest``, protobuf or JSON."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        delivery = await _take_otlp(request, services, media_type)
    except Refused as refusal:
        _note_refusal("otlp", refusal)
        known = media_type if media_type in _READERS else otlp_answers.JSON
        return otlp_answers.refused(refusal, known)
    return otlp_answers.accepted(delivery, _left_out(delivery), media_type)


async def posthog(request: Request, services: Given) -> Response:
    """Take an event, a list of events or a batch, as PostHog's SDKs send them."""
    return await _answer_posthog(request, services, lambda delivery, _: answer_of(delivery))


async def posthog_v1(request: Request, services: Given) -> Response:
    """The same, answered as their newer protocol has it, event by event."""
    return await _answer_posthog(request, services, results_of)


async def projects(request: Request, services: Given) -> Response:
    """The sender's team as a project: Langfuse's SDK asks for it to check its keys."""
    try:
        team_id = await _team_of(services, credentials_of(request.headers))
    except Refused as refusal:
        _note_refusal("langfuse", refusal)
        return _house_answer(refusal)
    named = {"id": str(team_id), "name": f"team {team_id}"}
    return JSONResponse({"data": [{**named, "organization": named, "metadata": {}}]})


for _path in OTLP_PATHS:
    router.add_api_route(_path, otlp, methods=["POST"])
for _path in POSTHOG_PATHS:
    router.add_api_route(_path, posthog, methods=["POST"])
router.add_api_route(POSTHOG_V1_PATH, posthog_v1, methods=["POST"])
router.add_api_route(PROJECTS_PATH, projects, methods=["GET"])


async def _take_otlp(request: Request, services: Services, media_type: str) -> Delivery:
    try:
        team_id = await _team_of(services, credentials_of(request.headers))
    except Refused:
        await drain(request)
        raise
    encoding = request.headers.get("content-encoding", "")
    async with _known.body(request) as body:

        def work() -> Delivery:
            if media_type not in _READERS:
                message = f"Content-Type: must be {otlp_answers.PROTOBUF} or {otlp_answers.JSON}"
                raise Refused(415, "UnsupportedMediaType", "Content-Type", message)
            data = unpacked(body, encoding)
            with _alone_if_large(data):
                return _keep(services, team_id, _READERS[media_type](data, now=datetime.now(UTC)))

        with _refusals(team_id):
            delivery = await _in_thread(work)
    _note("otlp", team_id, delivery)
    return delivery


async def _answer_posthog(
    request: Request, services: Services, answer: Callable[[Delivery, object], dict[str, Any]]
) -> Response:
    try:
        return JSONResponse(await _take_posthog(request, services, answer))
    except Refused as refusal:
        _note_refusal("posthog", refusal)
        return _house_answer(refusal)


async def _take_posthog(
    request: Request, services: Services, answer: Callable[[Delivery, object], dict[str, Any]]
) -> dict[str, Any]:
    credentials = credentials_of(request.headers)
    try:
        team_id = await _team_if_known(services, credentials)
    except Refused:
        await drain(request)
        raise
    encoding = request.headers.get("content-encoding", "")
    compression = request.query_params.get("compression", "")

    async with (_unknown if team_id is None else _known).body(request) as body:

        def work() -> dict[str, Any]:
            data = json_of(body, encoding, compression)
            if team_id is None:
                # Parsing takes many times as much as that, so that a key comes first.
                _sender(services, credentials + keys_in(data))
            with _alone_if_large(data):
                document = parse_json(data, "body")
                key = project_key(document)
                team = team_id or _sender(services, credentials + ([key] if key else []))
                with _refusals(team):
                    delivery = _keep(services, team, read_posthog(document, now=datetime.now(UTC)))
                _note("posthog", team, delivery)
                return answer(delivery, document)

        with _refusals(team_id):
            return await _in_thread(work)


async def _team_of(services: Services, credentials: list[str]) -> int:
    with _refusals():
        return await run_in_threadpool(_sender, services, credentials)


async def _team_if_known(services: Services, credentials: list[str]) -> int | None:
    """The team that the headers alone tell, so that the body may still bring a key."""
    try:
        return await _team_of(services, credentials)
    except Refused as refusal:
        if refusal.status != 401:
            raise
        return None


def _sender(services: Services, credentials: list[str]) -> int:
    return team_of_sender(services.store.keys, services.settings, credentials)


def _keep(services: Services, team_id: int, delivery: Delivery) -> Delivery:
    """Store what a team sent.

    Raises:
        Refused: nothing of it can be kept (400).
        StoreError: the store fails.
    """
    if delivery.rejected and not delivery.events:
        raise Refused(400, "InvalidInputError", delivery.rejected[0].part, _left_out(delivery))
    if delivery.events:
        services.store.events.insert(team_id, delivery.events)
    return delivery


def _alone_if_large(data: bytes) -> AbstractContextManager[object]:
    return _large if len(data) > _LARGE_BYTES else nullcontext()


def _in_thread(work: Callable[[], T]) -> Awaitable[T]:
    return to_thread.run_sync(work, limiter=_room)


@contextmanager
def _refusals(team_id: int | None = None) -> Iterator[None]:
    """What goes wrong inside becomes a refusal that says whose request it is."""
    try:
        yield
    except Refused as refusal:
        refusal.team_id = refusal.team_id or team_id
        raise
    except InvalidInputError as error:
        raise Refused(400, "InvalidInputError", error.field, str(error), team_id=team_id) from None
    except StoreError as error:
        # Senders keep what they have and try again.
        wait = {"Retry-After": str(_RETRY_AFTER_SECONDS)}
        name = type(error).__name__
        raise Refused(503, name, None, str(error), wait, team_id=team_id) from error


def _left_out(delivery: Delivery) -> str:
    """What of a delivery was rejected, in words; empty if nothing was."""
    total = len(delivery.rejected)
    if not total:
        return ""
    said = "; ".join(f"{one.part}: {one.problem}" for one in delivery.rejected[:_MAX_SUMMARIZED])
    more = f"; and {total - _MAX_SUMMARIZED} more" if total > _MAX_SUMMARIZED else ""
    return f"{total} left out: {said}{more}"


def _house_answer(refusal: Refused) -> Response:
    answer = error_response(refusal.status, refusal.kind, refusal.field, refusal.message)
    answer.headers.update(refusal.headers)
    return answer


def _note(source: str, team_id: int, delivery: Delivery) -> None:
    _received.labels(source).inc(len(delivery.events))
    _rejected.labels(source).inc(len(delivery.rejected))
    if delivery.rejected:
        reason = _left_out(delivery)
        get_logger().warning(
            "Left out parts of a request", source=source, team_id=team_id, reason=reason
        )


def _note_refusal(source: str, refusal: Refused) -> None:
    _rejected.labels(source).inc()
    get_logger().warning(
        "Refused a request",
        source=source,
        team_id=refusal.team_id,
        status=refusal.status,
        reason=refusal.message,
    )
