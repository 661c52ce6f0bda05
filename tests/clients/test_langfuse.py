"""The Langfuse SDK and its wrapper of ``openai``, unmodified, against the running service."""

from __future__ import annotations

from tests.clients.checks import ArrivalTests


class TestLangfuse(ArrivalTests):
    client = "langfuse"
