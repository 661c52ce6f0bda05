"""The OpenInference conventions, which Phoenix and Arize read."""

from typing import Any, Final

from trace_clustering.traces.receiving.rules import (
    DROP,
    Family,
    Rule,
    Tree,
    amount,
    content,
    count,
    json_object,
    kinds,
    listed,
    structure,
    text,
)

_WRAPPERS: Final = ("message_content", "image", "audio", "video", "document")
_COPIED: Final = ("name", "tool_call_id", "refusal")


def _messages(tree: Tree, role: str) -> list[object] | None:
    found = [_message(branch.get("message"), role) for branch in _branches(tree)]
    return [message for message in found if message is not None] or None


def _message(fields: object, role: str) -> dict[str, object] | None:
    if not isinstance(fields, dict):
        return None
    message: dict[str, object] = {"role": fields.get("role") or role}
    parts = [_part(part) for part in listed(fields.get("contents"))]
    said = content(fields["content"]) if "content" in fields else None
    if parts or said is not None:
        message["content"] = parts if said is None else said
    calls = [_call(branch.get("tool_call")) for branch in _branches(fields.get("tool_calls"))]
    if calls:
        message["tool_calls"] = calls
    for name in _COPIED:
        if name in fields:
            message[name] = fields[name]
    if "function_call_name" in fields:
        arguments = fields.get("function_call_arguments_json", "")
        message["function_call"] = {"name": fields["function_call_name"], "arguments": arguments}
    return message


def _part(branch: object) -> object:
    """A content part without the wrappers that repeat what it is."""
    if not isinstance(branch, dict):
        return branch
    inner = branch.get("message_content", branch)
    if not isinstance(inner, dict):
        return inner
    return {str(key): _flat(value) for key, value in inner.items()}


def _flat(value: object) -> object:
    if isinstance(value, dict) and len(value) == 1:
        ((key, inner),) = value.items()
        if key in _WRAPPERS:
            return _flat(inner)
    return value


def _call(fields: object) -> dict[str, object]:
    fields = fields if isinstance(fields, dict) else {}
    call = {"id": fields["id"]} if "id" in fields else {}
    return {**call, "type": "function", "function": fields.get("function", {})}


def _tools(tree: Tree) -> list[object] | None:
    found = [branch.get("tool") for branch in _branches(tree)]
    tools = [structure(tool.get("json_schema", tool)) for tool in found if isinstance(tool, dict)]
    return tools or None


def _documents(tree: Tree) -> list[object] | None:
    found = [branch.get("document") for branch in _branches(tree)]
    documents: list[object] = [
        {key: structure(value) for key, value in document.items() if key != "vector"}
        for document in found
        if isinstance(document, dict)
    ]
    return documents or None


def _embedded_texts(tree: Tree) -> list[object] | None:
    """The texts; vectors are not kept."""
    found = [branch.get("embedding") for branch in _branches(tree)]
    texts = [item.get("text") for item in found if isinstance(item, dict)]
    return [each for each in texts if isinstance(each, str)] or None


def _prompts(tree: Tree) -> list[object] | None:
    """Texts for completion, or messages as OpenLLMetry wrote them in its first releases."""
    found = [branch.get("prompt", branch) for branch in _branches(tree)]
    messages = [_prompt(fields) for fields in found if isinstance(fields, dict)]
    return messages or None


def _prompt(fields: dict[str, Any]) -> object:
    said = fields.get("text", fields.get("content", ""))
    return {"role": fields.get("role", "user"), "content": content(said)}


def _choices(tree: Tree) -> list[object] | None:
    found = [branch.get("completion") for branch in _branches(tree)]
    texts = [fields.get("text", "") for fields in found if isinstance(fields, dict)]
    return [{"role": "assistant", "content": each} for each in texts] or None


def _branches(tree: object) -> list[dict[str, Any]]:
    return [branch for branch in listed(tree) if isinstance(branch, dict)]


RULES: Final = {
    "openinference.span.kind": Rule(
        "openinference_kind",
        read=kinds(
            {
                "llm": "generation",
                # A model's call too, though what it answers is no text.
                "decision": "generation",
                **{
                    name: name
                    for name in (
                        *("embedding", "tool", "chain", "retriever", "agent", "reranker"),
                        *("guardrail", "evaluator", "prompt"),
                    )
                },
            }
        ),
    ),
    "llm.model_name": Rule("$ai_model", 1, text),
    "llm.response.model_name": Rule("$ai_model", 1, text),
    "llm.request.model_name": Rule("$ai_model", 3, text, keep=True),
    "embedding.model_name": Rule("$ai_model", 2, text),
    "reranker.model_name": Rule("$ai_model", 2, text),
    "decision.model_name": Rule("$ai_model", 2, text),
    "llm.provider": Rule("$ai_provider", 1, text),
    "llm.system": Rule("$ai_provider", 3, text),
    "decision.provider": Rule("$ai_provider", 3, text),
    "llm.token_count.prompt": Rule("$ai_input_tokens", 1, count),
    "llm.token_count.completion": Rule("$ai_output_tokens", 1, count),
    "decision.token_count.input": Rule("$ai_input_tokens", 2, count),
    "decision.token_count.output": Rule("$ai_output_tokens", 2, count),
    "llm.token_count.prompt_details.cache_read": Rule("$ai_cache_read_input_tokens", 1, count),
    "llm.token_count.prompt_details.cache_write": Rule("$ai_cache_creation_input_tokens", 1, count),
    "llm.token_count.completion_details.reasoning": Rule("$ai_reasoning_tokens", 1, count),
    "llm.cost.total": Rule("$ai_total_cost_usd", read=amount),
    "llm.cost.prompt": Rule("$ai_input_cost_usd", read=amount),
    "llm.cost.completion": Rule("$ai_output_cost_usd", read=amount),
    "llm.invocation_parameters": Rule("$ai_model_parameters", 1, json_object),
    "embedding.invocation_parameters": Rule("$ai_model_parameters", 2, json_object),
    "llm.tools": Rule("$ai_tools", 3, structure),
    "input.value": Rule("input", 7, structure),
    "output.value": Rule("output", 7, structure),
    "input.mime_type": DROP,
    "output.mime_type": DROP,
    "tool.name": Rule("tool_name", 1, text, keep=True),
    "tool.parameters": Rule("parameters", read=structure),
    "reranker.query": Rule("input", 2),
    "metadata": Rule("metadata_openinference", read=json_object),
}

FAMILIES: Final = (
    Family("llm.input_messages.", Rule("input", 1, lambda tree: _messages(tree, "user"))),
    Family("llm.output_messages.", Rule("output", 1, lambda tree: _messages(tree, "assistant"))),
    Family("llm.prompts.", Rule("input", 5, _prompts)),
    Family("llm.choices.", Rule("output", 5, _choices)),
    Family("llm.tools.", Rule("$ai_tools", 1, _tools)),
    Family("retrieval.documents.", Rule("output", 2, _documents)),
    Family("reranker.output_documents.", Rule("output", 2, _documents)),
    Family("reranker.input_documents.", Rule("input", 8, _documents)),
    Family("embedding.embeddings.", Rule("input", 2, _embedded_texts)),
)
