"""One trace by each of the ways that PostHog's SDK has of sending, the usual one aside."""

from __future__ import annotations

import json
import os
from typing import Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import format_trace_id
from posthog import Posthog
from posthog.ai.otel import PostHogSpanProcessor

KEY, HOST = os.environ["POSTHOG_KEY"], os.environ["POSTHOG_HOST"]
WAYS: dict[str, dict[str, Any]] = {
    "at once": {"sync_mode": True},
    "packed": {"gzip": True},
    "newer protocol": {"capture_mode": "v1"},
    "newer protocol, packed": {"capture_mode": "v1", "capture_compression": "gzip"},
    "lane of its own": {"enable_full_ai_capture": True},
}
failures: list[object] = []
ids = {}
for number, (way, options) in enumerate(WAYS.items()):
    posthog = Posthog(KEY, host=HOST, on_error=lambda error, _: failures.append(error), **options)
    ids[way] = f"way-{number}"
    capture = posthog.capture_ai if way == "lane of its own" else posthog.capture
    capture(
        "$ai_generation",
        distinct_id="user-7",
        properties={
            "$ai_trace_id": ids[way],
            "$ai_model": "gpt-4o-mini",
            "$ai_input": [{"role": "user", "content": way}],
        },
    )
    posthog.capture("$pageview", distinct_id="user-7")
    posthog.shutdown()

provider = TracerProvider()
provider.add_span_processor(PostHogSpanProcessor(api_key=KEY, host=HOST))
with provider.get_tracer("ways").start_as_current_span("chat") as span:
    ids["spans"] = format_trace_id(span.get_span_context().trace_id)
    said = [{"role": "user", "parts": [{"type": "text", "content": "spans"}]}]
    span.set_attribute("gen_ai.operation.name", "chat")
    span.set_attribute("gen_ai.input.messages", json.dumps(said))
provider.shutdown()
assert not failures, failures
print(json.dumps(ids))
