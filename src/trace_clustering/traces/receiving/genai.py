"""The GenAI semantic conventions of OpenTelemetry, as they are and as they were; and what
frameworks that follow them add of their own.
"""

from typing import Final

from trace_clustering.traces.receiving.rules import (
    DROP,
    Family,
    Rule,
    amount,
    count,
    json_list,
    kinds,
    structure,
    text,
)

OPERATION_KINDS: Final = {
    **dict.fromkeys(("chat", "completion", "text_completion", "generate_content"), "generation"),
    **dict.fromkeys(("responses", "message", "messages", "inference"), "generation"),
    **dict.fromkeys(("embeddings", "embedding"), "embedding"),
    **dict.fromkeys(("execute_tool", "tool", "tool_call"), "tool"),
    **dict.fromkeys(("invoke_agent", "create_agent", "agent"), "agent"),
    **dict.fromkeys(("invoke_workflow", "workflow", "chain"), "chain"),
    **dict.fromkeys(("retrieval", "retrieve"), "retriever"),
}

_CURRENT: Final = {
    "gen_ai.operation.name": Rule("operation", read=kinds(OPERATION_KINDS)),
    "gen_ai.provider.name": Rule("$ai_provider", read=text),
    "gen_ai.request.model": Rule("$ai_model", 3, text, keep=True),
    "gen_ai.response.model": Rule("$ai_model", read=text),
    "gen_ai.usage.input_tokens": Rule("$ai_input_tokens", read=count),
    "gen_ai.usage.output_tokens": Rule("$ai_output_tokens", read=count),
    "gen_ai.usage.cache_read.input_tokens": Rule("$ai_cache_read_input_tokens", read=count),
    "gen_ai.usage.cache_creation.input_tokens": Rule("$ai_cache_creation_input_tokens", read=count),
    "gen_ai.usage.reasoning.output_tokens": Rule("$ai_reasoning_tokens", read=count),
    "gen_ai.input.messages": Rule("input", read=structure),
    "gen_ai.output.messages": Rule("output", read=structure),
    "gen_ai.system_instructions": Rule("system", read=structure),
    "gen_ai.tool.definitions": Rule("$ai_tools", read=json_list),
    "gen_ai.tool.name": Rule("tool_name", read=text, keep=True),
    "gen_ai.tool.call.arguments": Rule("input", 1, structure),
    "gen_ai.tool.call.result": Rule("output", 1, structure),
    "gen_ai.retrieval.query.text": Rule("input", 1),
    "gen_ai.retrieval.documents": Rule("output", 1, structure),
    "gen_ai.conversation.id": Rule("$ai_session_id", 1, text, keep=True),
    "error.type": Rule("error_type", read=text, keep=True),
    "enduser.id": Rule("$ai_user_id", 2, text),
    "user.id": Rule("$ai_user_id", 1, text),
    "session.id": Rule("$ai_session_id", read=text),
    "http.response.status_code": Rule("$ai_http_status", read=count),
    "http.status_code": Rule("$ai_http_status", 1, count),
}

_FORMER: Final = {
    "gen_ai.system": Rule("$ai_provider", 2, text),
    "gen_ai.usage.prompt_tokens": Rule("$ai_input_tokens", 2, count),
    "gen_ai.usage.completion_tokens": Rule("$ai_output_tokens", 2, count),
    "gen_ai.usage.cache_read_input_tokens": Rule("$ai_cache_read_input_tokens", 1, count),
    "gen_ai.usage.cache_creation_input_tokens": Rule("$ai_cache_creation_input_tokens", 1, count),
    "gen_ai.usage.reasoning_tokens": Rule("$ai_reasoning_tokens", 1, count),
    "gen_ai.prompt": Rule("input", 3, structure),
    "gen_ai.completion": Rule("output", 3, structure),
    "gen_ai.input_messages": Rule("input", 3, structure),
    "gen_ai.output_messages": Rule("output", 3, structure),
    "gen_ai.openai.api_base": Rule("$ai_base_url", read=text),
}

_FRAMEWORKS: Final = {
    # What a call cost is in no convention; these are Pydantic AI's, LiteLLM's and others'.
    "operation.cost": Rule("$ai_total_cost_usd", 1, amount),
    "gen_ai.usage.cost": Rule("$ai_total_cost_usd", 1, amount),
    "gen_ai.usage.total_cost": Rule("$ai_total_cost_usd", 1, amount),
    "gen_ai.cost.total_cost": Rule("$ai_total_cost_usd", 1, amount),
    "gen_ai.usage.input_cost": Rule("$ai_input_cost_usd", 1, amount),
    "gen_ai.usage.output_cost": Rule("$ai_output_cost_usd", 1, amount),
    "gen_ai.usage.details.reasoning_tokens": Rule("$ai_reasoning_tokens", 2, count),
    "pydantic_ai.all_messages": Rule("input", 4, structure),
    "final_result": Rule("output", 4, structure),
    "tool_arguments": Rule("input", 4, structure),
    "tool_response": Rule("output", 4, structure),
    "logfire.json_schema": DROP,
}

RULES: Final = {**_CURRENT, **_FORMER, **_FRAMEWORKS}

FAMILIES: Final = (
    Family("gen_ai.request.", Rule("$ai_model_parameters", read=dict), indexed=False),
)

MESSAGES_EVENT: Final = "gen_ai.client.inference.operation.details"
"""The span event whose attributes are those that a span has elsewhere."""

MESSAGE_EVENTS: Final = {
    "gen_ai.system.message": "system",
    "gen_ai.developer.message": "developer",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
    "gen_ai.choice": "assistant",
    "gen_ai.content.prompt": "user",
    "gen_ai.content.completion": "assistant",
}
"""Span events that are a message each, or hold all of the input or output; and whose they are."""

OUTPUT_EVENTS: Final = frozenset({"gen_ai.choice", "gen_ai.content.completion"})

_BODIES: Final = ("gen_ai.event.content", "gen_ai.prompt", "gen_ai.completion", "message", "body")


def messages_of_event(name: str, attributes: dict[str, object]) -> list[object]:
    """The messages that one of ``MESSAGE_EVENTS`` holds, in the form in which they were sent."""
    body = next((attributes[key] for key in _BODIES if attributes.get(key)), None)
    content = structure(body)
    if isinstance(content, list):
        return content
    message = content if isinstance(content, dict) else _plain_message(content, attributes)
    inner = message.get("message")
    if isinstance(inner, dict):
        message = inner
    return [{"role": MESSAGE_EVENTS[name], **message}] if message else []


def _plain_message(content: object, attributes: dict[str, object]) -> dict[str, object]:
    """A message whose fields are attributes of their own."""
    message: dict[str, object] = {} if content is None else {"content": content}
    for key in ("role", "content", "tool_calls", "finish_reason"):
        if attributes.get(key):
            message.setdefault(key, structure(attributes[key]))
    if attributes.get("id"):
        message["tool_call_id"] = attributes["id"]
    return message
