"""The schema, as numbered steps that are applied at start-up.

ClickHouse has no lock that several starting processes could take, so every step may run
twice and at the same time: each statement says IF NOT EXISTS, or sets what is set already.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from trace_clustering.constants import EVENT_NAME
from trace_clustering.errors import StoreError
from trace_clustering.store.database import Database


@dataclass(frozen=True)
class Migration:
    number: int
    name: str
    statements: tuple[str, ...]


_REGISTRY = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number UInt32,
    name String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ReplacingMergeTree(applied_at) ORDER BY number
"""

# The sort key makes a team's window one range. It ends with ``inserted_at``, so that no merge
# takes away the row that a run under way looks at when the same trace is embedded again. TTL
# counts from the later of both times, so that an old export that is loaded today stays for as
# long as anything else.
_DOCUMENT_EMBEDDINGS = """
CREATE TABLE IF NOT EXISTS document_embeddings (
    team_id Int64,
    product LowCardinality(String),
    document_type LowCardinality(String),
    model_name LowCardinality(String),
    rendering LowCardinality(String),
    document_id String,
    timestamp DateTime64(3, 'UTC'),
    inserted_at DateTime64(6, 'UTC') DEFAULT now64(6),
    content String DEFAULT '',
    metadata String DEFAULT '{}',
    embedding Array(Float32) CODEC(NONE),
    is_usable UInt8 MATERIALIZED
        isFinite(arraySum(embedding)) AND (arrayMax(embedding) != 0 OR arrayMin(embedding) != 0)
) ENGINE = ReplacingMergeTree(inserted_at)
PARTITION BY toMonday(timestamp)
ORDER BY (team_id, toDate(timestamp), product, document_type, model_name, rendering, document_id,
    inserted_at)
TTL toDateTime(greatest(timestamp, inserted_at)) + INTERVAL 92 DAY
"""

_EVENTS = """
CREATE TABLE IF NOT EXISTS events (
    uuid UUID,
    event LowCardinality(String),
    properties String,
    timestamp DateTime64(6, 'UTC'),
    team_id Int64,
    distinct_id String,
    created_at DateTime64(6, 'UTC') DEFAULT now64(6)
) ENGINE = ReplacingMergeTree(created_at)
PARTITION BY toYYYYMM(timestamp)
ORDER BY (team_id, toDate(timestamp), event, distinct_id, uuid)
SETTINGS non_replicated_deduplication_window = 10000
"""

# The workflow is part of the key, so that two that claim one run id see each other.
_RUNS = """
CREATE TABLE IF NOT EXISTS clustering_runs (
    team_id Int64,
    run_id String,
    workflow_id String,
    workflow_run_id String,
    status LowCardinality(String),
    reason String,
    started_at DateTime64(3, 'UTC'),
    finished_at Nullable(DateTime64(3, 'UTC')),
    traces_analyzed UInt64,
    sampled_traces UInt64,
    optimal_k UInt32,
    silhouette_score Nullable(Float64),
    updated_at DateTime64(6, 'UTC') DEFAULT now64(6)
) ENGINE = ReplacingMergeTree(updated_at)
ORDER BY (team_id, run_id, workflow_run_id)
TTL toDateTime(started_at) + INTERVAL 92 DAY
"""

# Vectors of a run's sample, needed for as long as the run may take.
_SAMPLES = """
CREATE TABLE IF NOT EXISTS clustering_samples (
    team_id Int64,
    run_id String,
    attempt UInt32,
    trace_id String,
    timestamp DateTime64(3, 'UTC'),
    embedding Array(Float32) CODEC(NONE),
    created_at DateTime('UTC') DEFAULT now()
) ENGINE = MergeTree
PARTITION BY toDate(created_at)
ORDER BY (team_id, run_id, attempt, trace_id)
TTL created_at + INTERVAL 2 DAY
SETTINGS ttl_only_drop_parts = 1
"""

_CENTROIDS = """
CREATE TABLE IF NOT EXISTS clustering_centroids (
    team_id Int64,
    run_id String,
    stage LowCardinality(String),
    cluster_id UInt32,
    centroid Array(Float32) CODEC(NONE),
    created_at DateTime64(6, 'UTC') DEFAULT now64(6)
) ENGINE = ReplacingMergeTree(created_at)
ORDER BY (team_id, run_id, stage, cluster_id)
TTL toDateTime(created_at) + INTERVAL 92 DAY
"""

_ASSIGNMENTS = """
CREATE TABLE IF NOT EXISTS clustering_assignments (
    team_id Int64,
    run_id String,
    trace_id String,
    timestamp DateTime64(3, 'UTC'),
    cluster_id UInt32,
    distance Float32,
    created_at DateTime64(6, 'UTC') DEFAULT now64(6)
) ENGINE = ReplacingMergeTree(created_at)
PARTITION BY toYYYYMM(created_at)
ORDER BY (team_id, run_id, trace_id)
TTL toDateTime(created_at) + INTERVAL 92 DAY
"""

# Digests of what an event said, the latest last: a merge leaves only its latest row, and an older
# version that is delivered again must not take that one's place.
_EVENTS_VERSIONS = """
ALTER TABLE events ADD COLUMN IF NOT EXISTS versions Array(UInt64)
"""

# A query asks for hundreds at once, so each filter must hardly ever say yes for nothing.
_EVENTS_TRACE_ID = """
ALTER TABLE events ADD COLUMN IF NOT EXISTS
    trace_id String DEFAULT JSONExtractString(properties, '$ai_trace_id')
"""
_EVENTS_BY_TRACE = """
ALTER TABLE events ADD INDEX IF NOT EXISTS
    by_trace trace_id TYPE bloom_filter(0.0001) GRANULARITY 1
"""
_EVENTS_BY_UUID = """
ALTER TABLE events ADD INDEX IF NOT EXISTS
    by_uuid uuid TYPE bloom_filter(0.0001) GRANULARITY 1
"""

# What is known of a trace from its events. ``seen_events`` and ``seen_until`` say how far they
# had come when it was summarized: more or later ones make it one to be done again. The row that
# saw most wins, whatever clocks said when the rows were written. Who saw more saw no less of
# either, so their sum tells; once old events have ended, the time of a new one outweighs their
# number. Of rows that saw the same ClickHouse keeps the one inserted last: that of a redo.
_TRACES = """
CREATE TABLE IF NOT EXISTS traces (
    team_id Int64,
    trace_id String,
    timestamp DateTime64(6, 'UTC'),
    duration Float64,
    name String,
    title String,
    models Array(LowCardinality(String)),
    tools Array(LowCardinality(String)),
    input_tokens Nullable(UInt64),
    output_tokens Nullable(UInt64),
    cost_usd Nullable(Float64),
    cost_source LowCardinality(String),
    errors UInt32,
    is_error UInt8,
    user_id String,
    session_id String,
    spans UInt32,
    status LowCardinality(String),
    reason String,
    attempts UInt32,
    seen_events UInt64,
    seen_until DateTime64(6, 'UTC'),
    updated_at DateTime64(6, 'UTC') DEFAULT now64(6),
    version DateTime64(6, 'UTC') MATERIALIZED addMicroseconds(seen_until, seen_events)
) ENGINE = ReplacingMergeTree(version)
ORDER BY (team_id, trace_id)
TTL toDateTime(greatest(timestamp, updated_at)) + INTERVAL 92 DAY
"""

# Which traces a batch of the summarization holds: only its number travels through Temporal.
_SUMMARIZATION_BATCHES = """
CREATE TABLE IF NOT EXISTS summarization_batches (
    team_id Int64,
    snapshot String,
    batch UInt32,
    trace_id String,
    created_at DateTime('UTC') DEFAULT now()
) ENGINE = MergeTree
PARTITION BY toDate(created_at)
ORDER BY (team_id, snapshot, batch, trace_id)
TTL created_at + INTERVAL 2 DAY
SETTINGS ttl_only_drop_parts = 1
"""

# A key goes from version 0 to 1 when it is revoked, and never back. A time would be no version:
# were the clock set back in between, the key would stay what it was.
_API_KEYS = """
CREATE TABLE IF NOT EXISTS api_keys (
    team_id Int64,
    key_id String,
    name String,
    hint String,
    key_hash String,
    created_at DateTime64(3, 'UTC'),
    revoked_at Nullable(DateTime64(3, 'UTC')),
    version UInt8
) ENGINE = ReplacingMergeTree(version)
ORDER BY (team_id, key_id)
"""

# What a run tells beyond its clusters, part by part, as JSON: of a group of traces, or with the
# group -1 of the run. A part is there once the row that is written last is: the run's.
_FINDINGS = """
CREATE TABLE IF NOT EXISTS clustering_findings (
    team_id Int64,
    run_id String,
    part LowCardinality(String),
    group_id Int32,
    finding String,
    created_at DateTime64(6, 'UTC') DEFAULT now64(6)
) ENGINE = ReplacingMergeTree(created_at)
ORDER BY (team_id, run_id, part, group_id)
TTL toDateTime(created_at) + INTERVAL 92 DAY
"""

# Of each sampled trace. One table a part: each part is made by itself and may be missing.
_LEAVES = """
CREATE TABLE IF NOT EXISTS clustering_leaves (
    team_id Int64,
    run_id String,
    trace_id String,
    leaf_id UInt32,
    created_at DateTime64(6, 'UTC') DEFAULT now64(6)
) ENGINE = ReplacingMergeTree(created_at)
PARTITION BY toYYYYMM(created_at)
ORDER BY (team_id, run_id, trace_id)
TTL toDateTime(created_at) + INTERVAL 92 DAY
"""
_OUTLIERS = """
CREATE TABLE IF NOT EXISTS clustering_outliers (
    team_id Int64,
    run_id String,
    trace_id String,
    score Float64,
    is_outlier UInt8,
    reason String,
    created_at DateTime64(6, 'UTC') DEFAULT now64(6)
) ENGINE = ReplacingMergeTree(created_at)
PARTITION BY toYYYYMM(created_at)
ORDER BY (team_id, run_id, trace_id)
TTL toDateTime(created_at) + INTERVAL 92 DAY
"""
_MAP = """
CREATE TABLE IF NOT EXISTS clustering_map (
    team_id Int64,
    run_id String,
    trace_id String,
    x Float32,
    y Float32,
    created_at DateTime64(6, 'UTC') DEFAULT now64(6)
) ENGINE = ReplacingMergeTree(created_at)
PARTITION BY toYYYYMM(created_at)
ORDER BY (team_id, run_id, trace_id)
TTL toDateTime(created_at) + INTERVAL 92 DAY
"""
_RUNS_VERDICT = """
ALTER TABLE clustering_runs ADD COLUMN IF NOT EXISTS verdict LowCardinality(String)
"""

# What is known of each sampled trace, in one place: as it was when the run had ended, or for older
# runs when somebody first looked. Pages of 50 are read by their ids, so few rows lie between marks.
_BROWSED = """
CREATE TABLE IF NOT EXISTS clustering_traces (
    team_id Int64, run_id String, trace_id String, timestamp DateTime64(3, 'UTC'),
    cluster_id UInt32, distance Float32, leaf_id Nullable(UInt32),
    x Nullable(Float32), y Nullable(Float32),
    outlier_score Nullable(Float64), is_outlier Nullable(UInt8), outlier_reason String,
    title String, opening String, content String CODEC(ZSTD(1)),
    models Array(LowCardinality(String)), tools Array(LowCardinality(String)),
    input_tokens Nullable(UInt64), output_tokens Nullable(UInt64), cost_usd Nullable(Float64),
    latency Nullable(Float64), errors Nullable(UInt32), is_error Nullable(UInt8),
    user_id String, session_id String,
    created_at DateTime64(6, 'UTC')
) ENGINE = ReplacingMergeTree(created_at)
PARTITION BY toYYYYMM(created_at)
ORDER BY (team_id, run_id, trace_id)
TTL toDateTime(created_at) + INTERVAL 92 DAY
SETTINGS index_granularity = 512
"""

MIGRATIONS = (
    Migration(1, "document embeddings", (_DOCUMENT_EMBEDDINGS,)),
    Migration(2, "events", (_EVENTS,)),
    Migration(3, "clustering runs", (_RUNS, _SAMPLES, _CENTROIDS, _ASSIGNMENTS)),
    Migration(
        4,
        "events by trace",
        (_EVENTS_TRACE_ID, _EVENTS_VERSIONS, _EVENTS_BY_TRACE, _EVENTS_BY_UUID),
    ),
    Migration(5, "traces", (_TRACES, _SUMMARIZATION_BATCHES)),
    Migration(6, "keys", (_API_KEYS,)),
    Migration(7, "findings", (_FINDINGS, _LEAVES, _OUTLIERS, _MAP, _RUNS_VERDICT)),
    Migration(8, "traces of runs", (_BROWSED,)),
)

# Column that a row's age counts from, and where only some rows end, which.
_TTL = {
    "document_embeddings": ("greatest(timestamp, inserted_at)", ""),
    "events": ("greatest(timestamp, created_at)", f" WHERE event != '{EVENT_NAME}'"),
    "traces": ("greatest(timestamp, updated_at)", ""),
    "clustering_runs": ("started_at", ""),
    "clustering_centroids": ("created_at", ""),
    "clustering_assignments": ("created_at", ""),
    "clustering_findings": ("created_at", ""),
    "clustering_leaves": ("created_at", ""),
    "clustering_outliers": ("created_at", ""),
    "clustering_map": ("created_at", ""),
    "clustering_traces": ("created_at", ""),
}


def migrate(database: Database, migrations: tuple[Migration, ...] = MIGRATIONS) -> list[int]:
    """Apply what is missing, in order; returns the numbers applied.

    Raises:
        StoreError: a statement failed, or the database is of a newer version than this one.
    """
    database.execute(_REGISTRY)
    applied = {row["number"] for row in database.select("SELECT number FROM schema_migrations")}
    newer = applied - {migration.number for migration in migrations}
    if newer:
        raise StoreError(
            f"the database has schema version {max(newer)}, newer than this program's "
            f"{migrations[-1].number}: upgrade trace-clustering"
        )
    missing = [migration for migration in migrations if migration.number not in applied]
    for migration in missing:
        for statement in migration.statements:
            database.execute(statement)
        database.execute(
            "INSERT INTO schema_migrations (number, name) VALUES ({number:UInt32}, {name:String})",
            number=migration.number,
            name=migration.name,
        )
    return [migration.number for migration in missing]


def set_retention(database: Database, days: int) -> None:
    """Keep traces, vectors and runs for ``days``; what runs found is kept for ever."""
    for table, (column, which) in _TTL.items():
        wanted = f"TTL toDateTime({column}) + toIntervalDay({days}){which}"
        if wanted not in _engine(database, table):
            database.execute(
                f"ALTER TABLE {table} MODIFY {wanted} SETTINGS materialize_ttl_after_modify = 0"
            )


def events_kept_days(database: Database) -> int:
    """The days that ``set_retention`` was last given, by whichever process."""
    found = re.search(r" TTL .*toIntervalDay\((\d+)\)", _engine(database, "events"))
    if found is None:
        raise StoreError("the table events does not say how long its rows are kept")
    return int(found[1])


def _engine(database: Database, table: str) -> str:
    rows = database.select(
        "SELECT engine_full FROM system.tables "
        "WHERE database = {database:String} AND name = {table:String}",
        database=database.name,
        table=table,
    )
    return str(rows[0]["engine_full"])
