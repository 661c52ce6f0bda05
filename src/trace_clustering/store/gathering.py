"""What is known of a run's traces, gathered in one table for those who look through them.

What is known of each sampled trace is gathered once, when a run has ended; of older runs when
somebody first looks. So a page costs the same however many traces are stored beside, and a list
does not change while somebody turns its pages. Gathering again changes nothing.
"""

from __future__ import annotations

import threading

from trace_clustering.constants import RENDERING_MINIMAL, RENDERING_PREFIX
from trace_clustering.store.database import Database
from trace_clustering.store.findings import MAX_TEXT_CHARS
from trace_clustering.store.texts import TEXTS_OF_CHOSEN as _TEXTS_OF_CHOSEN

MAX_OPENING_CHARS = 300


class Gathering:
    def __init__(self, database: Database) -> None:
        self._db = database
        self._gathered: set[tuple[int, str]] = set()
        self._lock = threading.Lock()

    def gather(self, team_id: int, run_id: str) -> None:
        """Gather what is known of a run's traces, unless that was done or the run has not ended."""
        run = (team_id, run_id)
        if run in self._gathered:
            return
        with self._lock:
            if run not in self._gathered and self._is_to_be_gathered(team_id, run_id):
                self._db.execute(
                    _GATHER,
                    team_id=team_id,
                    run_id=run_id,
                    prefix=RENDERING_PREFIX,
                    minimal=RENDERING_MINIMAL,
                    chars=MAX_TEXT_CHARS,
                    opening_chars=MAX_OPENING_CHARS,
                )
                self._gathered.add(run)

    def _is_to_be_gathered(self, team_id: int, run_id: str) -> bool:
        counts = self._db.select(_PROGRESS, team_id=team_id, run_id=run_id)[0]
        if counts["gathered"] and counts["gathered"] >= counts["assigned"]:
            self._gathered.add((team_id, run_id))
            return False
        return bool(counts["assigned"] and counts["ended"])


_PROGRESS = """
    SELECT
        (SELECT count() FROM clustering_traces FINAL
            WHERE team_id = {team_id:Int64} AND run_id = {run_id:String}) AS gathered,
        (SELECT count() FROM clustering_assignments FINAL
            WHERE team_id = {team_id:Int64} AND run_id = {run_id:String}) AS assigned,
        (SELECT count() FROM clustering_runs FINAL
            WHERE team_id = {team_id:Int64} AND run_id = {run_id:String}
                AND status IN ('completed', 'failed', 'cancelled', 'timed_out')) AS ended
"""

# A trace that came as one line takes no time: how long it took is not known.
_GATHER = f"""
    INSERT INTO clustering_traces (
        team_id, run_id, trace_id, timestamp, cluster_id, distance, leaf_id, x, y,
        outlier_score, is_outlier, outlier_reason, title, opening, content, models, tools,
        input_tokens, output_tokens, cost_usd, latency, errors, is_error, user_id, session_id,
        created_at
    )
    WITH chosen AS (
        SELECT trace_id, timestamp, cluster_id, distance, created_at
        FROM clustering_assignments FINAL
        WHERE team_id = {{team_id:Int64}} AND run_id = {{run_id:String}}
    )
    SELECT {{team_id:Int64}}, {{run_id:String}}, a.trace_id, a.timestamp, a.cluster_id, a.distance,
        if(l.trace_id = '', NULL, l.leaf_id),
        if(m.trace_id = '', NULL, m.x), if(m.trace_id = '', NULL, m.y),
        if(o.trace_id = '', NULL, o.score), if(o.trace_id = '', NULL, o.is_outlier), o.reason,
        t.title,
        substringUTF8(if(e.opening = '', e.content, e.opening), 1, {{opening_chars:UInt32}}),
        substringUTF8(e.content, 1, {{chars:UInt32}}), t.models, t.tools,
        t.input_tokens, t.output_tokens, t.cost_usd, nullIf(t.duration, 0),
        if(t.trace_id = '', NULL, t.errors), if(t.trace_id = '', NULL, t.is_error),
        t.user_id, t.session_id, a.created_at
    FROM chosen AS a
    LEFT JOIN (
        SELECT trace_id, leaf_id FROM clustering_leaves FINAL
        WHERE team_id = {{team_id:Int64}} AND run_id = {{run_id:String}}
    ) AS l ON l.trace_id = a.trace_id
    LEFT JOIN (
        SELECT trace_id, x, y FROM clustering_map FINAL
        WHERE team_id = {{team_id:Int64}} AND run_id = {{run_id:String}}
    ) AS m ON m.trace_id = a.trace_id
    LEFT JOIN (
        SELECT trace_id, score, is_outlier, reason FROM clustering_outliers FINAL
        WHERE team_id = {{team_id:Int64}} AND run_id = {{run_id:String}}
    ) AS o ON o.trace_id = a.trace_id
    LEFT JOIN (
        SELECT trace_id, title, models, tools, input_tokens, output_tokens, cost_usd, duration,
            errors, is_error, user_id, session_id
        FROM traces FINAL
        WHERE team_id = {{team_id:Int64}} AND trace_id IN (SELECT trace_id FROM chosen)
    ) AS t ON t.trace_id = a.trace_id
    LEFT JOIN ({_TEXTS_OF_CHOSEN}) AS e ON e.document_id = a.trace_id
"""
