"""``document_embeddings``: vectors in, and what a run needs to know of them.

Queries over many traces never touch a vector: ``is_usable`` was computed when it came in.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trace_clustering.constants import RENDERING_MINIMAL, RENDERING_PREFIX
from trace_clustering.inputs import parse_rfc3339
from trace_clustering.models import Excluded, TeamSummary, TraceDocument, VectorFamily, Window
from trace_clustering.store.database import Database, table
from trace_clustering.store.parts import parts
from trace_clustering.store.times import as_millis, as_utc, from_micros

PRODUCT = "llm-analytics"
DOCUMENT_TYPE = "llm-trace"

_MILLISECONDS = pa.timestamp("ms", tz="UTC")

_INSIDE = """
    timestamp >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
    AND timestamp < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
"""
_OUTSIDE = """
    (timestamp < fromUnixTimestamp64Milli({start:Int64}, 'UTC')
    OR timestamp >= fromUnixTimestamp64Milli({end:Int64}, 'UTC'))
"""
_IN_WINDOW = f"{_INSIDE} AND startsWith(rendering, {{renderings:String}})"
_OF_TEAM = """
    team_id = {team_id:Int64} AND startsWith(rendering, {renderings:String})
    AND inserted_at <= fromUnixTimestamp64Micro({cutoff:Int64}, 'UTC')
"""
_IN_SCOPE = f"{_INSIDE} AND {_OF_TEAM}"
# ``renderings`` is what their names begin with: one, or all that are of traces.
_IN_FAMILY = "model_name = {model:String} AND length(embedding) = {dimensions:UInt32} AND is_usable"

# A trace that turns out to begin earlier or later leaves a row under its old time. This gives the
# rows outside of the window that may be later than those inside: hardly ever any, for most were
# stored before anything in the window, or are of traces that it lacks. Hashes take less memory
# than ids; one that two ids share only lets a row through that is of no trace of the window.
_ELSEWHERE = f"""
    SELECT document_id, inserted_at FROM document_embeddings
    WHERE {_OUTSIDE} AND {_OF_TEAM} AND {_IN_FAMILY}
        AND inserted_at > (
            SELECT min(inserted_at) FROM document_embeddings WHERE {_IN_SCOPE} AND {_IN_FAMILY}
        )
        AND cityHash64(document_id) IN (
            SELECT cityHash64(document_id) FROM document_embeddings
            WHERE {_IN_SCOPE} AND {_IN_FAMILY}
        )
"""

# Each trace once, where its latest vector of the family, if it has any, is of the window.
_COUNT = f"""
    SELECT countIf(fits) AS usable,
        countIf(NOT fits AND same_model) AS other_dimensions,
        countIf(NOT same_model AND valid) AS other_model,
        countIf(NOT valid) AS invalid
    FROM (
        SELECT document_id, max(is_fit) AS fits, max(is_valid) AS valid,
            max(is_valid AND is_same_model) AS same_model
        FROM (
            SELECT document_id, inserted_at, true AS is_here, {_IN_FAMILY} AS is_fit,
                is_usable AS is_valid, model_name = {{model:String}} AS is_same_model
            FROM document_embeddings WHERE {_IN_SCOPE}
            UNION ALL
            SELECT document_id, inserted_at, false, true, true, true FROM ({_ELSEWHERE})
        )
        GROUP BY document_id
        HAVING maxIf(inserted_at, is_here AND is_fit) >= maxIf(inserted_at, NOT is_here)
    )
"""

_DRAW = f"""
    INSERT INTO clustering_samples (team_id, run_id, attempt, trace_id, timestamp, embedding)
    SELECT team_id, {{run_id:String}}, {{attempt:UInt32}}, document_id, timestamp, embedding
    FROM document_embeddings
    WHERE {_IN_SCOPE} AND {_IN_FAMILY} AND (document_id, inserted_at) IN (
        SELECT document_id, max(inserted_at)
        FROM (
            SELECT document_id, inserted_at, true AS is_here
            FROM document_embeddings WHERE {_IN_SCOPE} AND {_IN_FAMILY}
            UNION ALL
            SELECT document_id, inserted_at, false FROM ({_ELSEWHERE})
        )
        GROUP BY document_id
        HAVING maxIf(inserted_at, is_here) >= maxIf(inserted_at, NOT is_here)
        ORDER BY sipHash64Keyed((toUInt64({{seed:UInt64}}), toUInt64(0)), document_id),
            document_id
        LIMIT {{size:UInt64}}
    )
    ORDER BY document_id, rendering, timestamp
    LIMIT 1 BY document_id
"""

_OF_ANOTHER_MODEL = """
    SELECT document_id, rendering, max(inserted_at) AS newest
    FROM document_embeddings
    WHERE team_id = {team_id:Int64} AND startsWith(rendering, {renderings:String})
    GROUP BY document_id, rendering
    HAVING maxIf(inserted_at, model_name = {model:String}) < newest
"""


def content_key(document: TraceDocument) -> str:
    """What tells whether a document is stored already, unchanged: a digest of all it says."""
    return _digest(document.content, document.metadata, as_millis(document.timestamp))


class Embeddings:
    def __init__(self, database: Database) -> None:
        self._db = database

    def insert(
        self,
        team_id: int,
        documents: Sequence[TraceDocument],
        vectors: NDArray[np.float32],
        model_name: str,
    ) -> None:
        """Store one vector a document; ``vectors`` has shape (len(documents), dimensions)."""
        n = len(documents)
        columns = {
            "team_id": ([team_id] * n, pa.int64()),
            "product": ([PRODUCT] * n, pa.string()),
            "document_type": ([DOCUMENT_TYPE] * n, pa.string()),
            "model_name": ([model_name] * n, pa.string()),
            "rendering": ([d.rendering for d in documents], pa.string()),
            "document_id": ([d.document_id for d in documents], pa.string()),
            "timestamp": ([d.timestamp for d in documents], _MILLISECONDS),
            "content": ([d.content for d in documents], pa.string()),
            "metadata": ([d.metadata for d in documents], pa.string()),
        }
        rows = table(columns).append_column("embedding", vector_column(vectors))
        self._db.insert("document_embeddings", rows)

    def stored_keys(
        self, team_id: int, documents: Sequence[TraceDocument], model_name: str
    ) -> set[tuple[str, str, str]]:
        """(document_id, rendering, content key) of these as they were last stored.

        Of the latest version of the model alone: where two summarize a trace at once, the older
        text may be stored last, and then the newer is to be stored again.
        """
        first = min(as_millis(d.timestamp) for d in documents)
        last = max(as_millis(d.timestamp) for d in documents)
        rows = [
            row
            for ids in parts(d.document_id for d in documents)
            for row in self._db.select(
                """
                SELECT document_id, rendering, content, metadata,
                    toUnixTimestamp64Milli(timestamp) AS millis
                FROM document_embeddings
                WHERE team_id = {team_id:Int64} AND model_name = {model:String}
                    AND (document_id, rendering, inserted_at) IN (
                        SELECT document_id, rendering, max(inserted_at)
                        FROM document_embeddings
                        WHERE team_id = {team_id:Int64} AND model_name = {model:String}
                            AND document_id IN {ids:Array(String)}
                        GROUP BY document_id, rendering
                    )
                    AND timestamp >= fromUnixTimestamp64Milli({first:Int64}, 'UTC')
                    AND timestamp <= fromUnixTimestamp64Milli({last:Int64}, 'UTC')
                """,
                team_id=team_id,
                model=model_name,
                ids=ids,
                first=first,
                last=last,
            )
        ]
        return {
            (r["document_id"], r["rendering"], _digest(r["content"], r["metadata"], r["millis"]))
            for r in rows
        }

    def now_micros(self) -> int:
        """The store's own clock, in microseconds since 1970: the one ``inserted_at`` uses."""
        rows = self._db.select("SELECT toUnixTimestamp64Micro(now64(6)) AS now")
        return int(rows[0]["now"])

    def find_family(
        self, team_id: int, window: Window, cutoff: int, rendering: str = RENDERING_MINIMAL
    ) -> VectorFamily | None:
        """Model and length of most of the team's traces; the more recent of equals.

        Another rendering counts only where there is nothing of ``rendering``.
        """
        rows = self._db.select(
            f"""
            SELECT model_name, length(embedding) AS dimensions, rendering,
                uniqExact(document_id) AS traces, max(inserted_at) AS newest
            FROM document_embeddings
            WHERE {_IN_SCOPE} AND is_usable
            GROUP BY model_name, dimensions, rendering
            ORDER BY rendering = {{rendering:String}} DESC, traces DESC, newest DESC,
                model_name, dimensions, rendering
            LIMIT 1
            """,
            **_scope(team_id, window, cutoff),
            rendering=rendering,
        )
        if not rows:
            return None
        return VectorFamily(rows[0]["model_name"], int(rows[0]["dimensions"]), rows[0]["rendering"])

    def count(
        self, team_id: int, window: Window, cutoff: int, family: VectorFamily | None
    ) -> tuple[int, Excluded]:
        """Traces with a usable vector of ``family``, and those left out, each trace once."""
        rows = self._db.select(
            _COUNT,
            **_scope(team_id, window, cutoff, family),
            **_family(family or VectorFamily("", 0)),
        )
        row = rows[0]
        excluded = Excluded(row["other_model"], row["other_dimensions"], row["invalid"])
        return int(row["usable"]), excluded

    def without_vector(self, team_id: int, model_name: str, *, limit: int) -> list[TraceDocument]:
        """Latest texts whose latest vector is of another model, by trace id."""
        rows = self._db.select(
            f"""
            SELECT document_id, rendering, content, metadata,
                toUnixTimestamp64Milli(timestamp) AS millis
            FROM document_embeddings
            WHERE team_id = {{team_id:Int64}} AND (document_id, rendering, inserted_at) IN (
                {_OF_ANOTHER_MODEL} ORDER BY document_id, rendering LIMIT {{limit:UInt64}}
            )
            ORDER BY document_id, rendering LIMIT 1 BY document_id, rendering
            """,
            team_id=team_id,
            model=model_name,
            renderings=RENDERING_PREFIX,
            limit=limit,
        )
        return [
            TraceDocument(
                r["document_id"],
                from_micros(r["millis"] * 1000),
                r["rendering"],
                r["content"],
                r["metadata"],
            )
            for r in rows
        ]

    def count_without_vector(self, team_id: int, model_name: str) -> int:
        """How many texts have their latest vector of another model."""
        rows = self._db.select(
            f"SELECT count() AS n FROM ({_OF_ANOTHER_MODEL})",
            team_id=team_id,
            model=model_name,
            renderings=RENDERING_PREFIX,
        )
        return int(rows[0]["n"])

    def draw_sample(
        self,
        team_id: int,
        run_id: str,
        attempt: int,
        *,
        window: Window,
        cutoff: int,
        family: VectorFamily,
        size: int,
        seed: int,
    ) -> int:
        """Copy a random sample of traces, latest vector each, to ``clustering_samples``.

        Which traces are drawn depends on their ids and ``seed`` alone: those with the smallest
        keyed hashes. Returns how many were drawn, ``size`` at most.
        """
        self._db.execute(
            _DRAW,
            **_scope(team_id, window, cutoff, family),
            **_family(family),
            run_id=run_id,
            attempt=attempt,
            size=size,
            seed=seed,
        )
        rows = self._db.select(
            "SELECT count() AS n FROM clustering_samples WHERE team_id = {team_id:Int64} "
            "AND run_id = {run_id:String} AND attempt = {attempt:UInt32}",
            team_id=team_id,
            run_id=run_id,
            attempt=attempt,
        )
        return int(rows[0]["n"])

    def teams(
        self,
        *,
        window: Window | None = None,
        min_embeddings: int = 1,
        allowed: Sequence[int] = (),
        after: int | None = None,
        limit: int = 10_000,
    ) -> list[TeamSummary]:
        """Teams with at least ``min_embeddings`` usable traces, by ascending id.

        Of all queries only this one looks across teams: it is how they are found.
        """
        # Traces that moved to another window count here too: a run of the team looks closer.
        start, end = _bounds(window) if window else (0, 2**43)
        rows = self._db.select(
            f"""
            SELECT team_id, uniqExact(document_id) AS traces,
                min(timestamp) AS first, max(timestamp) AS last
            FROM document_embeddings
            WHERE {_IN_WINDOW} AND is_usable AND team_id > {{after:Int64}}
                AND (empty({{allowed:Array(Int64)}}) OR has({{allowed:Array(Int64)}}, team_id))
            GROUP BY team_id HAVING traces >= {{least:UInt64}}
            ORDER BY team_id LIMIT {{limit:UInt64}}
            """,
            start=start,
            end=end,
            renderings=RENDERING_PREFIX,
            after=-(2**63) if after is None else after,
            allowed=list(allowed),
            least=min_embeddings,
            limit=limit,
        )
        return [
            TeamSummary(r["team_id"], int(r["traces"]), as_utc(r["first"]), as_utc(r["last"]))
            for r in rows
        ]


def vector_column(vectors: NDArray[np.float32]) -> pa.Array:
    """A column of vectors from a matrix of shape (n, dimensions), without a copy."""
    flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])


def read_matrix(
    batches: Sequence[pa.RecordBatch], column: str, dimensions: int
) -> NDArray[np.float32]:
    """Copy a column of vectors into one matrix of shape (rows, dimensions)."""
    matrix = np.empty((sum(map(len, batches)), dimensions), dtype=np.float32)
    filled = 0
    for batch in batches:
        block = batch.column(column).flatten().to_numpy(zero_copy_only=False)
        matrix[filled : filled + len(batch)] = block.reshape(-1, dimensions)
        filled += len(batch)
    return matrix


def _digest(content: str, metadata: str, millis: int) -> str:
    return hashlib.sha256(json.dumps([content, metadata, millis]).encode()).hexdigest()


def _bounds(window: Window) -> tuple[int, int]:
    start = parse_rfc3339("window_start", window.start)
    end = parse_rfc3339("window_end", window.end)
    return as_millis(start), as_millis(end)


def _scope(
    team_id: int, window: Window, cutoff: int, family: VectorFamily | None = None
) -> dict[str, object]:
    start, end = _bounds(window)
    return {
        "team_id": team_id,
        "start": start,
        "end": end,
        "renderings": family.rendering if family else RENDERING_PREFIX,
        "cutoff": cutoff,
    }


def _family(family: VectorFamily) -> dict[str, object]:
    return {"model": family.model_name, "dimensions": family.dimensions}
