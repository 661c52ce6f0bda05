"""What a call of a model cost, from the price list that ships with ``genai-prices``.

Only the list in the installed package is used: nothing here reaches for the network.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo, ModelPrice, Provider

_REMEMBERED_MODELS = 4_096
_REMEMBERED_RATES = 1_024
_MILLION = 1_000_000

# Whoever runs a model at home pays nobody by the token.
_SELF_HOSTED = ("ollama", "vllm", "llama.cpp", "llama_cpp", "llamafile", "lmstudio", "lm_studio")


@dataclass(frozen=True, slots=True)
class _Rates:
    """US dollars for one call, and for one token of each kind."""

    call: float
    input: float
    output: float
    cache_read: float
    cache_write: float


def estimate(
    model: str,
    provider: str | None,
    *,
    input_tokens: int,
    output_tokens: int = 0,
    cache_read_tokens: int = 0,
    cache_write_tokens: int = 0,
    when: datetime,
) -> float | None:
    """The list price of a call in US dollars; None if the model is not on the list.

    Args:
        model: as the client named it.
        provider: as the client named it; the model's maker is taken where it is unknown.
        input_tokens: all of them, those read from and written to a cache included.
        cache_read_tokens: tokens of the input that came from a cache.
        cache_write_tokens: tokens of the input that were put into a cache. Where these and
            those read are more than the input, they were counted apart from it.
        when: when it was called: prices change.
    """
    found = _find(model, provider)
    if found is None:
        return None
    prices = found[1].get_prices(when)
    cached = cache_read_tokens + cache_write_tokens
    all_input = input_tokens + cached if cached > input_tokens else input_tokens
    counts = (all_input, output_tokens, cache_read_tokens, cache_write_tokens)
    rates = _rates(_Key(prices))
    return _total(rates, *counts) if rates else _calculated(prices, *counts)


def _total(rates: _Rates, tokens_in: int, tokens_out: int, read: int, written: int) -> float:
    plain = tokens_in - read - written
    return (
        rates.call
        + plain * rates.input
        + tokens_out * rates.output
        + read * rates.cache_read
        + written * rates.cache_write
    )


@lru_cache(maxsize=_REMEMBERED_MODELS)
def _find(model: str, provider: str | None) -> tuple[Provider, ModelInfo] | None:
    """The model on the list, with its provider."""
    name = (provider or "").strip().lower()
    if name in _SELF_HOSTED or not model:
        return None
    known = _known_provider(name)
    try:
        return _snapshot().find_provider_model(model, None, known, None)
    except LookupError:
        return None


def _known_provider(name: str) -> str | None:
    """The id under which the list has a provider; None if it has none."""
    from genai_prices.data_snapshot import find_provider_by_id

    for spelling in (name, name.replace("_", "-")) if name else ():
        provider = find_provider_by_id(_snapshot().providers, spelling)
        if provider is not None:
            return provider.id
    return "litellm" if name == "litellm" else None


@cache
def _snapshot() -> DataSnapshot:
    """The list as it was when the package was made.

    Not ``get_snapshot()``: a program that this is part of may have set another one.
    """
    from genai_prices.data import providers
    from genai_prices.data_snapshot import DataSnapshot

    return DataSnapshot(providers=providers, from_auto_update=False)


class _Key:
    """Prices, compared by identity: the list's own objects live as long as the list."""

    __slots__ = ("prices",)

    def __init__(self, prices: ModelPrice) -> None:
        self.prices = prices

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.prices is self.prices

    def __hash__(self) -> int:
        return id(self.prices)


@lru_cache(maxsize=_REMEMBERED_RATES)
def _rates(key: _Key) -> _Rates | None:
    """Rates that give what the library would calculate; None if they depend on the amount.

    The library's own calculation takes a hundred times as long as four multiplications.
    """
    prices = key.prices
    if any(not isinstance(price, Decimal | None) for price in vars(prices).values()):
        return None
    call = _calculated(prices, 0, 0, 0, 0)
    totals = (
        _calculated(prices, _MILLION, 0, 0, 0),
        _calculated(prices, 0, _MILLION, 0, 0),
        _calculated(prices, _MILLION, 0, _MILLION, 0),
        _calculated(prices, _MILLION, 0, 0, _MILLION),
    )
    known = [total for total in totals if total is not None]
    if call is None or len(known) < len(totals):
        return None
    return _Rates(call, *((total - call) / _MILLION for total in known))


def _calculated(
    prices: ModelPrice, tokens_in: int, tokens_out: int, read: int, written: int
) -> float | None:
    from genai_prices import Usage

    usage = Usage(
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        cache_read_tokens=read,
        cache_write_tokens=written,
    )
    try:
        return float(prices.calc_price(usage)["total_price"])
    except ValueError:
        return None
