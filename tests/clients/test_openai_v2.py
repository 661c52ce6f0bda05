"""OpenTelemetry's own instrumentation of ``openai``, unmodified, against the service."""

from __future__ import annotations

from tests.clients.checks import ArrivalTests


class TestOpenAIv2(ArrivalTests):
    client = "openai_v2"
