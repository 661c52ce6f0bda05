"""What is known of the traces of each group of a run: one query for all groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from trace_clustering.models.findings import OF_RUN, Amounts
from trace_clustering.store.database import Database
from trace_clustering.store.times import as_utc


@dataclass(frozen=True)
class KnownOfGroup:
    """Counts and amounts of one group; see ``GroupFacts`` for what they mean."""

    traces: int
    known: int
    users: int
    sessions: int
    cost_usd: Amounts | None
    latency_p50: float | None
    latency_p95: float | None
    input_tokens: int | None
    output_tokens: int | None
    errors: int
    models: list[tuple[str, int]]
    tools: list[tuple[str, int]]
    first_seen: datetime
    last_seen: datetime
    by_day: list[tuple[str, int]]


def group_facts(
    database: Database, team_id: int, run_id: str, paths: Mapping[int, Sequence[int]]
) -> dict[int, KnownOfGroup]:
    """What is known of every group's traces, and under ``OF_RUN`` of all.

    Args:
        paths: for each leaf the groups below the top that it belongs to, itself among them;
            empty if the run has no levels.
    """
    rows = database.select(
        _FACTS,
        team_id=team_id,
        run_id=run_id,
        leaves=list(paths),
        paths=[list(path) for path in paths.values()],
        of_run=OF_RUN,
    )
    return {int(row["group_id"]): _known(row) for row in rows}


# A trace that came as one line takes no time: how long it took is not known.
# Sums of fractions are taken in the order of their size: any other order, such as that in which
# threads come by, would round differently from one time to the next.
_FACTS = """
    SELECT group_id, count() AS traces, countIf(is_known) AS known,
        uniqExactIf(user_id, user_id != '') AS users,
        uniqExactIf(session_id, session_id != '') AS sessions,
        count(cost_usd) AS priced, arraySum(arraySort(groupArray(cost_usd))) AS cost_total,
        quantilesExactInclusive(0.5, 0.95)(cost_usd) AS cost_quantiles,
        countIf(duration > 0) AS timed,
        quantilesExactInclusiveIf(0.5, 0.95)(duration, duration > 0) AS latency_quantiles,
        sumOrNull(input_tokens) AS tokens_in, sumOrNull(output_tokens) AS tokens_out,
        countIf(is_error = 1) AS errors,
        sumMap(used_models, arrayMap(name -> toUInt64(1), used_models)) AS by_model,
        sumMap(used_tools, arrayMap(name -> toUInt64(1), used_tools)) AS by_tool,
        min(timestamp) AS first_seen, max(timestamp) AS last_seen,
        sumMap([toDate(timestamp, 'UTC')], [toUInt64(1)]) AS by_date
    FROM (
        SELECT a.timestamp AS timestamp, t.trace_id != '' AS is_known,
            t.user_id AS user_id, t.session_id AS session_id, t.cost_usd AS cost_usd,
            t.duration AS duration, t.input_tokens AS input_tokens,
            t.output_tokens AS output_tokens, t.is_error AS is_error,
            arrayMap(name -> toString(name), arrayDistinct(t.models)) AS used_models,
            arrayMap(name -> toString(name), arrayDistinct(t.tools)) AS used_tools,
            arrayJoin(arrayConcat(
                [{of_run:Int32}, toInt32(a.cluster_id)],
                {paths:Array(Array(Int32))}[indexOf({leaves:Array(Int32)}, toInt32(l.leaf_id))]
            )) AS group_id
        FROM (
            SELECT trace_id, timestamp, cluster_id FROM clustering_assignments FINAL
            WHERE team_id = {team_id:Int64} AND run_id = {run_id:String}
        ) AS a
        LEFT JOIN (
            SELECT trace_id, leaf_id FROM clustering_leaves FINAL
            WHERE team_id = {team_id:Int64} AND run_id = {run_id:String}
        ) AS l ON l.trace_id = a.trace_id
        LEFT JOIN (
            SELECT trace_id, models, tools, input_tokens, output_tokens, cost_usd, duration,
                is_error, user_id, session_id
            FROM traces FINAL
            WHERE team_id = {team_id:Int64} AND trace_id IN (
                SELECT trace_id FROM clustering_assignments
                WHERE team_id = {team_id:Int64} AND run_id = {run_id:String}
            )
        ) AS t ON t.trace_id = a.trace_id
    )
    GROUP BY group_id ORDER BY group_id
"""


def _known(row: Mapping[str, Any]) -> KnownOfGroup:
    p50, p95 = row["latency_quantiles"]
    return KnownOfGroup(
        traces=int(row["traces"]),
        known=int(row["known"]),
        users=int(row["users"]),
        sessions=int(row["sessions"]),
        cost_usd=_amounts(row),
        latency_p50=p50 if row["timed"] else None,
        latency_p95=p95 if row["timed"] else None,
        input_tokens=row["tokens_in"],
        output_tokens=row["tokens_out"],
        errors=int(row["errors"]),
        models=_most_frequent_first(row["by_model"]),
        tools=_most_frequent_first(row["by_tool"]),
        first_seen=as_utc(row["first_seen"]),
        last_seen=as_utc(row["last_seen"]),
        by_day=_every_day(dict(zip(*row["by_date"], strict=True))),
    )


def _amounts(row: Mapping[str, Any]) -> Amounts | None:
    if not row["priced"]:
        return None
    p50, p95 = row["cost_quantiles"]
    total = row["cost_total"]
    return Amounts(total, total / row["priced"], p50, p95)


def _most_frequent_first(counts: tuple[list[str], list[int]]) -> list[tuple[str, int]]:
    return sorted(zip(*counts, strict=True), key=lambda one: (-one[1], one[0]))


def _every_day(counts: Mapping[date, int]) -> list[tuple[str, int]]:
    """Ascending, days without any trace among them."""
    first, last = min(counts), max(counts)
    days = [first + timedelta(days=i) for i in range((last - first).days + 1)]
    return [(day.isoformat(), int(counts.get(day, 0))) for day in days]
