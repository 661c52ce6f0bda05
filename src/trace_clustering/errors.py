"""Everything this package raises on purpose.

::

    TraceClusteringError
    ├── InvalidInputError       bad input; names the field; retrying cannot help
    ├── DegenerateDataError     the data holds no clusters to find; a run is skipped
    ├── NotFoundError           the run, team or cluster asked for does not exist
    ├── SettingsError           a setting is missing or wrong; names the setting
    ├── EmbeddingError          texts could not be turned into vectors; may heal
    │   └── EmbeddingRefusedError   a text will never be taken; others may be
    ├── ServiceError            the HTTP service or Temporal could not be reached or started
    └── StoreError              ClickHouse failed or could not be reached; may heal
        ├── StoreLockedError    another process has the embedded folder open
        └── StoreRefusedError   ClickHouse refused for good: access, schema, syntax
"""

from typing import Any


class TraceClusteringError(Exception):
    """Base of all errors of this package: its message is meant for a person."""


class InvalidInputError(TraceClusteringError, ValueError):
    """A value that cannot be accepted.

    Attributes:
        field: name of the offending field, as the caller wrote it.
        problem: what is wrong with it.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class DegenerateDataError(TraceClusteringError, ValueError):
    """The vectors cannot be divided as asked, e.g. because all are equal."""


class NotFoundError(TraceClusteringError, LookupError):
    """Nothing is stored under the id that was asked for."""


class SettingsError(TraceClusteringError, ValueError):
    """A setting is missing or holds a value that cannot be used."""


class EmbeddingError(TraceClusteringError):
    """The embedder cannot be reached or loaded, or what it answers is no vector."""


class EmbeddingRefusedError(EmbeddingError):
    """The embedder will not take a text however often it is asked; it may take others.

    Attributes:
        positions: of such texts among those that were to be embedded.
        rows: the array that was made of all texts, zeros at those positions.
    """

    def __init__(self, message: str, positions: tuple[int, ...], rows: Any) -> None:
        super().__init__(message)
        self.positions = positions
        self.rows = rows


class ServiceError(TraceClusteringError):
    """The HTTP service or Temporal could not be reached or started."""


class StoreError(TraceClusteringError):
    """ClickHouse failed or could not be reached; trying again may help."""


class StoreLockedError(StoreError):
    """Another process has the embedded ClickHouse folder open."""


class StoreRefusedError(StoreError):
    """ClickHouse refused a statement for good: access, schema or syntax."""
