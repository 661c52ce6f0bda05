"""Numbers of clusters."""

from typing import Any

import numpy as np
import pytest

from trace_clustering.clustering.numbering import cluster_numbers, numbered_by_size
from trace_clustering.errors import InvalidInputError


def test_the_largest_is_first_and_of_equal_ones_the_one_that_comes_first() -> None:
    labels = np.array([7, 5, 5, -2, 7, 9, 9, 9])
    assert numbered_by_size(labels).tolist() == [1, 2, 2, 3, 1, 0, 0, 0]
    backwards = np.arange(8)[::-1]
    assert numbered_by_size(labels, backwards).tolist() == [1, 2, 2, 3, 1, 0, 0, 0]
    assert numbered_by_size(labels, np.roll(backwards, -4)).tolist() == [2, 1, 1, 3, 2, 0, 0, 0]


@pytest.mark.parametrize("labels", [[0, 1], [0, 2, 2], [0, 0, 0], [-1, 0, 1], [1, 2, 3], [0.0] * 3])
def test_clusters_with_gaps_are_refused(labels: Any) -> None:
    with pytest.raises(InvalidInputError) as caught:
        cluster_numbers("labels", labels, 3, least=2)
    assert caught.value.field == "labels"


def test_clusters_without_gaps_are_taken() -> None:
    assert cluster_numbers("labels", [1, 0, 1], 3, least=2).tolist() == [1, 0, 1]
    assert cluster_numbers("labels", [0, 0, 0], 3).dtype == np.int32
