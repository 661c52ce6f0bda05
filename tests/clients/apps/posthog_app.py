"""The help desk with PostHog's SDK and its wrapper of ``openai``."""

from __future__ import annotations

import json
import os
import time
import uuid
from contextlib import suppress
from typing import Any

import openai
from posthog import Posthog
from posthog.ai.openai import OpenAI

from tests.clients.shop import MODEL, TOOLS, VISITS, ToolError, Visit, attend, use_tool

posthog = Posthog(os.environ["POSTHOG_KEY"], host=os.environ["POSTHOG_HOST"])
model = OpenAI(posthog_client=posthog, max_retries=0)
ids: dict[int, str] = {}


def capture(visit: Visit, event: str, begun: float, **properties: Any) -> None:
    posthog.capture(
        event,
        distinct_id=visit.user,
        properties={
            "$ai_trace_id": ids[visit.number],
            "$ai_session_id": visit.session,
            "$ai_latency": time.monotonic() - begun,
            **{f"$ai_{name}": value for name, value in properties.items()},
        },
    )


def traced_tool(visit: Visit, name: str, arguments: str) -> str:
    begun, state = time.monotonic(), {"span_name": name, "input_state": json.loads(arguments)}
    try:
        result = use_tool(name, arguments)
    except ToolError as error:
        capture(visit, "$ai_span", begun, **state, is_error=True, error=str(error))
        raise
    capture(visit, "$ai_span", begun, **state, output_state=result)
    return result


def visited(visit: Visit) -> None:
    begun, state = time.monotonic(), {"span_name": "help desk", "input_state": visit.question}
    try:
        answer = attend(
            visit,
            lambda said: model.chat.completions.create(
                model=MODEL,
                messages=said,
                tools=TOOLS,
                posthog_trace_id=ids[visit.number],
                posthog_distinct_id=visit.user,
                posthog_properties={"$ai_session_id": visit.session},
            ),
            lambda name, arguments: traced_tool(visit, name, arguments),
        )
    except openai.APIError as error:
        capture(visit, "$ai_trace", begun, **state, is_error=True, error=str(error))
        raise
    capture(visit, "$ai_trace", begun, **state, output_state=answer)


for one in VISITS:
    ids[one.number] = str(uuid.uuid4())
    with suppress(openai.APIError):
        visited(one)
posthog.shutdown()
print(json.dumps(ids))
