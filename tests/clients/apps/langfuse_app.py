"""The help desk with Langfuse's SDK and its wrapper of ``openai``."""

from __future__ import annotations

import json
from contextlib import suppress

import openai
from langfuse import Langfuse, get_client, observe, propagate_attributes
from langfuse.openai import OpenAI  # type: ignore[attr-defined]

from tests.clients.shop import MODEL, TOOLS, VISITS, Visit, attend, use_tool

langfuse = Langfuse()
assert langfuse.auth_check()
model = OpenAI(max_retries=0)
ids: dict[int, str] = {}


def traced_tool(name: str, arguments: str) -> str:
    with langfuse.start_as_current_observation(
        as_type="tool", name=name, input=json.loads(arguments)
    ) as tool:
        result = use_tool(name, arguments)
        tool.update(output=result)
        return result


@observe(name="help desk", as_type="agent", capture_input=False)
def visited(visit: Visit) -> str:
    ids[visit.number] = get_client().get_current_trace_id() or ""
    with propagate_attributes(user_id=visit.user, session_id=visit.session):
        return attend(
            visit,
            lambda said: model.chat.completions.create(model=MODEL, messages=said, tools=TOOLS),
            traced_tool,
        )


for one in VISITS:
    with suppress(openai.APIError):
        visited(one)
langfuse.shutdown()
print(json.dumps(ids))
