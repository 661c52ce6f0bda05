"""Send a file of traces as an application would have sent them while it ran.

    python examples/send_traces.py --as posthog FILE
    python examples/send_traces.py --as otlp --url http://127.0.0.1:8234 --key KEY FILE

A line of the file is a trace as `trace-clustering ingest` takes it: trace_id, timestamp, messages
in the OpenAI chat format, and maybe model, user_id, is_error and metadata. Each becomes a root
that holds the whole conversation, one call of the model for each answer of the assistant, with all
that was said before as its input, and one span for each tool's result.

OTLP's trace ids are 32 hexadecimal digits: they are digests of the file's ids, which stand on the
root as `file.trace_id`. PostHog's events keep the ids as they are. Sent again, a trace is the same.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

# A file says only when a trace began; its steps are taken to follow each other at this pace.
STEP = timedelta(milliseconds=1)
TRACES_PER_REQUEST = 20
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ERROR = 2

Json = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """A message that the application waited for: of the model, or of a tool."""

    number: int
    message: Json
    before: list[Json]
    start: datetime

    @property
    def end(self) -> datetime:
        return self.start + STEP

    @property
    def call(self) -> Json:
        """Of a tool's result: the latest call that has its id, as far as the file says."""
        wanted = self.message.get("tool_call_id")
        calls = [call for message in self.before for call in message.get("tool_calls") or ()]
        same = [call["function"] for call in calls if call.get("id") == wanted]
        return {"name": self.message.get("name") or "tool", "arguments": "", **(same or [{}])[-1]}


def begin(trace: Json) -> datetime:
    return datetime.fromisoformat(trace["timestamp"])


def end(trace: Json) -> datetime:
    return begin(trace) + STEP * len(trace["messages"])


def steps(trace: Json) -> Iterator[Step]:
    """What the model and the tools said; what the user said is the input of what follows."""
    messages = trace["messages"]
    for number, message in enumerate(messages):
        if message["role"] in ("assistant", "tool"):
            yield Step(number, message, messages[:number], begin(trace) + STEP * number)


# --------------------------------------------------------------------------------------------
# PostHog
# --------------------------------------------------------------------------------------------


def posthog_events(trace: Json) -> list[Json]:
    """The events of one trace, as the posthog SDK would capture them."""
    root = {
        "$ai_input_state": trace["messages"],
        "$ai_is_error": bool(trace.get("is_error")),
        "$ai_metadata": trace.get("metadata"),
        "$ai_latency": (end(trace) - begin(trace)).total_seconds(),
    }
    events = [_event(trace, "root", "$ai_trace", end(trace), root)]
    for step in steps(trace):
        place = {
            "$ai_span_id": f"{trace['trace_id']}-{step.number}",
            "$ai_parent_id": trace["trace_id"],
            "$ai_latency": STEP.total_seconds(),
        }
        if step.message["role"] == "assistant":
            name, properties = "$ai_generation", _generation(trace, step)
        else:
            name, properties = "$ai_span", _tool_result(step)
        events.append(_event(trace, str(step.number), name, step.end, place | properties))
    return events


def _generation(trace: Json, step: Step) -> Json:
    return {
        "$ai_model": trace.get("model"),
        "$ai_input": step.before,
        "$ai_output_choices": [step.message],
    }


def _tool_result(step: Step) -> Json:
    return {
        "$ai_span_name": step.call["name"],
        "$ai_span_kind": "tool",
        "$ai_input_state": step.call["arguments"],
        "$ai_output_state": step.message.get("content"),
    }


def _event(trace: Json, part: str, name: str, when: datetime, properties: Json) -> Json:
    """What was done is sent when it has ended."""
    return {
        "event": name,
        "uuid": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{trace['trace_id']}/{part}")),
        "timestamp": when.isoformat(),
        "distinct_id": trace.get("user_id") or trace["trace_id"],
        "properties": {"$ai_trace_id": trace["trace_id"], **properties},
    }


# --------------------------------------------------------------------------------------------
# OpenTelemetry, with the attributes of OpenInference
# --------------------------------------------------------------------------------------------


def otlp_spans(trace: Json) -> list[Json]:
    """The spans of one trace, as JSON of OTLP."""
    attributes = {
        "openinference.span.kind": "AGENT",
        "input.value": json.dumps(trace["messages"]),
        "input.mime_type": "application/json",
        "user.id": trace.get("user_id"),
        "metadata": json.dumps(trace["metadata"]) if trace.get("metadata") else None,
        "file.trace_id": trace["trace_id"],
    }
    root = _span(trace, "root", "agent", (begin(trace), end(trace)), attributes)
    if trace.get("is_error"):
        root["status"] = {"code": ERROR, "message": "the run failed"}
    return [root, *(_child(trace, step, root["spanId"]) for step in steps(trace))]


def _child(trace: Json, step: Step, parent: str) -> Json:
    if step.message["role"] == "assistant":
        name, attributes = "ChatCompletion", _llm_attributes(trace, step)
    else:
        name, attributes = step.call["name"], _tool_attributes(step)
    span = _span(trace, str(step.number), name, (step.start, step.end), attributes)
    return {**span, "parentSpanId": parent}


def _llm_attributes(trace: Json, step: Step) -> Json:
    attributes = {"openinference.span.kind": "LLM", "llm.model_name": trace.get("model")}
    for number, message in enumerate(step.before):
        attributes |= _message_attributes(f"llm.input_messages.{number}.message", message)
    return attributes | _message_attributes("llm.output_messages.0.message", step.message)


def _message_attributes(prefix: str, message: Json) -> Json:
    names = ("role", "content", "name", "tool_call_id")
    attributes = {f"{prefix}.{name}": message.get(name) for name in names}
    for number, call in enumerate(message.get("tool_calls") or ()):
        place = f"{prefix}.tool_calls.{number}.tool_call"
        attributes[f"{place}.id"] = call.get("id")
        attributes[f"{place}.function.name"] = call["function"]["name"]
        attributes[f"{place}.function.arguments"] = call["function"].get("arguments")
    return attributes


def _tool_attributes(step: Step) -> Json:
    return {
        "openinference.span.kind": "TOOL",
        "tool.name": step.call["name"],
        "input.value": step.call["arguments"],
        "output.value": step.message.get("content"),
    }


def _span(
    trace: Json, part: str, name: str, times: tuple[datetime, datetime], attributes: Json
) -> Json:
    first, last = (1_000 * round((time - EPOCH) / timedelta(microseconds=1)) for time in times)
    return {
        "traceId": _digest(trace["trace_id"], 32),
        "spanId": _digest(f"{trace['trace_id']}/{part}", 16),
        "name": name,
        "startTimeUnixNano": str(first),
        "endTimeUnixNano": str(last),
        "attributes": [
            {"key": key, "value": {"stringValue": _text(value)}}
            for key, value in attributes.items()
            if value is not None
        ],
    }


def _text(value: object) -> str:
    """Contents may be lists of parts."""
    return value if isinstance(value, str) else json.dumps(value)


def _digest(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits]


# --------------------------------------------------------------------------------------------
# Sending
# --------------------------------------------------------------------------------------------


def request(kind: str, traces: list[Json], key: str) -> tuple[str, Json, dict[str, str]]:
    """Path, body and headers of the request that brings some traces."""
    if kind == "posthog":
        batch = [event for trace in traces for event in posthog_events(trace)]
        return "/batch/", {"api_key": key, "batch": batch}, {}
    spans = [span for trace in traces for span in otlp_spans(trace)]
    scope = {"scope": {"name": "send_traces"}, "spans": spans}
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return "/v1/traces", {"resourceSpans": [{"scopeSpans": [scope]}]}, headers


def send(client: httpx.Client, kind: str, traces: list[Json], key: str) -> None:
    """Send some traces in one request; ends the program where they are not taken."""
    path, document, headers = request(kind, traces, key)
    body = gzip.compress(json.dumps(document).encode(), compresslevel=1)
    headers |= {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = client.post(path, content=body, headers=headers)
    if not answer.is_success:
        sys.exit(f"{path}: {answer.status_code} {answer.text}")
    if "partialSuccess" in answer.text:
        print(f"{path}: {answer.text}", file=sys.stderr)


def batches(file: Path) -> Iterator[list[Json]]:
    with file.open("rb") as lines:
        traces: list[Json] = []
        for line in lines:
            if line.strip():
                traces.append(json.loads(line))
            if len(traces) == TRACES_PER_REQUEST:
                yield traces
                traces = []
    if traces:
        yield traces


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="traces, one a line")
    parser.add_argument("--as", dest="kind", choices=["posthog", "otlp"], required=True)
    parser.add_argument("--url", default="http://127.0.0.1:8234", help="where the service is")
    parser.add_argument("--key", default="", help="which team the traces go to")
    given = parser.parse_args()
    sent = 0
    with httpx.Client(base_url=given.url, timeout=60) as client:
        for traces in batches(given.file):
            send(client, given.kind, traces, given.key)
            sent += len(traces)
    print(f"sent {sent} traces")


if __name__ == "__main__":
    main()
