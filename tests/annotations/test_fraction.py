"""Shares of labeled images: nested, with every class, and decided by labels and seed alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codo.annotations.fraction import draw_order, labeled_subset
from codo.annotations.records import Annotations, Category
from codo.geometry.segmentations import Segmentations

FRACTIONS = (0.01, 0.02, 0.05, 0.1, 0.5, 1.0)


def data(classes_of: list[list[int]], names: list[str] | None = None, classes: int | None = None) -> Annotations:
    """A data set whose image ``i`` has one object of each of ``classes_of[i]``, counted from 0."""
    objects = sum(map(len, classes_of))
    count = classes or max((max(one, default=0) for one in classes_of), default=0) + 1
    return Annotations(
        source=Path("truth.json"),
        folder=None,
        image_ids=np.arange(len(classes_of)),
        file_names=np.array(names or [f"{i:06}.jpg" for i in range(len(classes_of))]),
        sizes=np.full((len(classes_of), 2), 100, dtype=np.int32),
        categories=tuple(Category(i + 1, f"class {i:03}") for i in range(count)),
        offsets=np.concatenate([[0], np.cumsum([len(one) for one in classes_of])]).astype(np.int64),
        bbox=np.tile([10.0, 10, 20, 20], (objects, 1)),
        labels=np.array([label + 1 for one in classes_of for label in one], dtype=np.int64),
        crowd=np.zeros(objects, dtype=bool),
        areas=np.full(objects, 400.0),
        object_ids=np.arange(objects),
        segmentations=Segmentations([None] * objects),
    )


def long_tail(images: int = 4000, classes: int = 30, seed: int = 0) -> list[list[int]]:
    """Images of none to five classes, the commonest some hundred times as frequent as the rarest."""
    rng = np.random.default_rng(seed)
    weight = 1 / np.arange(1, classes + 1) ** 1.4
    return [
        sorted(set(rng.choice(classes, int(rng.integers(0, 6)), p=weight / weight.sum()).tolist()))
        for _ in range(images)
    ]


def counts(annotations: Annotations, images: np.ndarray) -> np.ndarray:
    """Images of each class among ``images``."""
    found = np.zeros(len(annotations.categories), dtype=int)
    for i in images:
        found[np.unique(annotations.labels[annotations.objects(int(i))]) - 1] += 1
    return found


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 5), unique=True), min_size=1, max_size=40),
    st.integers(0, 3),
    st.floats(0.001, 1),
    st.floats(0.001, 1),
)
def test_smaller_shares_lie_within_larger_ones(classes_of: list[list[int]], seed: int, a: float, b: float) -> None:
    annotations = data(classes_of)
    small, large = (labeled_subset(annotations, fraction, seed) for fraction in sorted([a, b]))
    assert set(small.tolist()) <= set(large.tolist())
    assert len(small) == max(1, int(min(a, b) * len(classes_of) + 0.5))
    assert sorted(draw_order(annotations, seed).tolist()) == list(range(len(classes_of)))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 7), unique=True, max_size=3), min_size=8, max_size=40), st.integers(0, 3))
def test_with_as_many_images_as_classes_every_class_has_one(classes_of: list[list[int]], seed: int) -> None:
    annotations = data(classes_of, classes=8)
    there = counts(annotations, np.arange(len(classes_of))) > 0
    drawn = labeled_subset(annotations, 8 / len(classes_of), seed)
    assert (counts(annotations, drawn) > 0).tolist() == there.tolist()


@pytest.mark.parametrize("fraction", FRACTIONS)
@pytest.mark.parametrize("seed", range(3))
def test_every_class_keeps_about_its_share(fraction: float, seed: int) -> None:
    annotations = data(long_tail())
    whole = counts(annotations, np.arange(len(annotations)))
    drawn = labeled_subset(annotations, fraction, seed)
    expected = fraction * whole
    assert len(drawn) == round(fraction * len(annotations))
    assert (counts(annotations, drawn) >= np.maximum(1, np.floor(expected - 2.5 * np.sqrt(expected)))).all()
    assert (counts(annotations, drawn) <= np.ceil(expected + 3 * np.sqrt(expected) + 3)).all()


def test_images_with_many_objects_are_not_preferred() -> None:
    annotations = data(long_tail())
    drawn = np.concatenate([labeled_subset(annotations, 0.1, seed) for seed in range(20)])
    classes_an_image = np.diff(annotations.offsets)
    assert classes_an_image[drawn].mean() == pytest.approx(classes_an_image.mean(), rel=0.03)


def test_seeds_draw_differently_and_each_the_same_again() -> None:
    annotations = data(long_tail(400))
    draws = [labeled_subset(annotations, 0.1, seed).tolist() for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]


def test_the_order_in_the_file_and_the_layout_do_not_matter() -> None:
    classes_of = long_tail(300)
    names = [f"{i:06}" for i in range(300)]
    shuffled = np.random.default_rng(1).permutation(300)
    one = data(classes_of, [f"{name}.jpg" for name in names])
    other = data([classes_of[i] for i in shuffled], [f"VOC2007/JPEGImages/{names[i]}.png" for i in shuffled])
    drawn = {names[i] for i in labeled_subset(one, 0.1, 0)}
    assert {names[shuffled[i]] for i in labeled_subset(other, 0.1, 0)} == drawn


def test_classes_without_images_do_not_matter() -> None:
    classes_of = long_tail(300)
    assert draw_order(data(classes_of), 0).tolist() == draw_order(data(classes_of, classes=99), 0).tolist()


def test_objects_that_are_not_learned_do_not_make_a_class_present() -> None:
    annotations = data([[0, 1], [0], [0], [1]])
    crowd = replace(annotations, crowd=np.array([False, True, False, False, False]))
    for seed in range(8):
        assert 3 in labeled_subset(crowd, 0.5, seed)  # the only image to learn class 1 from


def test_the_whole_is_the_whole() -> None:
    assert labeled_subset(data(long_tail(50)), 1.0, 0).tolist() == list(range(50))
