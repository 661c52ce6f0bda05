"""Measures what it costs to receive spans, and to make summaries and vectors of traces.

    python -m benchmarks.receiving

Two JSON lines. ``receiving``: a service in a process of its own takes batches of 500 spans over
OTLP protobuf, one after the other; in turn with them this process parses the same bytes with
``opentelemetry-proto`` and nothing more (``parse_ms``), parses them and reads every attribute
into a Python dictionary (``read_ms``), which is the least that anyone does with them, and makes
dictionaries of them with protobuf's own ``MessageToDict`` (``dict_ms``). Then four senders send
at once (``spans_a_second_of_four``).
``summarizing``: the demo's traces from their stored events to text, extractive summary and two
vectors of the built-in embedder, on one thread.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from benchmarks.core import machine
from trace_clustering.ingestion import ingest_lines
from trace_clustering.store import Store
from trace_clustering.summarization import Summarization
from trace_clustering.traces.demo import DEMO_TEAMS, demo_trace_lines
from trace_clustering.traces.embedding import WordLlamaEmbedder

SPANS, BATCHES, WARM_UP = 500, 60, 5
TEAM_ID = 1


def batch(number: int) -> bytes:
    """A request of 500 spans, ten a trace, each a call of a model with a short conversation."""
    now = time.time_ns()
    spans = []
    for i in range(SPANS):
        trace = number * SPANS + i // 10
        spans.append(
            Span(
                trace_id=(1 + trace).to_bytes(16),
                span_id=(1 + number * SPANS + i).to_bytes(8),
                name="chat gpt-4o",
                start_time_unix_nano=now - 2_000_000_000,
                end_time_unix_nano=now,
                attributes=_attributes(i),
            )
        )
    resource = Resource(attributes=[_attribute("service.name", "benchmark")])
    scopes = [ScopeSpans(spans=spans)]
    request = ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=resource, scope_spans=scopes)]
    )
    return request.SerializeToString()


def _attributes(i: int) -> list[KeyValue]:
    asked = [
        _message("system", "You are the assistant of an airline. Be brief and kind. " * 4),
        _message("user", f"Can you rebook flight {i} to the day after? " * 5),
    ]
    answer = _message("assistant", "Done, you fly on Tuesday. " * 4)
    answered = [{**answer, "finish_reason": "stop"}]
    values: dict[str, str | int] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.response.id": f"chatcmpl-{i}",
        "gen_ai.usage.input_tokens": 120 + i,
        "gen_ai.usage.output_tokens": 30,
        "gen_ai.input.messages": json.dumps(asked),
        "gen_ai.output.messages": json.dumps(answered),
        "gen_ai.conversation.id": f"conversation-{i // 10}",
        "user.id": f"user-{i // 10}",
        "server.address": "api.openai.com",
    }
    return [_attribute(name, value) for name, value in values.items()]


def _message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def _attribute(key: str, value: str | int) -> KeyValue:
    if isinstance(value, str):
        return KeyValue(key=key, value=AnyValue(string_value=value))
    return KeyValue(key=key, value=AnyValue(int_value=value))


def read_everything(body: bytes) -> list[dict[str, Any]]:
    """Parse a request and read every span's attributes, as any receiver has to."""
    found = []
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                attributes = {
                    one.key: getattr(one.value, one.value.WhichOneof("value") or "string_value")
                    for one in span.attributes
                }
                found.append({"id": span.span_id, "name": span.name, **attributes})
    return found


@contextmanager
def service(folder: Path) -> Iterator[str]:
    """``trace-clustering up`` on a fresh folder; yields its URL."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TRACE_CLUSTERING_")}
    ports = dict.fromkeys(("PORT", "TEMPORAL_PORT", "TEMPORAL_UI_PORT"), "0")
    env = clean | {f"TRACE_CLUSTERING_{name}": value for name, value in ports.items()}
    command = str(Path(sysconfig.get_path("scripts")) / "trace-clustering")
    process = subprocess.Popen(
        [command, "up", "--data-dir", str(folder)], env=env, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        ready = next(line for line in process.stderr if " is ready at " in line)
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield ready.split()[-1]
    finally:
        process.terminate()
        process.wait(60)


def timed(work: Callable[..., object], *arguments: object) -> float:
    start = time.perf_counter()
    work(*arguments)
    return (time.perf_counter() - start) * 1000


def measured(url: str) -> dict[str, float]:
    """Median milliseconds a batch, of a request and of what this process does with its bytes."""
    bodies = [batch(number) for number in range(WARM_UP + BATCHES)]
    times: dict[str, list[float]] = {"receive": [], "parse": [], "read": [], "dict": []}
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as http:
        for number, body in enumerate(bodies):
            found = {
                "receive": timed(_send, http, body),
                "parse": timed(ExportTraceServiceRequest.FromString, body),
                "read": timed(read_everything, body),
                "dict": timed(_to_dict, body),
            }
            if number >= WARM_UP:
                for name, one in found.items():
                    times[name].append(one)
    return {name: statistics.median(found) for name, found in times.items()}


def at_once(url: str) -> float:
    """Spans a second that four senders get rid of."""
    bodies = [batch(WARM_UP + BATCHES + number) for number in range(BATCHES)]
    with (
        httpx.Client(base_url=url, trust_env=False, timeout=60) as http,
        ThreadPoolExecutor(4) as senders,
    ):
        start = time.perf_counter()
        list(senders.map(lambda body: _send(http, body), bodies))
        return SPANS * BATCHES / (time.perf_counter() - start)


def receiving() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, service(Path(folder)) as url:
        median = measured(url)
        together = at_once(url)
    return {
        "case": "receiving",
        "spans": SPANS,
        "kilobytes": round(len(batch(0)) / 1000),
        "spans_a_second": round(SPANS / median["receive"] * 1000),
        "spans_a_second_of_four": round(together),
        "receive_ms": round(median["receive"], 2),
        "parse_ms": round(median["parse"], 2),
        "read_ms": round(median["read"], 2),
        "dict_ms": round(median["dict"], 2),
        "ratio_to_parse": round(median["receive"] / median["parse"], 1),
        "ratio_to_read": round(median["receive"] / median["read"], 1),
        "ratio_to_dict": round(median["receive"] / median["dict"], 2),
        "protobuf": version("protobuf"),
    }


def _send(http: httpx.Client, body: bytes) -> None:
    headers = {"content-type": "application/x-protobuf"}
    http.post("/v1/traces", content=body, headers=headers).raise_for_status()


def _to_dict(body: bytes) -> None:
    MessageToDict(ExportTraceServiceRequest.FromString(body))


def summarizing() -> dict[str, Any]:
    now = datetime.now(UTC)
    traces = (trace for team in DEMO_TEAMS for trace in demo_trace_lines(team, now))
    lines = [json.dumps(trace).encode() for trace in traces]
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(f"chdb://{folder}/clickhouse", retention_days=92)
        embedder = WordLlamaEmbedder()
        embedder.embed(["warm up"])
        summarization = Summarization(store, embedder)
        ingest_lines(store.events, TEAM_ID, lines, now=now)
        n = store.traces.count_pending(TEAM_ID)
        start = time.perf_counter()
        while pending := store.traces.pending(TEAM_ID, limit=100):
            summarization.summarize(TEAM_ID, pending)
        seconds = time.perf_counter() - start
        store.close()
    return {
        "case": "summarizing",
        "traces": n,
        "seconds": round(seconds, 2),
        "traces_a_second": round(n / seconds),
    }


def main() -> None:
    for measure in (receiving, summarizing):
        print(json.dumps({**measure(), **machine()}), flush=True)


if __name__ == "__main__":
    main()
