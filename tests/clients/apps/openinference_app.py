"""The help desk with OpenInference's instrumentation, sending by OpenTelemetry's SDK."""

from __future__ import annotations

import json
from contextlib import suppress

import openai
from openinference.instrumentation import using_attributes
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from tests.clients.shop import MODEL, TOOLS, VISITS, Visit, attend, use_tool

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
OpenAIInstrumentor().instrument(tracer_provider=provider)
tracer = provider.get_tracer("help-desk")
model = openai.OpenAI(max_retries=0)
ids: dict[int, str] = {}


def traced_tool(name: str, arguments: str) -> str:
    with tracer.start_as_current_span(name) as span:
        span.set_attribute("openinference.span.kind", "TOOL")
        span.set_attribute("tool.name", name)
        span.set_attribute("input.value", arguments)
        result = use_tool(name, arguments)
        span.set_attribute("output.value", result)
        return result


def visited(visit: Visit) -> None:
    with tracer.start_as_current_span("help desk") as root:
        ids[visit.number] = trace.format_trace_id(root.get_span_context().trace_id)
        root.set_attribute("openinference.span.kind", "AGENT")
        root.set_attribute("input.value", visit.question)
        answer = attend(
            visit,
            lambda said: model.chat.completions.create(model=MODEL, messages=said, tools=TOOLS),
            traced_tool,
        )
        root.set_attribute("output.value", answer)


for one in VISITS:
    with suppress(openai.APIError), using_attributes(user_id=one.user, session_id=one.session):
        visited(one)
provider.shutdown()
print(json.dumps(ids))
