"""Names that workflows, activities and the worker share."""

NOT_RETRIED = (
    # Raised by our own code: trying again gives the same answer.
    "InvalidInputError",
    "DegenerateDataError",
    "SettingsError",
    "StoreRefusedError",
    "EmbeddingRefusedError",
    # Temporal's own: the payload will not have shrunk.
    "PayloadsTooLarge",
)

RUNS_METRIC = "trace_clustering_runs"
TRACES_METRIC = "trace_clustering_traces"
ACTIVITY_DURATION_METRIC = "trace_clustering_activity_duration_seconds"
SUMMARIZED_METRIC = "trace_clustering_traces_summarized"
FALLBACKS_METRIC = "trace_clustering_summary_fallbacks"
