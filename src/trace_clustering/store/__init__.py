"""The only room with SQL: all that is kept in ClickHouse, embedded or a server."""

from __future__ import annotations

from trace_clustering.store.browsing import Browsing, MapPoints
from trace_clustering.store.database import Database, labelled
from trace_clustering.store.embeddings import Embeddings, content_key
from trace_clustering.store.events import Events, ReceivedTrace
from trace_clustering.store.findings import Findings, SampledText
from trace_clustering.store.group_facts import KnownOfGroup
from trace_clustering.store.keys import KeyRecord, Keys, NewKey
from trace_clustering.store.migrations import migrate, set_retention
from trace_clustering.store.runs import Runs, Sample
from trace_clustering.store.search import Search
from trace_clustering.store.traces import Snapshot, TraceRow, Traces

__all__ = [
    "Browsing",
    "Embeddings",
    "Events",
    "Findings",
    "KeyRecord",
    "Keys",
    "KnownOfGroup",
    "MapPoints",
    "NewKey",
    "ReceivedTrace",
    "Runs",
    "Sample",
    "SampledText",
    "Search",
    "Snapshot",
    "Store",
    "TraceRow",
    "Traces",
    "content_key",
    "labelled",
]


class Store:
    """Everything that is kept, through one connection.

    Attributes:
        embeddings: the vectors.
        runs: runs, samples, centroids and assignments.
        findings: what runs tell beyond their clusters.
        browsing: the traces that runs sampled, page by page and on the map.
        search: traces by words and by meaning.
        events: what clients sent, summaries, and what runs emitted.
        traces: what is known of each trace, and which are still to be summarized.
        keys: which sender writes to which team.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.embeddings = Embeddings(database)
        self.runs = Runs(database)
        self.findings = Findings(database)
        self.browsing = Browsing(database)
        self.search = Search(database)
        self.events = Events(database)
        self.traces = Traces(database)
        self.keys = Keys(database)

    @classmethod
    def open(cls, dsn: str, *, retention_days: int) -> Store:
        """Connect, bring the schema up to date and set how long rows are kept.

        Raises:
            StoreLockedError: the embedded folder is open in another process.
            StoreError: it cannot be reached, or a statement failed.
        """
        database = Database(dsn)
        try:
            migrate(database)
            set_retention(database, retention_days)
        except BaseException:
            database.close()
            raise
        return cls(database)

    def ping(self) -> None:
        """Raises StoreError if the store does not answer."""
        self._database.select("SELECT 1 AS one")

    def close(self) -> None:
        self._database.close()
