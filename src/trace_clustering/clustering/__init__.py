"""Groups vectors: finds the number of clusters and the clusters, in NumPy and scikit-learn only."""

from trace_clustering.clustering.distances import distances_to_centroids
from trace_clustering.clustering.selection import (
    Clustering,
    KScore,
    KSearch,
    cluster_embeddings,
    fit_clusters,
    search_k,
    silhouette_scores,
)

__all__ = [
    "Clustering",
    "KScore",
    "KSearch",
    "cluster_embeddings",
    "distances_to_centroids",
    "fit_clusters",
    "search_k",
    "silhouette_scores",
]
