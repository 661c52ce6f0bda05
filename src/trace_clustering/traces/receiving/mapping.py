"""From a span's attributes, in any convention, to what they mean.

One walk: every attribute's name is looked up once, and its value goes to a slot, to a branch of a
tree, or stays as it is.
"""

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from trace_clustering.traces.receiving import genai, langfuse, openinference, openllmetry
from trace_clustering.traces.receiving.attributes import Pairs
from trace_clustering.traces.receiving.rules import Family, Reader, Rule, Tree

Path = tuple[int | str, ...]


class Plan(NamedTuple):
    """What to do with an attribute; see ``Rule``.

    Attributes:
        is_property: whether the slot is a property of the event.
        rule: that of a family, if the value is but a part.
        path: where in the family's tree.
    """

    slot: str
    rank: int = 0
    read: Reader | None = None
    keep: bool = False
    is_property: bool = False
    path: Path = ()
    rule: Rule | None = None


def _plan_of(rule: Rule) -> Plan:
    return Plan(rule.slot, rule.rank, rule.read, rule.keep, rule.slot.startswith("$"))


MAX_PLANS: Final = 10_000
"""How many names are remembered with what they mean; strangers may send any number of them."""

_MAX_NAME: Final = 200
_MAX_PATH: Final = 12
_MAX_DIGITS: Final = 6

_CONVENTIONS: Final = (genai, openinference, langfuse, openllmetry)
_FAMILIES: Final[tuple[Family, ...]] = tuple(
    family for convention in _CONVENTIONS for family in convention.FAMILIES
)
_PLANS: Final[dict[str, Plan]] = {
    name: _plan_of(rule) for convention in _CONVENTIONS for name, rule in convention.RULES.items()
}
_UNKNOWN: Final = Plan("unknown")


@dataclass(slots=True)
class Reading:
    """What a span's attributes say.

    Attributes:
        properties: of the event; also attributes that nothing is known of.
        found: by slot, what has yet to be put together.
    """

    properties: dict[str, object] = field(default_factory=dict)
    found: dict[str, Any] = field(default_factory=dict)


def read_attributes(attributes: Pairs) -> Reading:
    """Sort attributes into what their names mean."""
    reading = Reading()
    properties, found = reading.properties, reading.found
    ranks: dict[str, int] = {}
    trees: dict[Rule, Tree] = {}
    # One loop without calls of our own where it can be: it runs for every attribute received.
    for name, value in attributes:
        plan = _PLANS.get(name) or _plan(name)
        if plan is _UNKNOWN:
            properties[name] = value
            continue
        slot, rank, read, keep, is_property, path, rule = plan
        if keep:
            properties[name] = value
        if rule:
            _plant(trees.setdefault(rule, {}), path, value)
        elif rank <= ranks.get(slot, rank):
            content = read(value) if read else value
            if content is None:
                properties[name] = value
                continue
            ranks[slot] = rank
            (properties if is_property else found)[slot] = content
    if trees:
        _harvest(trees, reading, ranks)
    return reading


def _harvest(trees: dict[Rule, Tree], reading: Reading, ranks: dict[str, int]) -> None:
    """Read each tree as the one value that it is."""
    for rule, tree in trees.items():
        if rule.rank > ranks.get(rule.slot, rule.rank):
            continue
        content = rule.read(tree) if rule.read else tree
        if content is not None:
            ranks[rule.slot] = rule.rank
            target = reading.properties if rule.slot.startswith("$") else reading.found
            target[rule.slot] = content


def _plan(name: str) -> Plan:
    """What a name means that is in no table, remembered for the next time."""
    plan = next(
        (_plan_in(family, name) for family in _FAMILIES if name.startswith(family.prefix)),
        _UNKNOWN,
    )
    if len(_PLANS) < MAX_PLANS and len(name) <= _MAX_NAME:
        _PLANS[name] = plan
    return plan


def _plan_in(family: Family, name: str) -> Plan:
    rest = name.removeprefix(family.prefix)
    steps = rest.split(".", _MAX_PATH) if family.indexed else [rest]
    path = tuple(_step(part) for part in steps) if family.indexed else (rest,)
    if not rest or (family.indexed and not isinstance(path[0], int)):
        return _UNKNOWN
    return Plan(family.rule.slot, path=path, rule=family.rule)


def _step(part: str) -> int | str:
    is_index = part.isascii() and part.isdecimal() and len(part) <= _MAX_DIGITS
    return int(part) if is_index else part


def _plant(tree: Any, path: Path, value: object) -> None:
    """Put a value into a tree; a leaf that stands in the way stays."""
    for step in path[:-1]:
        tree = tree.setdefault(step, {})
        if not isinstance(tree, dict):
            return
    tree[path[-1]] = value
