"""The set of permutations: distinct, far from each other, the same every time."""

from __future__ import annotations

import numpy as np

from codo.pretext.permutations import distant_permutations


def distances(count: int) -> np.ndarray:
    chosen = distant_permutations(count)
    apart = (chosen[:, None] != chosen[None]).sum(axis=2)
    return apart[np.triu_indices(count, 1)]


def test_they_are_permutations_and_all_different() -> None:
    chosen = distant_permutations(30)
    assert chosen.shape == (30, 9)
    assert (np.sort(chosen, axis=1) == np.arange(9)).all()
    assert len(np.unique(chosen, axis=0)) == 30


def test_the_first_nine_differ_everywhere() -> None:
    assert distances(9).tolist() == [9] * 36  # a Latin square: more than nine cannot


def test_larger_sets_are_farther_apart_than_random_ones() -> None:
    apart = distances(100)
    rng = np.random.default_rng(0)
    drawn = np.stack([rng.permutation(9) for _ in range(100)])
    random = (drawn[:, None] != drawn[None]).sum(axis=2)[np.triu_indices(100, 1)]
    # Over a whole set no mean can exceed (9 - 1) n / (n - 1), where each number is equally often at each place.
    assert 8 * 100 / 99 - 0.01 < apart.mean() <= 8 * 100 / 99 + 1e-9
    assert apart.mean() > random.mean()
    assert apart.min() >= 4 > random.min()


def test_a_shorter_set_begins_a_longer_one() -> None:
    assert (distant_permutations(100)[:30] == distant_permutations(30)).all()
