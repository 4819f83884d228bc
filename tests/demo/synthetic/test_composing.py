"""What a picture shows: where objects are, how much of them, and that color does not give the class away."""

from __future__ import annotations

import numpy as np
import pytest

from codo.demo.synthetic.classes import CLASSES
from codo.demo.synthetic.composing import DetectionScene, Series, detection_scene, object_image, random_stream
from codo.demo.synthetic.compositor import MIN_VISIBLE

_NAMES = list(CLASSES)


def _box(mask: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(mask)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


@pytest.fixture(scope="module")
def scenes() -> list[DetectionScene]:
    return [detection_scene(0, Series.TRAIN, k, 96) for k in range(120)]


def test_every_object_is_visible_enough_and_some_are_hidden_or_cut_off(scenes: list[DetectionScene]) -> None:
    shares = np.array([instance.visible for scene in scenes for instance in scene.instances])
    assert shares.min() >= MIN_VISIBLE
    assert shares.max() == 1
    assert 0.1 < np.mean(shares < 0.95) < 0.7
    boxes = np.array([_box(instance.mask) for scene in scenes for instance in scene.instances])
    touching = (boxes[:, :2] == 0).any(1) | (boxes[:, 2:] == 96).any(1)
    assert 0.02 < np.mean(touching) < 0.6


def test_whole_objects_have_the_promised_size(scenes: list[DetectionScene]) -> None:
    for scene in scenes:
        for instance in scene.instances:
            if instance.visible == 1:
                x1, y1, x2, y2 = _box(instance.mask)
                longest = max(x2 - x1, y2 - y1)
                assert 0.27 * 96 - 2 <= longest <= 0.6 * 96 + 2


def test_object_images_show_the_class_of_their_turn_near_the_middle() -> None:
    for index in range(24):
        scene = object_image(1, index, 96)
        assert [instance.name for instance in scene.instances] == [_NAMES[index % len(_NAMES)]]
        box = _box(scene.instances[0].mask)
        middle = (box[:2] + box[2:]) / 2 / 96
        assert np.abs(middle - 0.5).max() < 0.25
        assert scene.instances[0].visible > 0.8


def test_the_same_scene_at_another_size_has_the_same_masks() -> None:
    overlaps = []
    for index in range(12):
        small, large = (detection_scene(0, Series.VAL, index, size) for size in (96, 192))
        assert [i.name for i in small.instances] == [i.name for i in large.instances]
        for a, b in zip(small.instances, large.instances, strict=True):
            enlarged = a.mask.repeat(2, 0).repeat(2, 1)
            overlaps.append((enlarged & b.mask).sum() / (enlarged | b.mask).sum())
    assert np.median(overlaps) > 0.85
    assert min(overlaps) > 0.5  # thin things lose much to a pixel's rounding


def test_streams_are_independent() -> None:
    draws = {
        (series, index, purpose): float(random_stream(0, series, index, purpose).random())
        for series in Series
        for index in range(5)
        for purpose in range(3)
    }
    assert len(set(draws.values())) == len(draws)
    assert (
        random_stream(7, Series.VAL, 3, 1).random(4).tolist() == random_stream(7, Series.VAL, 3, 1).random(4).tolist()
    )


def _mean_colors(scenes: list[DetectionScene]) -> tuple[np.ndarray, np.ndarray]:
    found = [(scene.image[i.mask].mean(0), _NAMES.index(i.name)) for scene in scenes for i in scene.instances]
    return np.array([color for color, _ in found]), np.array([label for _, label in found])


def test_mean_color_does_not_tell_the_class() -> None:
    """A nearest-mean-color classifier, fitted on one half, is near the chance of 1/8 on the other."""
    colors, labels = _mean_colors([detection_scene(0, Series.TRAIN, k, 64) for k in range(400)])
    means = np.stack([colors[::2][labels[::2] == k].mean(0) for k in range(len(_NAMES))])
    guess = np.square(colors[1::2, None] - means).sum(-1).argmin(1)
    assert len(guess) > 350
    assert np.mean(guess == labels[1::2]) < 0.2


def test_shape_does_tell_the_class() -> None:
    """The same test on the outline alone (a coarse picture of the mask) must succeed: labels are not arbitrary."""
    masks, labels = [], []
    for index in range(480):
        scene = object_image(0, index, 64)
        rows, columns = np.nonzero(scene.instances[0].mask)
        cells = np.zeros((8, 8))
        spread = [(v - v.min()) * 8 // (np.ptp(v) + 1) for v in (rows, columns)]
        np.add.at(cells, (spread[0], spread[1]), 1.0)
        masks.append(np.append((cells / cells.max()).ravel(), 4 * np.log((np.ptp(rows) + 1) / (np.ptp(columns) + 1))))
        labels.append(index % len(_NAMES))
    features, truth = np.array(masks), np.array(labels)
    distances = np.square(features[240:, None] - features[:240]).sum(-1)
    assert np.mean(truth[:240][distances.argmin(1)] == truth[240:]) > 0.4
