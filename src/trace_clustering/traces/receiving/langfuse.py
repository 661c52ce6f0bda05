"""The attributes of Langfuse's SDKs."""

from typing import Any, Final

from trace_clustering.traces.receiving.rules import (
    DROP,
    Family,
    Rule,
    Tree,
    amount,
    count,
    json_object,
    json_value,
    kinds,
    structure,
    text,
)

_TOKENS: Final = {
    "$ai_input_tokens": ("input", "input_tokens", "prompt_tokens", "promptTokens"),
    "$ai_output_tokens": ("output", "output_tokens", "completion_tokens", "completionTokens"),
    "$ai_cache_read_input_tokens": (
        *("cache_read_input_tokens", "input_cached_tokens", "input_cache_read"),
        *("prompt_tokens_details.cached_tokens", "input_tokens_details.cached_tokens"),
    ),
    "$ai_cache_creation_input_tokens": ("cache_creation_input_tokens", "input_cache_creation"),
    "$ai_reasoning_tokens": (
        *("output_reasoning_tokens", "output_reasoning", "reasoning_tokens"),
        "completion_tokens_details.reasoning_tokens",
        "output_tokens_details.reasoning_tokens",
    ),
}
"""By property, the names that SDKs and the libraries they wrap use in ``usage_details``."""


def _usage(value: object) -> dict[str, object] | None:
    details = json_object(value)
    if details is None:
        return None
    flat = _flat(details)
    found = {
        name: next((flat[key] for key in keys if flat.get(key) is not None), None)
        for name, keys in _TOKENS.items()
    }
    return {name: count(number) for name, number in found.items()}


def _flat(details: dict[str, Any]) -> dict[str, object]:
    """OpenAI's own form has objects in it."""
    flat: dict[str, object] = {}
    for key, value in details.items():
        if isinstance(value, dict):
            flat.update({f"{key}.{name}": part for name, part in value.items()})
        else:
            flat[key] = value
    return flat


def _costs(value: object) -> dict[str, object] | None:
    details = json_object(value)
    if details is None:
        return None
    parts = [amount(part) for key, part in details.items() if key != "total"]
    known = [part for part in parts if part is not None]
    total = amount(details.get("total"))
    return {
        "$ai_input_cost_usd": amount(details.get("input")),
        "$ai_output_cost_usd": amount(details.get("output")),
        "$ai_total_cost_usd": sum(known) if total is None and known else total,
    }


def _metadata(tree: Tree) -> dict[str, object]:
    """Recent SDKs write every value as JSON, former ones texts as they are."""
    return {str(name): json_value(value) for name, value in tree.items()}


RULES: Final = {
    "langfuse.observation.type": Rule(
        "langfuse_kind",
        read=kinds(
            {
                name: name
                for name in (
                    *("generation", "embedding", "agent", "tool", "chain", "retriever"),
                    *("evaluator", "guardrail", "event"),
                )
            }
        ),
    ),
    "langfuse.observation.input": Rule("input", 4, structure),
    "langfuse.observation.output": Rule("output", 4, structure),
    "langfuse.observation.level": Rule("level", keep=True),
    "langfuse.observation.status_message": Rule("status_message", read=text, keep=True),
    "langfuse.observation.model.name": Rule("$ai_model", read=text),
    "langfuse.observation.model.parameters": Rule("$ai_model_parameters", read=json_object),
    "langfuse.observation.usage_details": Rule("more_usage", read=_usage, keep=True),
    "langfuse.observation.cost_details": Rule("more_costs", read=_costs, keep=True),
    "langfuse.observation.metadata": Rule("metadata_langfuse", 1, json_object),
    "langfuse.trace.metadata": Rule("metadata_langfuse_trace", 1, json_object),
    "langfuse.trace.name": Rule("$ai_trace_name", read=text),
    "langfuse.trace.input": Rule("trace_input", read=structure, keep=True),
    "langfuse.trace.output": Rule("trace_output", read=structure, keep=True),
    "langfuse.user.id": Rule("$ai_user_id", read=text),
    "langfuse.session.id": Rule("$ai_session_id", read=text),
    "langfuse.internal.as_root": DROP,
    "langfuse.internal.is_app_root": DROP,
}

FAMILIES: Final = (
    Family("langfuse.observation.metadata.", Rule("metadata_langfuse", read=_metadata), False),
    Family("langfuse.trace.metadata.", Rule("metadata_langfuse_trace", read=_metadata), False),
)
