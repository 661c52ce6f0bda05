"""Parts of a run at length: the tree of its groups, its outliers, all facts of its clusters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from trace_clustering import amounts
from trace_clustering.cli.console import counted, plain, when
from trace_clustering.cli.run_views import MAX_TEXT_CHARS, Hanging, days_of_run, sparkline
from trace_clustering.run_reading import Branch, reason_missing, share_of, title_of, tree_of

Facts = Mapping[str, Any]

_LABEL_WIDTH = 14
_FACTS_WIDTH = 19
_MOST_NAMES = 5


def tree_view(detail: Mapping[str, Any]) -> RenderableType:
    """The groups under the clusters, with their sizes and shares."""
    facts = detail["facts"]
    branches = tree_of({**facts, "$ai_clusters": detail["clusters"]})
    if not branches:
        return _absent("Tree", reason_missing(facts, "levels"))
    sizes = facts["$ai_levels"]["sizes"]
    levels = " → ".join(f"{size:,}" for size in sizes)
    undivided = " (the clusters are not divided any further)" if len(sizes) == 1 else ""
    tree = Tree(Text.assemble(("Tree", "bold"), f": {levels} groups{undivided}"), guide_style="dim")
    for branch in branches:
        _grow(tree, branch, facts["$ai_sampled_traces_count"])
    return Group(Text(), tree)


def _grow(tree: Tree, branch: Branch, total: int) -> None:
    group = branch.group
    is_top = group.get("parent") is None
    figures = f"{counted(group['size'], 'trace')}, {share_of(group, total)}"
    label = Text.assemble(
        (f"{group['group_id']} ", "dim"),
        (plain(title_of(group)).plain, "bold" if is_top else ""),
        (f"  {figures}", "dim"),
    )
    below = tree.add(label)
    for one in branch.branches:
        _grow(below, one, total)


def outliers_view(found: Mapping[str, Any]) -> RenderableType:
    """The traces that stand out, the most unusual first."""
    if found["missing"] is not None:
        return _absent("Outliers", found["missing"])
    total, listed = found["total"], found["outliers"]
    if not total:
        return Group(Text(), Text.assemble(("Outliers", "bold"), ": no trace stands out"))
    some = f", the {len(listed):,} most unusual (--limit shows more)" if len(listed) < total else ""
    heading = Text.assemble(
        ("Outliers", "bold"),
        f": {counted(total, 'trace')}, {amounts.percent(found['share'])} of those sampled{some}",
    )
    return Group(Text(), heading, *(line for one in listed for line in _outlier(one)))


def _outlier(outlier: Mapping[str, Any]) -> Iterator[RenderableType]:
    score = f"{outlier['score']:.2f}  "
    yield Text()
    yield Hanging(plain(outlier["opening"] or "its text is no longer kept", MAX_TEXT_CHARS), score)
    yield Hanging(Text.assemble((plain(outlier["reason"]).plain, "yellow")), " " * len(score))
    where = f"{plain(outlier['trace_id']).plain} in cluster {outlier['cluster_id']}"
    yield Hanging(Text(where, style="dim"), " " * len(score))


def facts_view(detail: Mapping[str, Any]) -> RenderableType:
    """Every fact of all sampled traces and of each cluster, side by side."""
    facts = detail["facts"]
    if "$ai_facts" not in facts:
        return _absent("Facts", reason_missing(facts, "facts"))
    columns = [("All", facts["$ai_facts"])]
    for cluster in detail["clusters"]:
        heading = f"{cluster['cluster_id']} {title_of(cluster)}"
        columns.append((heading, cluster.get("facts") or {}))
    return Group(Text(), Text("Facts", style="bold"), _SideBySide(columns, days_of_run(detail)))


@dataclass(frozen=True)
class _SideBySide:
    """Facts of groups, one below the other; as many groups in a table as fit."""

    columns: Sequence[tuple[str, Facts]]
    days: Sequence[str]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.max_width - _LABEL_WIDTH - 4
        at_once = max(1, room // (_FACTS_WIDTH + 3))
        for start in range(0, len(self.columns), at_once):
            yield self._table(self.columns[start : start + at_once])

    def _table(self, columns: Sequence[tuple[str, Facts]]) -> Table:
        table = Table(header_style="bold", border_style="dim")
        table.add_column("", width=_LABEL_WIDTH)
        for heading, _ in columns:
            table.add_column(plain(heading), width=_FACTS_WIDTH, overflow="fold")
        for name, told in _ROWS:
            table.add_row(name, *(told(one) if one else amounts.UNKNOWN for _, one in columns))
        days = [sparkline(one, self.days) or amounts.UNKNOWN for _, one in columns]
        table.add_row("By day", *days)
        return table


def _money(key: str) -> Callable[[Facts], str]:
    return lambda facts: amounts.money((facts.get("cost_usd") or {}).get(key))


def _count(key: str) -> Callable[[Facts], str]:
    return lambda facts: amounts.count(facts.get(key))


def _told(key: str) -> Callable[[Facts], str]:
    """Where nobody told of any, it is not known how many there are."""
    return lambda facts: amounts.count(facts.get(key) or None)


def _seconds(key: str) -> Callable[[Facts], str]:
    return lambda facts: amounts.seconds(facts.get(key))


def _names(key: str) -> Callable[[Facts], Text | str]:
    return lambda facts: Text("\n").join(_most_frequent(facts.get(key) or ())) or amounts.UNKNOWN


def _most_frequent(names: Sequence[tuple[str, int]]) -> Iterator[Text]:
    for name, traces in names[:_MOST_NAMES]:
        yield Text.assemble(plain(name, 60), f" {traces:,}")
    if len(names) > _MOST_NAMES:
        yield Text(f"{len(names) - _MOST_NAMES:,} more", style="dim")


_ROWS: tuple[tuple[str, Callable[[Facts], Text | str]], ...] = (
    ("Traces", _count("traces")),
    ("Share", lambda one: amounts.share_within(one["share"], one["share_low"], one["share_high"])),
    ("With facts", _count("known")),
    ("Users", _told("users")),
    ("Sessions", _told("sessions")),
    ("Errors", lambda facts: amounts.percent(facts.get("error_rate"))),
    ("Cost", _money("total")),
    ("  mean", _money("mean")),
    ("  p50", _money("p50")),
    ("  p95", _money("p95")),
    ("Latency p50", _seconds("latency_p50")),
    ("  p95", _seconds("latency_p95")),
    ("Tokens in", _count("input_tokens")),
    ("  out", _count("output_tokens")),
    ("Models", _names("models")),
    ("Tools", _names("tools")),
    ("First seen", lambda facts: when(facts.get("first_seen"))),
    ("Last seen", lambda facts: when(facts.get("last_seen"))),
)


def _absent(part: str, reason: str | None) -> RenderableType:
    """What was asked for is not there, and why."""
    said = plain(reason or "there is none", MAX_TEXT_CHARS)
    return Group(Text(), Text.assemble((f"{part}: ", "bold"), ("none, ", "yellow"), said))
