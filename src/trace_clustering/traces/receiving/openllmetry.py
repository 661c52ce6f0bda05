"""The attributes of OpenLLMetry (Traceloop), in which the GenAI conventions began."""

from typing import Any, Final

from trace_clustering.traces.receiving.genai import OPERATION_KINDS
from trace_clustering.traces.receiving.rules import (
    Family,
    Rule,
    Tree,
    count,
    kinds,
    listed,
    structure,
    text,
)


def _tool(branch: dict[str, Any]) -> object:
    return {key: structure(value) for key, value in branch.items() if isinstance(key, str)}


def _tools(tree: Tree) -> list[object] | None:
    return [_tool(branch) for branch in listed(tree) if isinstance(branch, dict)] or None


def _call(branch: dict[str, Any]) -> object:
    function = {key: branch[key] for key in ("name", "arguments") if key in branch}
    call = {"id": branch["id"]} if "id" in branch else {}
    return {**call, "type": "function", "function": function}


def _message(branch: dict[str, Any], role: str) -> object:
    message = {key: value for key, value in branch.items() if not isinstance(value, dict)}
    message["role"] = message.get("role") or role
    if "content" in message:
        message["content"] = structure(message["content"])
    calls = [_call(call) for call in listed(branch.get("tool_calls")) if isinstance(call, dict)]
    if calls:
        message["tool_calls"] = calls
    if isinstance(branch.get("function_call"), dict):
        message["function_call"] = branch["function_call"]
    return message


def _prompts(tree: Tree) -> list[object] | None:
    return [_message(branch, "user") for branch in listed(tree) if isinstance(branch, dict)] or None


def _completions(tree: Tree) -> list[object] | None:
    branches = [branch for branch in listed(tree) if isinstance(branch, dict)]
    return [_message(branch, "assistant") for branch in branches] or None


RULES: Final = {
    "traceloop.span.kind": Rule(
        "traceloop_kind",
        read=kinds({"workflow": "chain", "task": "chain", "agent": "agent", "tool": "tool"}),
    ),
    "llm.request.type": Rule(
        "request_type", read=kinds({**OPERATION_KINDS, "rerank": "reranker"}), keep=True
    ),
    "traceloop.entity.name": Rule("tool_name", 2, text, keep=True),
    "traceloop.entity.input": Rule("input", 6, structure),
    "traceloop.entity.output": Rule("output", 6, structure),
    "traceloop.workflow.name": Rule("$ai_trace_name", 1, text, keep=True),
    "traceloop.association.properties.user_id": Rule("$ai_user_id", 3, text),
    "traceloop.association.properties.session_id": Rule("$ai_session_id", 3, text),
    "llm.user": Rule("$ai_user_id", 4, text),
    "llm.usage.prompt_tokens": Rule("$ai_input_tokens", 3, count),
    "llm.usage.completion_tokens": Rule("$ai_output_tokens", 3, count),
}

FAMILIES: Final = (
    Family("gen_ai.prompt.", Rule("input", 2, _prompts)),
    Family("gen_ai.completion.", Rule("output", 2, _completions)),
    Family("llm.completions.", Rule("output", 5, _completions)),
    Family("llm.request.functions.", Rule("$ai_tools", 1, _tools)),
    Family(
        "traceloop.association.properties.", Rule("metadata_traceloop", read=dict), indexed=False
    ),
)
