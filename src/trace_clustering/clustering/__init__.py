"""What vectors tell: clusters, levels, outliers, a map, and how far to believe it all."""

from trace_clustering.clustering.distances import distances_to_centroids
from trace_clustering.clustering.hierarchy import Hierarchy, hierarchy
from trace_clustering.clustering.levels import ClusterLevels, cluster_levels
from trace_clustering.clustering.mapping import draw_map, place_centroids, project_2d
from trace_clustering.clustering.outliers import Outliers, find_outliers, outlier_scores
from trace_clustering.clustering.representatives import representatives
from trace_clustering.clustering.selection import (
    Clustering,
    KScore,
    KSearch,
    cluster_embeddings,
    fit_clusters,
    search_k,
)
from trace_clustering.clustering.trust import Assessment, assess, assess_clustering

__all__ = [
    "Assessment",
    "ClusterLevels",
    "Clustering",
    "Hierarchy",
    "KScore",
    "KSearch",
    "Outliers",
    "assess",
    "assess_clustering",
    "cluster_embeddings",
    "cluster_levels",
    "distances_to_centroids",
    "draw_map",
    "find_outliers",
    "fit_clusters",
    "hierarchy",
    "outlier_scores",
    "place_centroids",
    "project_2d",
    "representatives",
    "search_k",
]
