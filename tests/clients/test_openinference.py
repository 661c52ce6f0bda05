"""OpenInference's instrumentation and the OpenTelemetry SDK, unmodified, against the service."""

from __future__ import annotations

from tests.clients.checks import ArrivalTests


class TestOpenInference(ArrivalTests):
    client = "openinference"
