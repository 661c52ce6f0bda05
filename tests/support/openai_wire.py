"""How the OpenAI API words its answers, whole and streamed; for the fake of it."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

CREATED = 1_780_000_000
_numbers = count(1)


@dataclass(frozen=True)
class Call:
    """A tool's call that the model asks for; ``arguments`` as JSON text may be broken."""

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict)

    @property
    def text(self) -> str:
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments)


@dataclass(frozen=True)
class Say:
    """What the model answers: a text, tools to call, or a refusal.

    Attributes:
        finish_reason: the usual one if None; ``length`` and ``content_filter`` are others.
    """

    text: str | None = None
    calls: Sequence[Call] = ()
    refusal: str | None = None
    finish_reason: str | None = None
    input_tokens: int = 11
    output_tokens: int = 7
    cached_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True)
class Endpoint:
    """How one path answers: in one piece, or as server-sent events."""

    whole: Callable[[Mapping[str, Any], Say], dict[str, Any]]
    stream: Callable[[Mapping[str, Any], Say], Iterator[str]]


def texts_of(body: Mapping[str, Any]) -> list[str]:
    """The text of each message of a chat or a response's input."""
    given = body.get("messages", body.get("input", ()))
    if isinstance(given, str):
        return [given]
    return [_text_of(message.get("content")) for message in given]


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content or ())


def structured(body: Mapping[str, Any], value: Mapping[str, Any]) -> Say:
    """An object, by a call of the first tool on offer, or else as JSON text."""
    for tool in body.get("tools") or ():
        return Say(calls=[Call(tool.get("function", tool)["name"], value)])
    return Say(json.dumps(value))


# --------------------------------------------------------------------------------------------
# Chat completions
# --------------------------------------------------------------------------------------------


def chat(body: Mapping[str, Any], say: Say) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": say.text, "refusal": say.refusal}
    if say.calls:
        message["tool_calls"] = _tool_calls(say)
    choice = {"index": 0, "message": message, "finish_reason": _finish(say), "logprobs": None}
    return {**_chat_frame(body, "chat.completion"), "choices": [choice], "usage": _usage(say)}


def chat_stream(body: Mapping[str, Any], say: Say) -> Iterator[str]:
    frame = _chat_frame(body, "chat.completion.chunk")
    with_usage = (body.get("stream_options") or {}).get("include_usage")
    for delta in _chat_deltas(say):
        yield _data({**frame, "choices": [_chunk(delta, None)]})
    yield _data({**frame, "choices": [_chunk({}, _finish(say))]})
    if with_usage:
        yield _data({**frame, "choices": [], "usage": _usage(say)})
    yield "data: [DONE]\n\n"


def _chat_deltas(say: Say) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": "" if say.text is not None else None}
    for word in _pieces(say.text or ""):
        yield {"content": word}
    if say.refusal is not None:
        yield {"refusal": say.refusal}
    for index, call in enumerate(_tool_calls(say)):
        function = call["function"]
        yield {"tool_calls": [{**call, "index": index, "function": {**function, "arguments": ""}}]}
        for piece in _pieces(function["arguments"]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _chunk(delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}


def _chat_frame(body: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{next(_numbers)}",
        "object": kind,
        "created": CREATED,
        "model": body.get("model", "fake"),
        "system_fingerprint": None,
    }


def _tool_calls(say: Say) -> list[dict[str, Any]]:
    return [
        {
            "id": f"call_{next(_numbers)}",
            "type": "function",
            "function": {"name": call.name, "arguments": call.text},
        }
        for call in say.calls
    ]


def _finish(say: Say) -> str:
    return say.finish_reason or ("tool_calls" if say.calls else "stop")


def _usage(say: Say) -> dict[str, Any]:
    return {
        "prompt_tokens": say.input_tokens,
        "completion_tokens": say.output_tokens,
        "total_tokens": say.input_tokens + say.output_tokens,
        "prompt_tokens_details": {"cached_tokens": say.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": say.reasoning_tokens},
    }


# --------------------------------------------------------------------------------------------
# Responses
# --------------------------------------------------------------------------------------------


def response(body: Mapping[str, Any], say: Say) -> dict[str, Any]:
    return {
        **_response_frame(body),
        "status": "completed",
        "output": _output(say),
        "usage": {
            "input_tokens": say.input_tokens,
            "input_tokens_details": {"cached_tokens": say.cached_tokens},
            "output_tokens": say.output_tokens,
            "output_tokens_details": {"reasoning_tokens": say.reasoning_tokens},
            "total_tokens": say.input_tokens + say.output_tokens,
        },
    }


def response_stream(body: Mapping[str, Any], say: Say) -> Iterator[str]:
    numbers = count()
    whole = response(body, say)
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    yield _event(numbers, "response.created", response=begun)
    for index, item in enumerate(whole["output"]):
        place = {"output_index": index, "item_id": item["id"]}
        empty: dict[str, Any] = {"content": []} if "content" in item else {"arguments": ""}
        started = {**item, "status": "in_progress", **empty}
        yield _event(numbers, "response.output_item.added", output_index=index, item=started)
        yield from _item_events(numbers, place, item)
        yield _event(numbers, "response.output_item.done", output_index=index, item=item)
    yield _event(numbers, "response.completed", response=whole)


def _item_events(numbers: count[int], place: dict[str, Any], item: dict[str, Any]) -> Iterator[str]:
    if item["type"] == "function_call":
        kind, text = "response.function_call_arguments", item["arguments"]
        for piece in _pieces(text):
            yield _event(numbers, f"{kind}.delta", **place, delta=piece)
        yield _event(numbers, f"{kind}.done", **place, name=item["name"], arguments=text)
        return
    part = item["content"][0]
    place = {**place, "content_index": 0}
    if part["type"] == "refusal":
        yield _event(numbers, "response.refusal.delta", **place, delta=part["refusal"])
        return
    empty = {**part, "text": ""}
    yield _event(numbers, "response.content_part.added", **place, part=empty)
    for piece in _pieces(part["text"]):
        delta = {"delta": piece, "logprobs": []}
        yield _event(numbers, "response.output_text.delta", **place, **delta)
    done = {"text": part["text"], "logprobs": []}
    yield _event(numbers, "response.output_text.done", **place, **done)
    yield _event(numbers, "response.content_part.done", **place, part=part)


def _output(say: Say) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if say.text is not None or say.refusal is not None:
        part: dict[str, Any] = {"type": "refusal", "refusal": say.refusal}
        if say.refusal is None:
            part = {"type": "output_text", "text": say.text, "annotations": [], "logprobs": []}
        message = {"type": "message", "role": "assistant", "content": [part]}
        items.append({"id": f"msg_{next(_numbers)}", "status": "completed", **message})
    for call in say.calls:
        number = next(_numbers)
        function = {"type": "function_call", "name": call.name, "arguments": call.text}
        ids = {"id": f"fc_{number}", "call_id": f"call_{number}"}
        items.append({**ids, "status": "completed", **function})
    return items


def _response_frame(body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": f"resp_{next(_numbers)}",
        "object": "response",
        "created_at": CREATED,
        "model": body.get("model", "fake"),
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "metadata": {},
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "top_p": 1.0,
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": body.get("tools", []),
    }


# --------------------------------------------------------------------------------------------
# Embeddings
# --------------------------------------------------------------------------------------------


def embeddings(
    body: Mapping[str, Any], rows: Sequence[tuple[int, Sequence[float]]]
) -> dict[str, Any]:
    """Rows with the index of their text; encoded as the request asks."""
    encode: Callable[[Sequence[float]], Any] = list
    if body.get("encoding_format") == "base64":
        encode = as_base64
    data = [{"object": "embedding", "index": at, "embedding": encode(row)} for at, row in rows]
    usage = {"prompt_tokens": len(rows), "total_tokens": len(rows)}
    return {"object": "list", "data": data, "model": body.get("model", "fake"), "usage": usage}


def as_base64(row: Sequence[float]) -> str:
    """Little-endian 32-bit floats."""
    return base64.b64encode(struct.pack(f"<{len(row)}f", *row)).decode()


def _event(numbers: count[int], kind: str, **fields: Any) -> str:
    text = json.dumps({"type": kind, "sequence_number": next(numbers), **fields})
    return f"event: {kind}\ndata: {text}\n\n"


def _data(value: Any) -> str:
    return f"data: {json.dumps(value)}\n\n"


def _pieces(text: str) -> list[str]:
    return [text[at : at + 8] for at in range(0, len(text), 8)]


ENDPOINTS = {
    "/v1/chat/completions": Endpoint(chat, chat_stream),
    "/v1/responses": Endpoint(response, response_stream),
}
