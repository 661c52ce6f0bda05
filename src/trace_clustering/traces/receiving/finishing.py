"""From what attributes mean to a complete event."""

from typing import Any, Final

from trace_clustering.models.traces import (
    EVENT_EMBEDDING,
    EVENT_GENERATION,
    EVENT_SPAN,
    EVENT_TRACE,
)
from trace_clustering.traces.receiving.mapping import Reading
from trace_clustering.traces.receiving.rules import structure

_KINDS: Final = (
    *("langfuse_kind", "openinference_kind", "operation", "request_type", "traceloop_kind"),
)
_METADATA: Final = (
    *("metadata_traceloop", "metadata_openinference"),
    *("metadata_langfuse_trace", "metadata_langfuse"),
)
_DETAILS: Final = ("more_usage", "more_costs")
_TOKENS: Final = ("$ai_input_tokens", "$ai_output_tokens")
_REQUEST_MESSAGES: Final = ("messages", "input", "contents", "prompt")


def finish(reading: Reading, *, is_root: bool) -> str:
    """Complete the properties from what was found; gives the event's name.

    Sets inputs and outputs, what a nested usage or request says, ``$ai_metadata``,
    ``$ai_span_kind`` and a tool's name as ``$ai_span_name``.
    """
    properties, found = reading.properties, reading.found
    for slot in _DETAILS:
        if slot in found:
            for name, value in found[slot].items():
                properties.setdefault(name, value)
    metadata: dict[str, object] = {}
    for slot in _METADATA:
        if slot in found:
            metadata |= found[slot]
    properties["$ai_metadata"] = metadata or None
    kind = _kind_of(reading)
    if kind == "generation":
        _finish_generation(reading)
        return EVENT_GENERATION
    if kind == "embedding":
        _finish_embedding(reading)
        return EVENT_EMBEDDING
    _finish_other(reading, kind, is_root)
    return EVENT_TRACE if is_root else EVENT_SPAN


def _kind_of(reading: Reading) -> str:
    """What sort of span it is; empty if nothing says so."""
    found = reading.found
    for slot in _KINDS:
        if slot in found:
            return str(found[slot])
    properties = reading.properties
    speaks = "input" in found or "output" in found
    if "$ai_model" in properties and (speaks or any(name in properties for name in _TOKENS)):
        return "generation"
    return ""


def _finish_generation(reading: Reading) -> None:
    properties, found = reading.properties, reading.found
    sent = found.get("input")
    if isinstance(sent, dict):
        sent = _of_request(sent, properties)
    parameters = properties.get("$ai_model_parameters")
    if isinstance(parameters, dict) and isinstance(parameters.get("model"), str):
        properties.setdefault("$ai_model", parameters["model"])
    messages = _messages(sent, "user")
    if "system" in found:
        messages = [*_system(found["system"]), *messages]
    properties["$ai_input"] = messages or None
    properties["$ai_output_choices"] = _messages(found.get("output"), "assistant") or None


def _of_request(request: dict[str, Any], properties: dict[str, object]) -> object:
    """The messages of a whole request; its model and tools become properties, if not yet known."""
    if "role" in request:
        return request
    sent = next((request[key] for key in _REQUEST_MESSAGES if request.get(key)), None)
    if sent is None:
        return request
    if isinstance(request.get("model"), str):
        properties.setdefault("$ai_model", request["model"])
    tools = request.get("tools") or request.get("functions")
    if isinstance(tools, list):
        properties.setdefault("$ai_tools", tools)
    system = request.get("system") or request.get("instructions")
    return [*_system(system), *_messages(sent, "user")] if system else sent


def _system(instructions: object) -> list[object]:
    """Instructions that stand beside the messages, as the first of them."""
    is_parts = isinstance(instructions, list)
    return [{"role": "system", "parts" if is_parts else "content": instructions}]


def _messages(value: object, role: str) -> list[object]:
    if value is None or value == "":
        return []
    if isinstance(value, dict):
        choices = value.get("choices")
        return choices if isinstance(choices, list) and choices else [value]
    if isinstance(value, list):
        # Structured attributes may be lists of messages that are JSON text each.
        is_texts = bool(value) and isinstance(value[0], str)
        return [structure(item) for item in value] if is_texts else value
    return [{"role": role, "content": value}]


def _finish_embedding(reading: Reading) -> None:
    """What was embedded; the vectors, which are the output, are not kept."""
    sent = reading.found.get("input")
    if isinstance(sent, dict):
        sent = _of_request(sent, reading.properties)
    reading.properties["$ai_input"] = sent


def _finish_other(reading: Reading, kind: str, is_root: bool) -> None:
    properties, found = reading.properties, reading.found
    properties["$ai_span_kind"] = kind or None
    sent, got = found.get("input"), found.get("output")
    if kind == "tool":
        if "tool_name" in found:
            properties["$ai_span_name"] = found["tool_name"]
        sent = found.get("parameters") if sent is None else sent
    elif "parameters" in found:
        properties["tool.parameters"] = found["parameters"]
    if "system" in found:
        sent = [*_system(found["system"]), *_messages(sent, "user")]
    if is_root:
        sent = found.get("trace_input") if sent is None else sent
        got = found.get("trace_output") if got is None else got
    properties["$ai_input_state"], properties["$ai_output_state"] = sent, got
