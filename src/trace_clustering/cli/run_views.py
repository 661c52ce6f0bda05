"""How a run looks in a terminal: whether to trust it, and cluster by cluster what it found.

A run that is no answer is never shown as if it were one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.styled import Styled
from rich.text import Text

from trace_clustering import amounts
from trace_clustering.cli.console import (
    VERDICT_STYLES,
    Column,
    Fitted,
    bar,
    counted,
    number_column,
    opening_of,
    plain,
    status_of,
    when,
)
from trace_clustering.run_reading import judgement_of, missing_parts, share_of, title_of

MAX_TEXT_CHARS = 160

_MAX_DAYS = 21
_SPARKS = "▁▂▃▄▅▆▇█"
_NO_TRACE = "·"
_INDENT = 3
_BETWEEN = 2  # blanks between figures
_MOST_KEYWORDS = 8
_BAR_WIDTH = 6
_MANY_ERRORS = 1.5  # times the run's rate


def run_view(detail: Mapping[str, Any], *, title: str | None = None) -> RenderableType:
    """A run: whether to trust it, a sentence, and its clusters with representative traces."""
    return headed_view(detail, _clusters(detail), title=title, hints=True)


def headed_view(
    detail: Mapping[str, Any],
    body: Sequence[RenderableType],
    *,
    title: str | None = None,
    hints: bool = False,
) -> RenderableType:
    """What holds for a run as a whole, and under it what was asked for."""
    run, facts = detail["run"], detail["facts"]
    heading = plain(title or run["run_id"])
    heading.stylize("bold")
    if facts is None:
        return Group(heading, status_of(run), "")
    told = [heading, *_verdict(facts), run_sentence(facts), *_facts_sentence(facts, detail)]
    if judgement_of(facts).is_no_answer:
        told += [Text(), Text("What k-means found all the same", style="dim underline")]
        body = [Styled(Group(*body), "dim")]
    missing = list(_missing(facts))
    told_too = [Text(), *missing] if missing else []
    return Group(*told, *body, *told_too, *(_hints(facts) if hints else ()), "")


def run_sentence(facts: Mapping[str, Any]) -> Text:
    """What was clustered, and into how many clusters."""
    analyzed, sampled = facts["$ai_total_traces_analyzed"], facts["$ai_sampled_traces_count"]
    traces = counted(analyzed, "trace")
    of = f"{sampled:,} of {traces}" if sampled < analyzed else traces
    excluded = sum(facts.get("$ai_excluded_traces", {}).values())
    left_out = f", {excluded:,} left out" if excluded else ""
    scores = ", ".join(
        f"{one['k']}: {one['silhouette_score']:.3f}" for one in facts.get("$ai_scores_by_k", [])
    )
    return Text(
        f"{of} from {when(facts['$ai_window_start'])} to {when(facts['$ai_window_end'])}"
        f"{left_out}; k={facts['$ai_optimal_k']}, "
        f"silhouette {facts['$ai_silhouette_score']:.3f} (by k: {scores})"
    )


def sparkline(facts: Mapping[str, Any] | None, days: Sequence[str]) -> str:
    """How many traces a group had day by day, against its own busiest; empty without facts."""
    counts = [traces for _, _, traces in amounts.per_day(facts, days, _MAX_DAYS)]
    most = max(counts, default=0)
    return "".join(
        _SPARKS[(one * len(_SPARKS) - 1) // most] if one else _NO_TRACE for one in counts
    )


def _verdict(facts: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Whether to trust the run, reason by reason; nothing for runs older than verdicts."""
    if "$ai_missing_parts" not in facts:
        return
    judgement = judgement_of(facts)
    word, meaning = judgement.headline
    style = f"bold {VERDICT_STYLES.get(judgement.verdict, 'yellow')}"
    yield Text.assemble((f"{word}: ", style), plain(meaning))
    for reason in judgement.reasons:
        yield Hanging(plain(reason), " • ")


def _facts_sentence(facts: Mapping[str, Any], detail: Mapping[str, Any]) -> Iterator[Text]:
    of_run = facts.get("$ai_facts")
    if not of_run or not of_run["known"]:
        return
    cost = of_run["cost_usd"] or {}
    days = days_of_run(detail)
    figures = [
        counted(of_run["users"], "user") if of_run["users"] else "",
        counted(of_run["sessions"], "session") if of_run["sessions"] else "",
        f"{amounts.percent(of_run['error_rate'])} errors",
        f"cost {amounts.money(cost['total'])}" if cost else "",
        f"latency p50 {amounts.seconds(of_run['latency_p50'])}, "
        f"p95 {amounts.seconds(of_run['latency_p95'])}",
        f"by day {sparkline(of_run, days)}" if days else "",
    ]
    yield Text("; ".join(filter(None, figures)))


def days_of_run(detail: Mapping[str, Any]) -> list[str]:
    """Every day that the run's traces are counted for, ascending."""
    groups = [one.get("facts") for one in detail["clusters"]]
    return amounts.days_of([detail["facts"].get("$ai_facts"), *groups])


def _missing(facts: Mapping[str, Any]) -> Iterator[RenderableType]:
    """What could not be made, and why."""
    for part, reason in missing_parts(facts):
        yield Text.assemble((f"Without {part}: ", "yellow"), plain(reason, MAX_TEXT_CHARS))


def _hints(facts: Mapping[str, Any]) -> Iterator[Text]:
    """What else there is to see."""
    hints = []
    sizes = (facts.get("$ai_levels") or {}).get("sizes") or [0]
    if len(sizes) > 1:
        hints.append(f"--tree ({' → '.join(map(str, sizes))} groups)")
    if outliers := facts.get("$ai_outliers"):
        number = round(outliers["share"] * facts["$ai_sampled_traces_count"])
        hints += [f"--outliers ({number:,})"] if number else []
    if facts.get("$ai_facts"):
        hints.append("--facts (all figures)")
    if hints:
        yield Text()
        yield Text("More from `show`: " + ", ".join(hints), style="dim")


# -- the clusters -----------------------------------------------------------------------------


def _clusters(detail: Mapping[str, Any]) -> list[RenderableType]:
    facts, clusters = detail["facts"], detail["clusters"]
    if facts is None:
        return []
    if "$ai_missing_parts" not in facts:
        return [_table(clusters)]
    figures = _figures(detail)
    return [
        one
        for cluster, row in zip(clusters, figures, strict=True)
        for one in _card(cluster, row, is_answer=not judgement_of(facts).is_no_answer)
    ]


def _table(clusters: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Clusters of which nothing is known but their traces."""
    columns = (
        number_column("#"),
        number_column("Traces"),
        Column("Share", whole=True),
        Column("Closest to the centre"),
    )
    rows = [
        (
            str(cluster["cluster_id"]),
            f"{cluster['size']:,}",
            f"{cluster['share']:>4.0%} {bar(cluster['share'])}",
            Text("\n").join(
                Text.assemble("• ", plain(opening_of(m), 150)) for m in cluster["members"]
            ),
        )
        for cluster in clusters
    ]
    return Fitted(columns, rows, lines=True)


def _card(
    cluster: Mapping[str, Any], figures: Figures, *, is_answer: bool
) -> Iterator[RenderableType]:
    yield Text()
    title = plain(title_of(cluster))
    title.stylize("bold cyan" if is_answer else "")
    yield Hanging(title, f"{cluster['cluster_id']:<{_INDENT}}")
    yield figures
    if about := _about(cluster):
        yield Hanging(about)
    for text in _examples(cluster):
        yield Hanging(plain(text, MAX_TEXT_CHARS), f"{' ' * _INDENT}• ")


def _examples(cluster: Mapping[str, Any]) -> list[str]:
    """How traces that stand for the cluster begin; of older runs the closest to its centre."""
    examples = [one["opening"] for one in cluster.get("examples") or () if one["opening"]]
    return examples or [opening_of(member) for member in cluster["members"]]


def _about(cluster: Mapping[str, Any]) -> Text | None:
    """A model's description; without one the keywords, since texts follow that are typical."""
    if cluster.get("description") and cluster.get("title_source") == "model":
        return plain(cluster["description"], 3 * MAX_TEXT_CHARS)
    keywords = ", ".join((cluster.get("keywords") or ())[:_MOST_KEYWORDS])
    return Text.assemble((plain(keywords, MAX_TEXT_CHARS).plain, "dim")) if keywords else None


@dataclass(frozen=True)
class Figures:
    """Figures of one group, each as wide as in all groups; as many in a line as fit."""

    cells: Sequence[Text]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        line = indent = Text(" " * _INDENT)
        for cell in self.cells:
            between = " " * _BETWEEN if line is not indent else ""
            if between and line.cell_len + _BETWEEN + cell.cell_len > options.max_width:
                yield line
                line, between = indent, ""
            line = Text.assemble(line, between, cell)
        yield line


def _figures(detail: Mapping[str, Any]) -> list[Figures]:
    """The clusters' figures, so that those of one kind stand below each other."""
    rows = [list(_cells(cluster, detail)) for cluster in detail["clusters"]]
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    return [
        Figures([_right(cell, width) for cell, width in zip(row, widths, strict=True) if width])
        for row in rows
    ]


def _cells(cluster: Mapping[str, Any], detail: Mapping[str, Any]) -> Iterator[Text]:
    total = detail["facts"]["$ai_sampled_traces_count"]
    facts = cluster.get("facts") or {}
    cost, p50 = (facts.get("cost_usd") or {}).get("total"), facts.get("latency_p50")
    stability = cluster.get("stability")
    yield Text(share_of(cluster, total))
    yield Text(f"{bar(cluster['share'], _BAR_WIDTH):<{_BAR_WIDTH}}")
    yield Text(counted(cluster["size"], "trace"))
    yield _errors(facts.get("error_rate"), detail["facts"].get("$ai_facts") or {})
    yield Text("" if cost is None else amounts.money(cost))
    yield Text("" if p50 is None else f"p50 {amounts.seconds(p50)}")
    yield Text("" if stability is None else f"stable {amounts.ratio(stability)}")
    yield Text(sparkline(facts, days_of_run(detail)))


def _errors(rate: float | None, of_run: Mapping[str, Any]) -> Text:
    """A cluster's error rate against the run's."""
    usual = of_run.get("error_rate")
    if rate is None:
        return Text()
    text = f"{amounts.percent(rate)} errors"
    if usual is None:
        return Text(text)
    style = "red" if rate > _MANY_ERRORS * usual else ""
    return Text.assemble((text, style), (f" (run {amounts.percent(usual)})", "dim"))


def _right(cell: Text, width: int) -> Text:
    return Text.assemble(" " * (width - cell.cell_len), cell)


def _width(cell: Text) -> int:
    return cell_len(cell.plain)


@dataclass(frozen=True)
class Hanging:
    """A text after a mark, its further lines below its first."""

    text: Text
    mark: str = " " * _INDENT

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        indent = cell_len(self.mark)
        lines = self.text.wrap(console, max(options.max_width - indent, 1))
        for i, line in enumerate(lines):
            line.rstrip()
            yield Text.assemble(" " * indent if i else self.mark, line)
