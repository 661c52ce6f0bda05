"""The rows that show what a group is made of."""

import numpy as np
import pytest
from benchmarks.data import mixture
from hypothesis import given, settings
from hypothesis import strategies as st

from trace_clustering.clustering.representatives import representatives
from trace_clustering.errors import InvalidInputError


def test_the_closest_first_then_spread() -> None:
    rng = np.random.default_rng(0)
    embeddings = rng.standard_normal((400, 30))
    chosen = representatives(embeddings, np.zeros(400, dtype=int))[0]
    off_centre = np.linalg.norm(embeddings - embeddings.mean(axis=0), axis=1)
    ranks = np.argsort(np.argsort(off_centre))[chosen]
    assert len(chosen) == 7
    assert ranks[0] == 0
    assert (np.sort(ranks[:4]) == ranks[:4]).all()
    assert ranks[:4].max() < 20 < ranks[4:].min()
    # What is not typical shows nothing.
    assert ranks.max() < 0.8 * 400


def test_centroids_may_be_given() -> None:
    embeddings = np.random.default_rng(0).standard_normal((400, 3))
    labels = np.arange(400) % 2
    chosen = representatives(embeddings, labels, embeddings[[6, 7]] + 1e-3)
    assert [rows[0] for rows in chosen] == [6, 7]


def test_equal_rows_are_chosen_once() -> None:
    distinct = np.random.default_rng(1).standard_normal((4, 300))
    chosen = representatives(np.tile(distinct, (300, 1)), np.zeros(1200, dtype=int))[0]
    assert 2 <= len(chosen) <= 4
    assert len(set(chosen % 4)) == len(chosen)


@pytest.mark.parametrize("noise", [1e-6, 1e-2])
def test_near_copies_are_chosen_once(noise: float) -> None:
    rng = np.random.default_rng(1)
    copies = rng.standard_normal(20) + noise * rng.standard_normal((900, 20))
    embeddings = np.vstack([copies, rng.standard_normal((300, 20))])
    chosen = representatives(embeddings, np.zeros(1200, dtype=int))[0]
    assert len(chosen) == 7
    assert (chosen < 900).sum() == 1


def templated(spread: float, others: int = 20) -> np.ndarray:
    """180 rows of one template, and some other questions."""
    rng = np.random.default_rng(4)
    template = np.eye(60)[0] + spread * rng.standard_normal((180, 60)) / np.sqrt(60)
    rows = np.vstack([template, rng.standard_normal((others, 60)) / np.sqrt(60)])
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def usual_groups() -> np.ndarray:
    """Two groups of 100 questions each."""
    rng = np.random.default_rng(5)
    centres = np.repeat(np.eye(60)[1:3], 100, axis=0)
    return np.asarray(centres + 0.9 * rng.standard_normal((200, 60)) / np.sqrt(60))


@pytest.mark.parametrize("with_others", [False, True])
@pytest.mark.parametrize(("spread", "most"), [(0.05, 1), (0.4, 1), (0.7, 4)])
def test_a_template_leaves_room_for_other_questions(
    spread: float, most: int, with_others: bool
) -> None:
    embeddings, labels = templated(spread), np.zeros(200, dtype=int)
    if with_others:
        embeddings = np.vstack([embeddings, usual_groups()])
        labels = np.repeat([0, 1, 2], [200, 100, 100])
    chosen = representatives(embeddings, labels)
    assert [len(rows) for rows in chosen] == [7] * len(chosen)
    assert chosen[0][0] < 180
    assert (chosen[0] < 180).sum() <= most


def test_of_a_template_alone_its_rows_are_chosen() -> None:
    embeddings = np.vstack([templated(0.4, 0), usual_groups()])
    chosen = representatives(embeddings, np.repeat([0, 1, 2], [180, 100, 100]))
    assert [len(rows) for rows in chosen] == [7, 7, 7]


def test_a_few_strays_show_nothing() -> None:
    chosen = representatives(templated(0.4, 5), np.zeros(185, dtype=int))[0]
    assert (chosen < 180).all()


@pytest.mark.parametrize("embeddings", [mixture("unit_norm", 1500, 40, 0), templated(0.4)])
def test_order_of_rows_changes_nothing(embeddings: np.ndarray) -> None:
    labels = np.arange(len(embeddings)) % 7 % 3
    moved = np.random.default_rng(2).permutation(len(embeddings))
    expected = representatives(embeddings, labels)
    for rows, again in zip(
        expected, representatives(embeddings[moved], labels[moved]), strict=True
    ):
        assert moved[again].tolist() == rows.tolist()


def test_empty_groups_and_single_rows() -> None:
    chosen = representatives(np.eye(5), np.array([0, 3, 3, 3, 0]), np.zeros((6, 5)))
    assert [len(rows) > 0 for rows in chosen] == [True, False, False, True, False, False]
    assert [rows.tolist() for rows in representatives(np.eye(2), np.array([1, 0]))] == [[1], [0]]


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(2, 40),
    columns=st.integers(1, 4),
    values=st.integers(1, 4),
    scale=st.sampled_from([1e-30, 1.0, 1e30]),
    groups=st.integers(1, 5),
    limit=st.integers(1, 9),
    seed=st.integers(0, 1000),
)
def test_any_rows(
    rows: int, columns: int, values: int, scale: float, groups: int, limit: int, seed: int
) -> None:
    """Few different values make many equal rows and distances."""
    rng = np.random.default_rng(seed)
    embeddings = rng.integers(0, values, (rows, columns)) * scale
    labels = rng.integers(0, groups, rows)
    chosen = representatives(embeddings, labels, limit=limit)
    assert len(chosen) == labels.max() + 1
    for group, some in enumerate(chosen):
        assert (labels[some] == group).all()
        assert len(some) <= limit
        assert len(np.unique(embeddings[some], axis=0)) == len(some)
        assert len(some) or group not in labels


@pytest.mark.parametrize(
    ("field", "labels", "centroids", "limit"),
    [
        ("labels", [0, 1], None, 7),
        ("labels", [0, -1, 0], None, 7),
        ("labels", [0.0, 1.0, 2.0], None, 7),
        ("centroids", [0, 1, 2], np.eye(3)[:2], 7),
        ("centroids", [0, 1, 2], np.eye(4), 7),
        ("centroids", [0, 1, 2], np.full((3, 3), np.nan), 7),
        ("limit", [0, 1, 2], None, 0),
    ],
)
def test_arguments_are_checked(
    field: str, labels: list[float], centroids: np.ndarray | None, limit: int
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        representatives(np.eye(3), np.array(labels), centroids, limit=limit)
    assert caught.value.field == field


def test_copies_are_chosen_only_after_all_others() -> None:
    """Twenty rows of one template, each in three copies that differ by next to nothing."""
    rng = np.random.default_rng(5)
    many = rng.standard_normal((400, 64))
    template = many.mean(axis=0) + 5 + 0.3 * rng.standard_normal((20, 64))
    copies = np.repeat(template, 3, axis=0) + 0.01 * rng.standard_normal((60, 64))
    labels = np.repeat([0, 1], [400, 60])
    chosen = representatives(np.vstack([many, copies]), labels)[1] - 400
    assert len(chosen) == 7
    assert len(set((chosen // 3).tolist())) == 7


def test_a_group_of_copies_has_one_representative() -> None:
    rng = np.random.default_rng(6)
    many, one = rng.standard_normal((400, 64)), 5 + rng.standard_normal(64)
    copies = one + 0.01 * rng.standard_normal((60, 64))
    labels = np.repeat([0, 1], [400, 60])
    assert len(representatives(np.vstack([many, copies]), labels)[1]) == 1
