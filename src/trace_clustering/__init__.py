"""Groups the traces of LLM applications by meaning, every day.

``cluster_embeddings`` and its like are the library's face: they need neither Temporal nor
ClickHouse, and importing this package loads neither.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from trace_clustering.errors import (
    DegenerateDataError,
    InvalidInputError,
    NotFoundError,
    SettingsError,
    StoreError,
    TraceClusteringError,
)

if TYPE_CHECKING:
    from trace_clustering.clustering import (
        Assessment,
        Clustering,
        ClusterLevels,
        KScore,
        assess,
        cluster_embeddings,
        cluster_levels,
        outlier_scores,
        project_2d,
    )

__version__ = version("trace-clustering")

__all__ = [
    "Assessment",
    "ClusterLevels",
    "Clustering",
    "DegenerateDataError",
    "InvalidInputError",
    "KScore",
    "NotFoundError",
    "SettingsError",
    "StoreError",
    "TraceClusteringError",
    "__version__",
    "assess",
    "cluster_embeddings",
    "cluster_levels",
    "outlier_scores",
    "project_2d",
]

# scikit-learn takes a second to import: only who clusters pays for it.
_LAZY = frozenset(
    {
        "Assessment",
        "ClusterLevels",
        "Clustering",
        "KScore",
        "assess",
        "cluster_embeddings",
        "cluster_levels",
        "outlier_scores",
        "project_2d",
    }
)


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from trace_clustering import clustering

        return getattr(clustering, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
