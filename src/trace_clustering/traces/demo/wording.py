"""From templates to what a person might have typed."""

from collections.abc import Mapping
from random import Random
from string import ascii_uppercase, digits

from trace_clustering.traces.demo.model import Product

STYLES = {"plain": 0.42, "polite": 0.2, "terse": 0.16, "careless": 0.12, "long": 0.1}
"""How people write, with the share of each."""

_NEIGHBOURS = {"a": "s", "e": "r", "i": "u", "o": "p", "t": "r", "n": "m", "s": "d", "r": "t"}


class Facts(dict[str, str]):
    """The slots of one trace: drawn when first needed, and the same from then on."""

    def __init__(self, slots: Mapping[str, tuple[str, ...]], rng: Random) -> None:
        super().__init__()
        self._slots, self._rng = slots, rng

    def __missing__(self, slot: str) -> str:
        self[slot] = _randomized(self._rng.choice(self._slots[slot]), self._rng)
        return self[slot]


def filled(template: object, facts: Facts) -> object:
    """``template`` with all slots filled, in texts, lists and the values of objects."""
    if isinstance(template, str):
        return template.format_map(facts)
    if isinstance(template, list):
        return [filled(item, facts) for item in template]
    if isinstance(template, Mapping):
        return {key: filled(value, facts) for key, value in template.items()}
    return template


def first_turn(text: str, style: str, product: Product, rng: Random) -> str:
    """The first thing a person writes."""
    if style == "terse":
        return _terse(text)
    if style == "careless":
        return _mistyped(_terse(text), rng)
    opener = rng.choice(product.openers)
    # Somebody who writes without capitals does not write long mails either.
    if text[:1].islower():
        return text if rng.random() < 0.5 else f"{opener} {text}"
    if style == "long":
        asides = rng.sample(product.asides, 2)
        return f"{opener} {asides[0]} {_capitalized(text)} {asides[1]}"
    if style == "polite":
        thanks = rng.choice(("Thank you!", "Thanks in advance.", "Thanks!"))
        return f"{_opened(opener, text)} {thanks}"
    return _capitalized(text) if rng.random() < 0.6 else _opened(opener, text)


def later_turn(text: str, style: str, rng: Random) -> str:
    """A further thing the same person writes."""
    if style == "terse":
        return _terse(text)
    if style == "careless":
        return _mistyped(_terse(text), rng)
    return _capitalized(text)


def _opened(opener: str, text: str) -> str:
    return f"{opener} {_uncapitalized(text) if opener.endswith((',', 'so')) else text}"


def _uncapitalized(text: str) -> str:
    """With a small first letter, unless the first word is a name or "I"."""
    word = text.split(" ", 1)[0]
    return text[0].lower() + text[1:] if word[1:].islower() else text


def _randomized(pattern: str, rng: Random) -> str:
    pools = {"~": digits, "^": ascii_uppercase}
    return "".join(rng.choice(pools[c]) if c in pools else c for c in pattern)


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]


def _terse(text: str) -> str:
    """Without the capital at the start and the mark at the end."""
    return _uncapitalized(text).rstrip(".!?")


def _mistyped(text: str, rng: Random) -> str:
    """With one or two slips in longer words; never in names or codes."""
    words = text.split(" ")
    candidates = [
        i for i, word in enumerate(words) if len(word) > 4 and word.isalpha() and word.islower()
    ]
    for index in rng.sample(candidates, min(len(candidates), rng.randint(1, 2))):
        words[index] = _slip(words[index], rng)
    return " ".join(words)


def _slip(word: str, rng: Random) -> str:
    """One letter left out, doubled, swapped with its neighbour, or struck beside."""
    at = rng.randrange(1, len(word) - 1)
    here, after = word[at], word[at + 1]
    versions = ("", here * 2, after + here, _NEIGHBOURS.get(here, here))
    kind = rng.randrange(len(versions))
    skipped = 2 if kind == 2 else 1
    return word[:at] + versions[kind] + word[at + skipped :]
