"""The contract's names, defaults and timeouts.

Values an operator may want to change are also settings (see ``settings.py``), which take
their defaults from here. Names that other systems rely on are not settings.
"""

from datetime import timedelta

# Names that clients, dashboards and schedules refer to.
WORKFLOW_NAME = "daily-trace-clustering"
COORDINATOR_WORKFLOW_NAME = "trace-clustering-coordinator"
COORDINATOR_SCHEDULE_ID = "trace-clustering-coordinator-schedule"
TASK_QUEUE = "llm-analytics-queue"
EVENT_NAME = "$ai_trace_clusters"
EMBEDDINGS_TABLE = "document_embeddings"
RENDERING_PREFIX = "llma_trace_"
RENDERING_MINIMAL = "llma_trace_minimal"
RENDERING_DETAILED = "llma_trace_detailed"
CLUSTERING_VERSION = "v1"

# What is clustered.
DEFAULT_LOOKBACK_DAYS = 7
DEFAULT_MAX_SAMPLES = 2000
DEFAULT_MIN_K = 3
DEFAULT_MAX_K = 6
MIN_TRACES_FOR_CLUSTERING = 20
ALLOWED_TEAM_IDS: list[int] = []  # empty: every team with enough embeddings

# Bounds beyond which a run could not end within its timeouts.
MAX_LOOKBACK_DAYS = 366
MAX_MAX_SAMPLES = 100_000
MAX_MAX_K = 100

# Trace lines that one request may hold; a single longer line cannot be taken.
MAX_BODY_BYTES = 64 * 1024 * 1024

# The coordinator.
DEFAULT_INTERVAL_DAYS = 1
DEFAULT_MIN_EMBEDDINGS = 20
DEFAULT_MAX_CONCURRENT_TEAMS = 4
# Three to seven history events per child: far below the server's 51,200 and its suggestion.
TEAMS_PER_COORDINATOR_RUN = 250
MAX_REPORTED_REASONS = 500

# The summarization.
SUMMARIZATION_WORKFLOW_NAME = "trace-summarization"
SUMMARIZATION_COORDINATOR_NAME = "trace-summarization-coordinator"
SUMMARIZATION_SCHEDULE_ID = "trace-summarization-schedule"
DEFAULT_SUMMARY_QUIET_MINUTES = 10
DEFAULT_SUMMARY_INTERVAL_MINUTES = 60
SUMMARY_BATCH_TRACES = 100
# A workflow continues as new after so many, so that its history stays small.
SUMMARY_SNAPSHOT_TRACES = 20_000
SUMMARY_CONCURRENT_BATCHES = 2
SUMMARIZE_BATCH_TIMEOUT = timedelta(minutes=30)

# Timeouts.
WORKFLOW_EXECUTION_TIMEOUT_MINUTES = 30
WORKFLOW_EXECUTION_TIMEOUT = timedelta(minutes=WORKFLOW_EXECUTION_TIMEOUT_MINUTES)
# What the workflow keeps of it, to say and record that time was up.
WRAP_UP_TIME = timedelta(seconds=15)
QUERY_EMBEDDINGS_TIMEOUT = timedelta(minutes=5)
SAMPLE_EMBEDDINGS_TIMEOUT = timedelta(minutes=1)
DETERMINE_OPTIMAL_K_TIMEOUT = timedelta(minutes=10)
PERFORM_CLUSTERING_TIMEOUT = timedelta(minutes=5)
EMIT_EVENTS_TIMEOUT = timedelta(minutes=1)
# One of the parts that a run tells beyond its clusters.
MAKE_PART_TIMEOUT = timedelta(minutes=5)
DISCOVER_TEAMS_TIMEOUT = timedelta(minutes=5)
RECORD_END_TIMEOUT = timedelta(seconds=10)
HEARTBEAT_TIMEOUT = timedelta(seconds=10)
MAX_ACTIVITY_ATTEMPTS = 4  # three retries
