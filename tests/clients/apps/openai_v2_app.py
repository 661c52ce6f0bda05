"""The help desk with OpenTelemetry's own instrumentation of ``openai``, content on spans."""

from __future__ import annotations

import json
from contextlib import suppress

import openai
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from tests.clients.shop import MODEL, TOOLS, VISITS, Visit, attend, use_tool

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
OpenAIInstrumentor().instrument(tracer_provider=provider)  # type: ignore[no-untyped-call]
tracer = provider.get_tracer("help-desk")
model = openai.OpenAI(max_retries=0)
ids: dict[int, str] = {}


def traced_tool(name: str, arguments: str) -> str:
    with tracer.start_as_current_span(f"execute_tool {name}") as span:
        span.set_attribute("gen_ai.operation.name", "execute_tool")
        span.set_attribute("gen_ai.tool.name", name)
        span.set_attribute("gen_ai.tool.call.arguments", arguments)
        result = use_tool(name, arguments)
        span.set_attribute("gen_ai.tool.call.result", result)
        return result


def visited(visit: Visit) -> None:
    with tracer.start_as_current_span("invoke_agent help desk") as root:
        ids[visit.number] = trace.format_trace_id(root.get_span_context().trace_id)
        root.set_attribute("gen_ai.operation.name", "invoke_agent")
        root.set_attribute("gen_ai.agent.name", "help desk")
        root.set_attribute("gen_ai.conversation.id", visit.session)
        root.set_attribute("user.id", visit.user)
        attend(
            visit,
            lambda said: model.chat.completions.create(model=MODEL, messages=said, tools=TOOLS),
            traced_tool,
        )


for one in VISITS:
    with suppress(openai.APIError):
        visited(one)
provider.shutdown()
print(json.dumps(ids))
