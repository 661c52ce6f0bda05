"""What calls cost by the shipped price list."""

from __future__ import annotations

import socket
from datetime import UTC, datetime

import pytest
from genai_prices import Usage, calc_price
from genai_prices.data import providers

from trace_clustering.traces.pricing import estimate

WHEN = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-4o", "openai"),
        ("gpt-4o", None),
        ("gpt-4o", "Azure"),
        ("gpt-4o", "az.ai.openai"),
        ("gpt-4o", "nobody knows this one"),
        ("openai/gpt-4o", "litellm"),
        ("claude-sonnet-4-5", "anthropic"),
        ("gemini-2.5-flash", "gcp.vertex_ai"),
        ("grok-4", "x_ai"),
        ("text-embedding-3-small", "openai"),
    ],
)
def test_known_models_have_a_price(model: str, provider: str | None) -> None:
    cost = estimate(model, provider, input_tokens=1_000, output_tokens=100, when=WHEN)
    assert cost is not None
    assert 0 < cost < 1


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("no-such-model", None),
        ("no-such-model", "openai"),
        ("", "openai"),
        ("gpt-4o", "ollama"),
        ("x" * 10_000, "y" * 10_000),
    ],
)
def test_what_is_not_on_the_list_has_none(model: str, provider: str | None) -> None:
    assert estimate(model, provider, input_tokens=1_000, when=WHEN) is None


def test_it_is_what_the_library_calculates() -> None:
    """For every model that it can be asked for, with fixed, tiered and per-call prices."""
    checked = 0
    counts = ((1_000, 100, 0, 0), (1_000, 100, 300, 100), (500_000, 20, 1_000, 0))
    for provider in providers:
        for model in provider.models[::7]:
            for tokens_in, tokens_out, read, written in counts:
                usage = Usage(
                    input_tokens=tokens_in,
                    output_tokens=tokens_out,
                    cache_read_tokens=read,
                    cache_write_tokens=written,
                )
                try:
                    price = calc_price(
                        usage, model.id, provider_id=provider.id, genai_request_timestamp=WHEN
                    )
                except (LookupError, ValueError):
                    continue
                cost = estimate(
                    model.id,
                    provider.id,
                    input_tokens=tokens_in,
                    output_tokens=tokens_out,
                    cache_read_tokens=read,
                    cache_write_tokens=written,
                    when=WHEN,
                )
                assert cost == pytest.approx(float(price.total_price), rel=1e-9)
                checked += 1
    assert checked > 100


def test_cached_input_is_cheaper_and_may_be_counted_apart() -> None:
    def cost(tokens_in: int, read: int) -> float:
        found = estimate(
            "gpt-4o", "openai", input_tokens=tokens_in, cache_read_tokens=read, when=WHEN
        )
        assert found is not None
        return found

    assert cost(1_000, 800) < cost(1_000, 0)
    assert cost(200, 800) == cost(1_000, 800)


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("no network here")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert estimate("gpt-4o-mini", "openai", input_tokens=10, when=WHEN)
