"""A team's traces by words and by meaning, whether or not a run sampled them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trace_clustering.constants import RENDERING_MINIMAL, RENDERING_PREFIX
from trace_clustering.models import VectorFamily
from trace_clustering.models.browsing import FoundPage, FoundTrace
from trace_clustering.store.database import Database
from trace_clustering.store.parts import parts
from trace_clustering.store.snippets import snippet
from trace_clustering.store.times import as_utc

MAX_WORDS = 8
"""More words than so many are not looked for."""

MAX_OPENING_CHARS = 300

_GAP = " … "  # Stands between the parts of an embedded text.


def words_of(text: str) -> list[str]:
    """The words of a search, each once; only the first ``MAX_WORDS`` are looked for."""
    return list(dict.fromkeys(text.split()))


class Search:
    def __init__(self, database: Database) -> None:
        self._db = database

    def by_words(self, team_id: int, words: str, *, limit: int, offset: int) -> FoundPage:
        """Traces in whose title, opening or embedded texts every word occurs, in any case.

        The newest first; before them those whose own id, user or session is all that was asked
        for. Only what is said now counts, not what was said before a trace grew.
        """
        wanted = words_of(words)[:MAX_WORDS]
        if not wanted:
            return FoundPage(0, [])
        page = {"limit": limit, "offset": offset}
        values = {
            "team_id": team_id,
            "prefix": RENDERING_PREFIX,
            "all": 2 ** len(wanted) - 1,
            "whole": words.strip(),
            **{f"word{i}": word for i, word in enumerate(wanted)},
        }
        rows = self._db.select(_by_words(len(wanted)), **values, **page)
        if not rows and offset:
            total = self.by_words(team_id, words, limit=1, offset=0).total
            return FoundPage(total, [])
        ids = [row["trace_id"] for row in rows]
        total = int(rows[0]["total"]) if rows else 0
        return FoundPage(total, self._found(team_id, ids, words=wanted))

    def by_meaning(
        self, team_id: int, vector: NDArray[np.float32], family: VectorFamily, *, limit: int
    ) -> FoundPage:
        """Traces whose latest vector points most nearly the same way, the nearest first.

        Args:
            vector: shape (family.dimensions,); one of zeros is near to nothing.
            family: with whose vectors it is compared.
        """
        return self._nearest(team_id, vector.tolist(), family, limit, without="")

    def neighbours(self, team_id: int, trace_id: str, *, limit: int) -> FoundPage:
        """The traces nearest to one by their latest vectors, itself left out.

        Empty where it has no usable vector.
        """
        rows = self._db.select(
            _VECTOR,
            team_id=team_id,
            trace_id=trace_id,
            prefix=RENDERING_PREFIX,
            minimal=RENDERING_MINIMAL,
        )
        if not rows:
            return FoundPage(0, [])
        row = rows[0]
        family = VectorFamily(row["model_name"], len(row["embedding"]), row["rendering"])
        return self._nearest(team_id, list(row["embedding"]), family, limit, without=trace_id)

    def families(self, team_id: int) -> list[VectorFamily]:
        """Of which models, lengths and renderings the team has usable vectors, most rows first."""
        rows = self._db.select(_FAMILIES, team_id=team_id, prefix=RENDERING_PREFIX)
        return [
            VectorFamily(row["model_name"], int(row["dimensions"]), row["rendering"])
            for row in rows
        ]

    def _nearest(
        self, team_id: int, vector: list[float], family: VectorFamily, limit: int, *, without: str
    ) -> FoundPage:
        if not any(vector):
            return FoundPage(0, [])
        rows = self._db.select(
            _NEAREST,
            team_id=team_id,
            vector=vector,
            model=family.model_name,
            dimensions=family.dimensions,
            rendering=family.rendering,
            without=without,
            limit=limit,
        )
        near = {row["trace_id"]: max(-1.0, 1.0 - row["away"]) for row in rows}
        total = int(rows[0]["total"]) if rows else 0
        return FoundPage(total, self._found(team_id, list(near), similarities=near))

    def _found(
        self,
        team_id: int,
        trace_ids: Sequence[str],
        *,
        words: Sequence[str] = (),
        similarities: Mapping[str, float] | None = None,
    ) -> list[FoundTrace]:
        """What is shown of these, in this order."""
        near = similarities or {}
        keys: dict[str, Any] = {
            "team_id": team_id,
            "prefix": RENDERING_PREFIX,
            "minimal": RENDERING_MINIMAL,
        }
        rows = [
            row
            for part in parts(trace_ids)
            for row in self._db.select(_SHOWN, **keys, trace_ids=part)
        ]
        found = {row["trace_id"]: _found(row, words, near.get(row["trace_id"])) for row in rows}
        return [found[trace_id] for trace_id in trace_ids if trace_id in found]


def _found(row: Mapping[str, Any], words: Sequence[str], similarity: float | None) -> FoundTrace:
    content, *others = row["contents"] or [""]
    opening = row["opening"] or content
    return FoundTrace(
        trace_id=row["trace_id"],
        timestamp=as_utc(row["timestamp"]),
        title=row["title"],
        opening=opening[:MAX_OPENING_CHARS],
        similarity=similarity,
        snippet=snippet(
            [row["opening"], row["title"], content, *map(_without_steps, others)], words
        ),
        models=list(row["models"]),
        cost_usd=row["cost_usd"],
        latency=row["latency"],
        is_error=row["is_error"],
        user_id=row["user_id"],
    )


def _without_steps(text: str) -> str:
    """A summary's text without the drawing of its steps, which nobody said."""
    return _GAP.join(part for part in text.split(_GAP) if "→" not in part and "->" not in part)


# -- by words ------------------------------------------------------------------------------------

# A bit for each word that a trace's texts hold. Of each rendering its latest row counts, and of
# the titles the latest too. All is read in one go: it costs the same whatever the words are.
_TEXTS = """
    SELECT document_id AS trace_id, argMax(timestamp, inserted_at) AS begun,
        argMax(#, inserted_at) AS bits, document_id = {whole:String} AS is_named
    FROM (
        SELECT document_id, rendering, timestamp, inserted_at,
            concat(JSONExtractString(metadata, 'opening'), '\\n', content) AS said
        FROM document_embeddings
        WHERE team_id = {team_id:Int64} AND startsWith(rendering, {prefix:String})
    )
    GROUP BY document_id, rendering HAVING bits != 0 OR is_named
"""
_TITLES = """
    SELECT trace_id, argMax(toDateTime64(timestamp, 3, 'UTC'), (version, updated_at)) AS begun,
        argMax(#, (version, updated_at)) AS bits,
        argMax(has([trace_id, user_id, session_id], {whole:String}), (version, updated_at))
            AS is_named
    FROM (
        SELECT trace_id, timestamp, version, updated_at, user_id, session_id, title AS said
        FROM traces WHERE team_id = {team_id:Int64}
    )
    GROUP BY trace_id HAVING bits != 0 OR is_named
"""


_BY_WORDS = f"""
    SELECT trace_id, count() OVER () AS total FROM ({_TEXTS} UNION ALL {_TITLES})
    GROUP BY trace_id HAVING max(is_named) OR groupBitOr(bits) = {{all:UInt16}}
    ORDER BY max(is_named) DESC, min(begun) DESC, trace_id
    LIMIT {{limit:UInt64}} OFFSET {{offset:UInt64}}
"""


def _by_words(words: int) -> str:
    """The statement that looks for so many words."""
    bits = " + ".join(
        f"{2**i} * (positionCaseInsensitiveUTF8(said, {{word{i}:String}}) > 0)"
        for i in range(words)
    )
    return _BY_WORDS.replace("#", bits)


# -- by meaning ----------------------------------------------------------------------------------

_NEAREST = """
    SELECT document_id AS trace_id, count() OVER () AS total,
        argMax(cosineDistance(embedding, {vector:Array(Float32)}), inserted_at) AS away
    FROM document_embeddings
    WHERE team_id = {team_id:Int64} AND rendering = {rendering:String}
        AND model_name = {model:String} AND length(embedding) = {dimensions:UInt32} AND is_usable
        AND document_id != {without:String}
    GROUP BY trace_id ORDER BY away, trace_id LIMIT {limit:UInt64}
"""

_VECTOR = """
    SELECT model_name, rendering, embedding FROM document_embeddings
    WHERE team_id = {team_id:Int64} AND document_id = {trace_id:String} AND is_usable
        AND startsWith(rendering, {prefix:String})
    ORDER BY rendering = {minimal:String} DESC, inserted_at DESC LIMIT 1
"""

_FAMILIES = """
    SELECT model_name, length(embedding) AS dimensions, rendering, count() AS stored
    FROM document_embeddings
    WHERE team_id = {team_id:Int64} AND startsWith(rendering, {prefix:String}) AND is_usable
    GROUP BY model_name, dimensions, rendering
    ORDER BY stored DESC, model_name, dimensions, rendering
"""

# -- what is shown -------------------------------------------------------------------------------

# The minimal rendering is the first of the texts. A trace that waits for its texts has none.
_SHOWN = """
    SELECT if(e.trace_id = '', t.trace_id, e.trace_id) AS trace_id,
        if(e.trace_id = '', t.began, e.begun) AS timestamp, e.opening AS opening,
        e.contents AS contents, t.title AS title, t.models AS models, t.cost_usd AS cost_usd,
        nullIf(t.duration, 0) AS latency, t.user_id AS user_id,
        CAST(if(t.trace_id = '', NULL, t.is_error) AS Nullable(Bool)) AS is_error
    FROM (
        SELECT trace_id, min(at) AS begun,
            argMax(said, rendering = {minimal:String}) AS opening,
            arrayMap(
                one -> one.2, arraySort(groupArray((rendering != {minimal:String}, text)))
            ) AS contents
        FROM (
            SELECT document_id AS trace_id, rendering, argMax(timestamp, inserted_at) AS at,
                argMax(content, inserted_at) AS text,
                JSONExtractString(argMax(metadata, inserted_at), 'opening') AS said
            FROM document_embeddings
            WHERE team_id = {team_id:Int64} AND startsWith(rendering, {prefix:String})
                AND document_id IN {trace_ids:Array(String)}
            GROUP BY document_id, rendering
        )
        GROUP BY trace_id
    ) AS e FULL JOIN (
        SELECT trace_id, toDateTime64(timestamp, 3, 'UTC') AS began, title, models, cost_usd,
            duration, is_error, user_id
        FROM traces
        WHERE team_id = {team_id:Int64} AND trace_id IN {trace_ids:Array(String)}
        ORDER BY version DESC, updated_at DESC LIMIT 1 BY trace_id
    ) AS t ON t.trace_id = e.trace_id
"""
