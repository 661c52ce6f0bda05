"""Groups as a namer sees them, and what a model might answer about them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tests.support.fake_openai import Answer, Request, Structured
from trace_clustering.traces.naming.portrait import GroupPortrait

CARDS = GroupPortrait(
    group_id=0,
    parent=None,
    first_level=0,
    last_level=0,
    size=60,
    share=0.6,
    keywords=("card", "lost card", "replacement"),
    keyword_title="Lost card replacement",
    texts=(
        "I lost my card on the way home",
        "My card was stolen, what now?",
        "How do I order a replacement card?",
        "The cash machine has swallowed my card",
    ),
)
RATES = replace(
    CARDS,
    group_id=1,
    size=40,
    share=0.4,
    keywords=("exchange rate", "currency"),
    keyword_title="Exchange rate and currency",
    texts=(
        "Why was the exchange rate so bad?",
        "Which exchange rate do you use for euros?",
        "I want to change currency in the app",
    ),
)
STOLEN = replace(
    CARDS,
    group_id=2,
    parent=0,
    first_level=1,
    last_level=1,
    size=25,
    share=0.25,
    keywords=("stolen", "block"),
    keyword_title="Stolen cards blocked",
    texts=("My card was stolen, please block it", "Block my stolen card now"),
)
LOST = replace(
    STOLEN,
    group_id=3,
    keywords=("lost", "holiday"),
    keyword_title="Lost on holiday",
    texts=("I lost my card on holiday", "My wallet was lost with my card on holiday"),
)
TOPS = (CARDS, RATES)
ALL = (*TOPS, STOLEN, LOST)

TITLES = {
    0: "Lost or stolen cards",
    1: "Exchange rates and currencies",
    2: "Blocking of stolen cards",
    3: "Cards lost on holiday",
}
DESCRIPTIONS = {
    0: "Users have lost their card, or it was stolen.",
    1: "Users ask about exchange rates.",
    2: "Users want a stolen card blocked.",
    3: "Users have lost a card while on holiday.",
}


def entry(number: int, **changes: Any) -> dict[str, Any]:
    """A good name of a group, with changes."""
    description = DESCRIPTIONS.get(number, "")
    return {"id": number, "title": TITLES.get(number, ""), "description": description} | changes


def shown(request: Request) -> list[dict[str, Any]]:
    """The data that a request shows, line by line."""
    inside = request.texts[1].partition("\nBEGIN GROUPS ")[2].partition("\nEND GROUPS ")[0]
    return [json.loads(line) for line in inside.split("\n")[1:]]


def shown_groups(request: Request) -> dict[int, dict[str, Any]]:
    """The groups that a request shows, by id."""
    return {one["id"]: one for one in shown(request) if "id" in one}


def names(**changes: Mapping[str, Any]) -> Callable[[Request], Answer]:
    """Good names for all groups that are asked about, but for changes by ``g`` and id."""

    def script(request: Request) -> Answer:
        ids = list(shown_groups(request))
        return Structured({"groups": [entry(i, **changes.get(f"g{i}", {})) for i in ids]})

    return script
