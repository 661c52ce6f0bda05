"""Whether to believe a clustering: a verdict, and the reasons in words."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from trace_clustering.clustering.finer import Groups, finer_groups
from trace_clustering.clustering.null import Null, null_silhouettes
from trace_clustering.clustering.numbering import cluster_numbers
from trace_clustering.clustering.outliers import find_outliers
from trace_clustering.clustering.preparation import (
    Prepared,
    check_arguments,
    prepare,
    testable_range,
)
from trace_clustering.clustering.selection import KScore, fit_clusters, search_k
from trace_clustering.clustering.stability import Stability, resample_stability
from trace_clustering.clustering.threads import Labels, Workers
from trace_clustering.errors import DegenerateDataError, InvalidInputError

Verdict = Literal["good", "weak", "degenerate"]

# One cloud of another shape than the noise it is compared with, such as a skewed one, or one of few
# rows, hardly ever divides more than 1.3 times as well as that noise.
_CLEARLY = 1.4
# Kaufman and Rousseeuw (1990, "Finding Groups in Data") call a structure beyond it strong. Noise in
# few columns reaches 0.6, which leaves no room for 1.4 times as much.
_STRONG = 0.7
# Few rows on a circle reach nearly 0.8, and so does one cloud like them. Clouds in the likeness of
# clusters of very different sizes divide well too, so beyond it none is asked.
_BEYOND_DOUBT = 0.8
_BEYOND_CLOUD = 1.3
# Beyond it, the other clusters together are no tenth of the rows.
_NEARLY_ALL = 0.9
_MOST = 0.8
_MANY_OUTLIERS = 0.1
# Hennig's bounds, see ``stability``.
_STABLE = 0.75
_DISSOLVED = 0.5
# Two unions of groups that share half of their rows.
_HALF_SHARED = 1 / 3
# Nearest neighbours in one cluster: hardly one is parted, and one of ten.
_UNCUT = 0.95
_TOUCHING = 0.9
# Nearest neighbours in a cluster of strays; in a small one that unites clear groups 0.8.
_TORN = 0.7
_MAX_NAMED = 3


@dataclass(frozen=True)
class Assessment:
    """How far to believe a clustering.

    Attributes:
        verdict: ``degenerate`` means that the clusters are no answer; ``weak`` that they are
            better than noise, but not to be relied on in detail.
        reasons: why, in words; never empty.
        optimal_k: number of clusters; 0 if the data cannot be divided.
        silhouette_score: of ``optimal_k``.
        silhouettes: of every k tested.
        null_silhouette: what the same search finds in noise that looks like the data.
        stability: by cluster, mean best-match Jaccard over bootstrap resamples, 0..1.
        agreement: between the resamples' clusterings, mean adjusted Rand index, at most 1.
        outlier_share: of the rows; None if it is not known.
        largest_share: of the rows, in the largest cluster.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    optimal_k: int
    silhouette_score: float
    silhouettes: Mapping[int, float]
    null_silhouette: float
    stability: tuple[float, ...]
    agreement: float
    outlier_share: float | None
    largest_share: float


@dataclass(frozen=True)
class _Found:
    """A clustering to be judged: the data, their labels (n,) and the ks of the search."""

    workers: Workers
    prepared: Prepared
    labels: Labels
    ks: range
    rng: np.random.Generator
    on_progress: Callable[[], None] | None


@dataclass(frozen=True)
class _Evidence:
    """What the reasons are about.

    Attributes:
        pair: silhouettes at k = 2 and the larger group's share, where two groups are the answer
            although more were asked for; None elsewhere.
        finer: clear groups beyond the numbers asked for, looked for only where the clusters are
            hard to tell from noise.
    """

    silhouettes: Mapping[int, float]
    null: Null
    stability: Stability
    outlier_share: float | None
    largest_share: float
    pair: tuple[float, float] | None
    finer: Groups | None

    @property
    def best(self) -> float:
        return max(self.silhouettes.values())

    @property
    def noise(self) -> float:
        return _noise(self.null)

    @property
    def separated(self) -> bool:
        return _beats(self.best, self.null)


def assess(
    embeddings: ArrayLike,
    *,
    min_k: int = 3,
    max_k: int = 6,
    seed: int = 42,
    on_progress: Callable[[], None] | None = None,
) -> Assessment:
    """Clusters vectors and tells how far to believe the clusters.

    Data that cannot be divided at all, e.g. because all rows are equal, are ``degenerate`` too. See
    ``assess_clustering``.

    Raises:
        InvalidInputError: names the argument that cannot be accepted.
    """
    check_arguments(min_k, max_k, seed)
    try:
        search = search_k(embeddings, min_k=min_k, max_k=max_k, seed=seed, on_progress=on_progress)
    except DegenerateDataError as error:
        return _undivided(embeddings, str(error))
    found = fit_clusters(embeddings, search.centroids, search.scores_by_k, on_progress=on_progress)
    outliers = find_outliers(embeddings, found.labels, on_progress=on_progress)
    return assess_clustering(
        embeddings,
        found.labels,
        found.scores_by_k,
        outlier_share=float(outliers.flags.mean()),
        min_k=min_k,
        max_k=max_k,
        seed=seed,
        on_progress=on_progress,
    )


def assess_clustering(
    embeddings: ArrayLike,
    labels: ArrayLike,
    scores_by_k: Mapping[int, KScore],
    *,
    outlier_share: float | None = None,
    min_k: int = 3,
    max_k: int = 6,
    seed: int = 42,
    on_progress: Callable[[], None] | None = None,
) -> Assessment:
    """Tells how far to believe a clustering that exists already.

    Compares the silhouettes with those of noise (in the likeness of at most 1,000 rows) and
    clusters 20 bootstrap resamples. The order of the rows does not matter.

    Args:
        embeddings: (n, d), as given to ``search_k``.
        labels: (n,) the clusters, 0..k-1 without gaps, k >= 2.
        scores_by_k: of the search; that of k is of ``labels``.
        outlier_share: of the rows, 0..1; None if it is not known.
        min_k: of the search.
        max_k: of the search.
        seed: of the random generator, not negative.
        on_progress: called often; what it raises ends the work.

    Raises:
        InvalidInputError: names the argument that cannot be accepted.
        DegenerateDataError: too few distinct rows for ``min_k`` clusters.
    """
    check_arguments(min_k, max_k, seed)
    if outlier_share is not None and not 0 <= outlier_share <= 1:
        raise InvalidInputError("outlier_share", f"must be from 0 to 1, got {outlier_share}")
    with Workers(on_progress) as workers:
        prepared = prepare(workers, embeddings)
        ks = testable_range(prepared.rows, min_k, max_k)
        clusters = _as_labels(labels, len(prepared.rows), scores_by_k)
        rng = np.random.default_rng(seed)
        found = _Found(workers, prepared, clusters[prepared.order], ks, rng, on_progress)
        return _judged(_evidence(found, scores_by_k, outlier_share))


def _undivided(embeddings: ArrayLike, reason: str) -> Assessment:
    # Adding zero turns -0.0 into 0.0, which is equal but has other bits.
    rows = np.asarray(embeddings, dtype=np.float32) + np.float32(0)
    _, counts = np.unique(rows, axis=0, return_counts=True)
    return Assessment(
        verdict="degenerate",
        reasons=(reason,),
        optimal_k=0,
        silhouette_score=0.0,
        silhouettes={},
        null_silhouette=0.0,
        stability=(),
        agreement=0.0,
        outlier_share=None,
        largest_share=float(counts.max() / counts.sum()),
    )


def _as_labels(labels: ArrayLike, n: int, scores_by_k: Mapping[int, KScore]) -> Labels:
    clusters = cluster_numbers("labels", labels, n, least=2)
    k = int(clusters.max()) + 1
    if k not in scores_by_k:
        raise InvalidInputError("scores_by_k", f"lacks k={k}")
    return clusters


def _evidence(
    found: _Found, scores_by_k: Mapping[int, KScore], outlier_share: float | None
) -> _Evidence:
    silhouettes = {k: score.silhouette_score for k, score in sorted(scores_by_k.items())}
    best = max(silhouettes.values())
    null = _null(found, found.ks, best)
    pair = finer = None
    if not _beats(best, null):
        finer = finer_groups(found.workers, found.prepared, found.ks[-1], found.rng)
        pair = _pair(found) if finer is None and found.ks[0] > 2 else None
    return _Evidence(
        silhouettes=silhouettes,
        null=null,
        stability=resample_stability(found.workers, found.prepared, found.labels, found.rng),
        outlier_share=outlier_share,
        largest_share=float(np.bincount(found.labels).max() / len(found.labels)),
        pair=pair,
        finer=finer,
    )


def _null(found: _Found, ks: range, silhouette: float) -> Null:
    workers, prepared, rng = found.workers, found.prepared, found.rng
    return null_silhouettes(workers, prepared, ks, silhouette, rng, found.on_progress)


def _pair(found: _Found) -> tuple[float, float] | None:
    """The silhouette of two groups and the larger one's share, if they are better than noise."""
    rows = found.prepared.rows
    two = search_k(rows, min_k=2, max_k=2, seed=0, on_progress=found.on_progress)
    silhouette = two.scores_by_k[2].silhouette_score
    if not _beats(silhouette, _null(found, range(2, 3), silhouette)):
        return None
    return silhouette, float(np.bincount(two.labels).max() / len(two.labels))


def _noise(null: Null) -> float:
    return max(null.shuffled, null.cloud, 0.0)


def _beats(silhouette: float, null: Null) -> bool:
    if silhouette > _CLEARLY * _noise(null) or silhouette > _BEYOND_DOUBT:
        return True
    return silhouette > _STRONG and silhouette > _BEYOND_CLOUD * null.cloud


def _judged(evidence: _Evidence) -> Assessment:
    verdict: Verdict = "degenerate"
    reasons = list(_against(evidence))
    if not reasons:
        verdict, reasons = "weak", list(_doubts(evidence))
    if not reasons:
        verdict, reasons = "good", list(_for(evidence))
    k = len(evidence.stability.clusters)
    return Assessment(
        verdict=verdict,
        reasons=tuple(reasons),
        optimal_k=k,
        silhouette_score=evidence.silhouettes[k],
        silhouettes=evidence.silhouettes,
        null_silhouette=evidence.noise,
        stability=tuple(map(float, evidence.stability.clusters)),
        agreement=evidence.stability.agreement,
        outlier_share=evidence.outlier_share,
        largest_share=evidence.largest_share,
    )


def _against(evidence: _Evidence) -> Iterator[str]:
    """Why the clusters are no answer."""
    if evidence.largest_share >= _NEARLY_ALL:
        yield f"one cluster holds {evidence.largest_share:.0%} of traces"
    if evidence.separated or evidence.finer is not None:
        return
    if evidence.pair is None:
        yield (
            "no k separates these traces better than noise: silhouette "
            f"{evidence.best:.2f}, {_noise_in_words(evidence)}"
        )
    elif evidence.pair[1] >= _MOST:
        yield f"one of two groups holds {evidence.pair[1]:.0%} of traces, and more are not there"


def _noise_in_words(evidence: _Evidence) -> str:
    kind = "shuffled data" if evidence.noise == evidence.null.shuffled else "one cloud like them"
    best, noise = f"{evidence.best:.2f}", f"{evidence.noise:.2f}"
    return f"the same as {kind} ({noise})" if best == noise else f"{kind} reaches {noise}"


def _doubts(evidence: _Evidence) -> Iterator[str]:
    """Why the clusters are not to be relied on in detail."""
    if evidence.pair is not None:
        yield (
            f"two groups separate these traces (silhouette {evidence.pair[0]:.2f}), more do not: "
            f"silhouette {evidence.best:.2f}, {_noise_in_words(evidence)}"
        )
    stability = evidence.stability
    if _is_unstable(stability):
        yield f"clusters change with the traces drawn: {stability.clusters.mean():.0%} comes back"
    yield from _dissolved(stability)
    if evidence.finer is not None and stability.kept < _UNCUT:
        yield (
            f"clusters cut through groups: {_groups_in_words(evidence.finer)}, and "
            f"{1 - stability.kept:.0%} of traces are in another cluster than the trace most like "
            "them"
        )
    elif stability.kept < _TOUCHING:
        yield (
            f"clusters touch: {1 - stability.kept:.0%} of traces are in another cluster than the "
            "trace most like them"
        )
    if evidence.largest_share >= _MOST:
        yield f"one cluster holds {evidence.largest_share:.0%} of traces"
    if evidence.outlier_share is not None and evidence.outlier_share >= _MANY_OUTLIERS:
        yield f"{evidence.outlier_share:.0%} of traces fit into no cluster"


def _is_unstable(stability: Stability) -> bool:
    """Clusters that unite several clear groups may unite others next time, and cut none."""
    mean = stability.clusters.mean()
    return bool(mean < _STABLE and (stability.kept < _UNCUT or mean < _HALF_SHARED))


def _dissolved(stability: Stability) -> Iterator[str]:
    """Names the least stable clusters, however stable the others are.

    Unions of clear groups, which may go with others next time, are named where most clusters are
    unstable.
    """
    dissolved = stability.clusters < _DISSOLVED
    if not _is_unstable(stability):
        dissolved &= stability.kept_of < _TORN
    for cluster in np.argsort(stability.clusters, kind="stable")[:_MAX_NAMED]:
        if dissolved[cluster]:
            yield f"cluster {cluster} comes back to {stability.clusters[cluster]:.0%} in resamples"


def _for(evidence: _Evidence) -> Iterator[str]:
    """Why the clusters can be believed."""
    if evidence.finer is not None:
        yield f"{_groups_in_words(evidence.finer)}, and no cluster cuts through them"
    else:
        yield (
            f"{len(evidence.stability.clusters)} clusters separate these traces better than "
            f"noise: silhouette {evidence.best:.2f}, {_noise_in_words(evidence)}"
        )
    mean = evidence.stability.clusters.mean()
    if mean >= _STABLE:
        yield f"drawn anew, {mean:.0%} of a cluster comes back"
    else:
        yield (
            "clusters unite smaller groups, each clear by itself: which ones go together changes "
            f"with the traces drawn ({mean:.0%} comes back)"
        )


def _groups_in_words(groups: Groups) -> str:
    return f"about {groups.count} groups separate these traces (silhouette {groups.silhouette:.2f})"
