"""Names of all groups of a run by a language model, within a budget of money, tokens and time."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from trace_clustering.models.findings import GroupName
from trace_clustering.traces.asking import Asker, NoAnswer, Question, Usage
from trace_clustering.traces.endpoints import Patience
from trace_clustering.traces.naming.grounding import bare, grounds_of
from trace_clustering.traces.naming.name_answer import Fault, NamesAnswer, Refusal, check
from trace_clustering.traces.naming.naming_prompt import Known
from trace_clustering.traces.naming.plan import SMALL, fitting_question, plan_of
from trace_clustering.traces.naming.portrait import GroupPortrait, Naming
from trace_clustering.traces.naming.spending import Amount, Spending

MAX_NAMING_SECONDS = 120.0
"""For all questions of a run together."""

# Some models think before they answer, and that counts as written.
_TOKENS_TO_THINK = 6_000
_PULSE_SECONDS = 0.25
_PATIENCE = Patience(budget_seconds=30.0, tries=3)

_NO_FORM = Refusal("missing", "the answer did not have the form that is asked for")
_TWIN = Refusal("repeated", "its title is that of another group")
_FAULTS: dict[Fault, tuple[str, str]] = {
    "missing": ("1 group got no title", "{} groups got no title"),
    "length": ("1 name was too short or too long", "{} names were too short or too long"),
    "form": ("1 name held markup or controls", "{} names held markup or controls"),
    "personal": ("1 name held personal data", "{} names held personal data"),
    "repeated": ("1 title repeated another", "{} titles repeated others"),
    "ungrounded": (
        "1 name did not rest on its group's texts",
        "{} names did not rest on their groups' texts",
    ),
    "ordered": ("1 name said what a trace demands", "{} names said what a trace demands"),
}


class LanguageModelNamer:
    """Names by a model behind any OpenAI-compatible endpoint.

    The top clusters are named together in one question, the groups below likewise, in as few
    questions as will do. Names that cannot be used are sent back once, with what is wrong.

    Args:
        url: the API's base, such as https://host/v1; without a path it gets ``/v1``.
        model: its name there.
        api_key: sent as a bearer token.
        timeout_seconds: for one question.
        budget_usd: for one run, by list prices; counts if the model is on the list.
        budget_tokens: for one run, read and written together.
        total_seconds: for one run.
        patience: with each question.
    """

    def __init__(
        self,
        url: str,
        model: str,
        api_key: str | None = None,
        *,
        timeout_seconds: float = 60.0,
        budget_usd: float = 0.10,
        budget_tokens: int = 100_000,
        total_seconds: float = MAX_NAMING_SECONDS,
        patience: Patience = _PATIENCE,
    ) -> None:
        self._asker = Asker(url, model, api_key, timeout_seconds)
        self._budget = (budget_usd, budget_tokens)
        self._total_seconds = total_seconds
        self._patience = patience

    @property
    def model_name(self) -> str:
        """The model's name as it was given."""
        return self._asker.model

    def name(
        self, groups: Sequence[GroupPortrait], *, on_progress: Callable[[], None] = lambda: None
    ) -> Naming:
        """Name groups; never fails, but says why some have no name.

        Args:
            on_progress: called often, also while an answer is awaited; what it raises breaks
                the naming off.
        """
        patience = replace(self._patience, sleep=_watchful(self._patience.sleep, on_progress))
        clerk = _Clerk(
            self._asker,
            Spending(self.model_name, *self._budget),
            patience,
            self._total_seconds,
            patience.clock() + self._total_seconds,
            on_progress,
        )
        return _Run(groups, clerk).naming()


class _StopError(Exception):
    """No more questions in this run: the message says why."""


@dataclass(frozen=True)
class _Clerk:
    """Asks the questions of a run within its time, and keeps its accounts."""

    asker: Asker
    spending: Spending
    patience: Patience
    total_seconds: float
    ends: float
    on_progress: Callable[[], None]

    def ask(self, question: Question[NamesAnswer], estimate: Amount) -> NamesAnswer | NoAnswer:
        """Ask until there is an answer, or none is to be had.

        Raises:
            _StopError: time is up.
        """
        since = self.patience.clock()
        budget_seconds = min(self.patience.budget_seconds, self.ends - since)
        patience = replace(self.patience, budget_seconds=budget_seconds)
        for tries in itertools.count(1):
            answer = self._once(question, estimate)
            if isinstance(answer, NamesAnswer) or not answer.again:
                return answer
            if not patience.wait(tries, since, answer.asked_seconds):
                return answer
        raise AssertionError("unreachable")

    def _once(self, question: Question[NamesAnswer], estimate: Amount) -> NamesAnswer | NoAnswer:
        self.on_progress()
        left = self.ends - self.patience.clock()
        if left <= 0:
            raise _StopError(f"takes longer than {self.total_seconds:g} seconds for all names")
        usage = Usage()
        try:
            return self.asker.ask(
                question,
                timeout_seconds=min(self.asker.timeout_seconds, left),
                usage=usage,
                on_progress=self.on_progress,
            )
        finally:
            self.spending.count(usage, estimate)


@dataclass
class _Run:
    """The naming of one run's groups.

    Attributes:
        refused: groups whose names were refused for good.
        reasons: why groups have no names, otherwise.
        invented: names of groups that nobody asked about.
        is_small: whether the model's memory may be too small for more than a little.
    """

    groups: Sequence[GroupPortrait]
    clerk: _Clerk
    names: dict[int, GroupName] = field(default_factory=dict)
    refused: dict[int, Refusal] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    invented: int = 0
    is_small: bool = False

    def naming(self) -> Naming:
        try:
            self._name_all()
        except _StopError as stop:
            self.reasons.append(str(stop))
        self._drop_twins()
        spending = self.clerk.spending
        return Naming(
            names=dict(sorted(self.names.items())),
            reason=self._reason(),
            notes=tuple(self._all_notes()),
            input_tokens=spending.spent.read,
            output_tokens=spending.spent.written,
            cost_usd=spending.cost(spending.spent),
        )

    def _name_all(self) -> None:
        plan = plan_of(self.groups, self.clerk.spending)
        if plan.left_out:
            self.reasons.append(plan.left_out)
        for at, batch in enumerate(plan.batches):
            self._name(batch, plan.thrift, plan.later(at), is_first=at == 0)

    def _name(
        self, batch: Sequence[GroupPortrait], thrift: int, later: Amount, *, is_first: bool
    ) -> None:
        """Name groups together; those whose names cannot be used are asked about once more."""
        refusals: dict[int, Refusal] = {}
        for tries in range(2):
            asked = [group for group in batch if group.group_id in refusals or not tries]
            answer = self._answer(asked, thrift, refusals, later)
            if answer is None:
                break
            if isinstance(answer, NamesAnswer):
                refusals = self._taken(answer, batch, asked)
            elif answer.reason == "invalid" and not tries:
                refusals = dict.fromkeys((group.group_id for group in asked), _NO_FORM)
            else:
                self._failed(answer, is_first)
                refusals = {}
            if not refusals:
                return
        self.refused |= refusals

    def _answer(
        self,
        asked: Sequence[GroupPortrait],
        thrift: int,
        refusals: dict[int, Refusal],
        later: Amount,
    ) -> NamesAnswer | NoAnswer | None:
        """Ask; an endpoint that takes no such question may take a smaller one."""
        while True:
            thrift = max(thrift, SMALL) if self.is_small else thrift
            question, estimate = self._question(asked, thrift, refusals, later)
            if question is None:
                return None
            answer = self.clerk.ask(question, estimate)
            if isinstance(answer, NamesAnswer) or answer.reason != "rejected":
                return answer
            if answer.for_every_text or self.is_small:
                return answer
            self.is_small = True

    def _question(
        self,
        asked: Sequence[GroupPortrait],
        thrift: int,
        refusals: dict[int, Refusal],
        later: Amount,
    ) -> tuple[Question[NamesAnswer] | None, Amount]:
        """The question, with as much room to think as can be spared; None: not again.

        Raises:
            _StopError: the budget does not allow it.
        """
        spending = self.clerk.spending
        titles = {group.group_id: group.keyword_title for group in self.groups}
        titles |= {number: name.title for number, name in self.names.items()}
        known = Known(titles, [name.title for name in self.names.values()], refusals)
        question, estimate, excess = fitting_question(asked, known, thrift, spending)
        if excess is not None and refusals:
            self.notes.append(f"asking again {excess}")
            return None, estimate
        if excess is not None:
            raise _StopError(excess)
        most = 0 if self.is_small else _TOKENS_TO_THINK
        room = spending.room(estimate + later, most)
        bounded = replace(question, max_tokens=estimate.written + room)
        return bounded, estimate + Amount(0, room)

    def _taken(
        self, answer: NamesAnswer, batch: Sequence[GroupPortrait], asked: Sequence[GroupPortrait]
    ) -> dict[int, Refusal]:
        """Take the names that can be used; returns why the others cannot."""
        titles = [name.title for name in self.names.values()]
        checked = check(answer, asked, grounds_of(batch), titles)
        self.names |= checked.names
        self.invented += checked.invented
        return checked.refusals

    def _failed(self, answer: NoAnswer, is_first: bool) -> None:
        """Go on with other groups, if they may fare better.

        Raises:
            _StopError: they will not.
        """
        if is_first or answer.reason not in ("invalid", "refused"):
            raise _StopError(answer.detail)
        if answer.detail not in self.reasons:
            self.reasons.append(answer.detail)

    def _drop_twins(self) -> None:
        """Of two groups with one title, leave the one whose title no model gave."""
        while True:
            nameless = {bare(g.keyword_title) for g in self.groups if g.group_id not in self.names}
            twins = [i for i, name in self.names.items() if bare(name.title) in nameless]
            if not twins:
                return
            for number in twins:
                del self.names[number]
                self.refused[number] = _TWIN

    def _reason(self) -> str | None:
        if all(group.group_id in self.names for group in self.groups):
            return None
        counts = Counter(refusal.fault for refusal in self.refused.values())
        refused = [_told(fault, counts[fault]) for fault in _FAULTS if counts[fault]]
        return f"{self.clerk.asker.place}: {'; '.join([*self.reasons, *refused])}"

    def _all_notes(self) -> list[str]:
        notes = list(self.notes)
        if self.invented:
            notes.append(f"names of groups that nobody asked about: {self.invented}")
        excess = self.clerk.spending.excess(Amount())
        return [*notes, f"what was asked {excess}"] if excess else notes


def _told(fault: Fault, count: int) -> str:
    one, many = _FAULTS[fault]
    return one if count == 1 else many.format(count)


def _watchful(
    sleep: Callable[[float], None], on_progress: Callable[[], None]
) -> Callable[[float], None]:
    """Sleep in short pieces, and say between them that somebody is there."""

    def slept(seconds: float) -> None:
        while seconds > 0:
            sleep(min(seconds, _PULSE_SECONDS))
            seconds -= _PULSE_SECONDS
            on_progress()

    return slept
