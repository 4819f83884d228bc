"""Boxes with key points, and outlines that could be taken for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from codo.annotations.source import read_annotations, resolved
from codo.geometry.keypoints import is_convex, is_simple, may_be_keypoints
from tests.annotations.layouts import settings
from tests.annotations.refusals import Refuses, Spoil

BOX = "0 .5 .5 .2 .2"
PERSON = " ".join(f"0.{42 + 7 * i % 17} 0.{42 + 5 * i % 17} {(1, 2, 2)[i % 3]}" for i in range(17))

MakeYolo = Callable[..., Path]


@pytest.fixture
def made(tmp_path: Path) -> MakeYolo:
    """A folder with one image of 100 x 80 pixels per label file, in train and val."""

    def make(*labels: str, shape: str = "") -> Path:
        for split in ("train", "val"):
            for kind in ("images", "labels"):
                (tmp_path / kind / split).mkdir(parents=True)
            for i, text in enumerate(labels):
                cv2.imwrite(str(tmp_path / f"images/{split}/{i}.png"), np.zeros((80, 100, 3), np.uint8))
                (tmp_path / f"labels/{split}/{i}.txt").write_text(text)
        lines = f"names: [person, dog]\ntrain: images/train\nval: images/val\n{shape and f'kpt_shape: {shape}'}\n"
        (tmp_path / "data.yaml").write_text(lines)
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("points", "shape"),
    [
        (".45 .45 .55 .55", "[2, 2]"),
        (".45 .45 1 .55 .55 1", "[2, 3]"),
        (".45 .45 2 0 0 0", "[2, 3]"),
        (".45 .45 2", "[1, 3]"),
        (".5 .6", "[1, 2]"),
        (".45 .45 .55 .45 .55 .55 .45 .55", "[4, 2]"),
        (PERSON, "[17, 3]"),
    ],
)
def test_boxes_are_read_and_points_are_said_to_be_unused(made: MakeYolo, points: str, shape: str) -> None:
    data = made(f"{BOX} {points}\n", f"1 .25 .25 .1 .2 {points}\n{BOX}\n", "", shape=shape)
    read = read_annotations(settings(data), "train")
    assert read.bbox.tolist() == [[40, 32, 20, 16], [20, 12, 10, 16], [40, 32, 20, 16]]
    assert read.labels.tolist() == [1, 2, 1]
    assert not read.segmentations.present.any()
    assert read.notes == (f"{data / 'data.yaml'}: boxes of 3 lines; key points, in 2 of them, are not used",)
    explicit = resolved(settings(data), read, read)
    assert explicit.yolo_points == "keypoints"
    assert read_annotations(explicit, "val").bbox.tolist() == read.bbox.tolist()


@pytest.mark.parametrize(
    ("points", "what", "fix"),
    [
        (".45 .45 .55 .55", "that may be a box with key points, or an outline", "kpt_shape: [2, 2]"),
        (".45 .45 1 .55 .55 1", "that may be a box with key points, or an outline", "kpt_shape: [2, 3]"),
        (".45 .45 2 .55 .55 2", "that may be a box with key points, or an outline", "kpt_shape: [2, 3]"),
        (".5 .6", "that may be a box with key points, or an outline", "kpt_shape: [1, 2]"),
        (".1 .1 .9 .9", "that may be a box with key points, or an outline", "kpt_shape: [2, 2]"),  # outside the box
        (".45 .45 2", "with a wrong number of columns", "kpt_shape: [1, 3]"),
        (PERSON, "with a wrong number of columns", "kpt_shape: [17, 3]"),
    ],
)
def test_without_kpt_shape_it_is_asked(
    made: MakeYolo, refuses: Refuses, answer: Callable[[list[str]], list[str]], points: str, what: str, fix: str
) -> None:
    data = made(f"{BOX} {points}\n{BOX} {points}\n", "", f"{BOX}\n")
    refuses(data, f"2 lines {what}; the first: line 1 of 0.txt", "labels/train/0.txt")
    assert fix in answer(["finetune", f"data={data}", f"out={data / 'run'}", "steps=1"])[2]
    read = read_annotations(settings(data, yolo_points="keypoints"), "train")
    assert read.bbox.tolist() == [[40, 32, 20, 16]] * 3


@pytest.mark.parametrize(
    ("shape", "what"),
    [
        ("[3, 2]", "1 line whose columns do not fit kpt_shape: [3, 2]: line 1 of 0.txt (9 columns instead of 11)"),
        ("[2, 4]", "kpt_shape is [2, 4], not the number of key points and 2 or 3"),
        ("[0, 3]", "kpt_shape is [0, 3], not the number of key points and 2 or 3"),
        ("17", "kpt_shape is 17, not the number of key points and 2 or 3"),
    ],
)
def test_a_shape_that_does_not_fit(made: MakeYolo, refuses: Refuses, shape: str, what: str) -> None:
    refuses(made(f"{BOX} .45 .45 .55 .55\n", BOX, shape=shape), what, "")


OUTLINES = {
    "rotated rectangle": ".5 .4 .6 .5 .5 .6 .4 .5",
    "rectangle around the center": ".4 .4 .6 .4 .6 .6 .4 .6",
    "hexagon": ".45 .4 .55 .4 .6 .5 .55 .6 .45 .6 .4 .5",
    "concave, of ten points": ".4 .4 .45 .45 .5 .4 .55 .45 .6 .4 .6 .6 .55 .55 .5 .6 .45 .55 .4 .6",
    "triangle that is no box": "0 0 .5 0 .5 .5",
}


@pytest.mark.parametrize("points", OUTLINES.values(), ids=OUTLINES.keys())
def test_outlines_of_equal_length_are_outlines(made: MakeYolo, points: str) -> None:
    read = read_annotations(settings(made(f"0 {points}\n", f"1 {points}\n{BOX}\n")), "train")
    assert read.segmentations.present.tolist() == [True, True, False]
    xy = np.array(points.split(), dtype=np.float64).reshape(-1, 2) * (100, 80)
    low, high = xy.min(axis=0), xy.max(axis=0)
    np.testing.assert_allclose(read.bbox[0], [*low, *(high - low)], atol=0.01)
    assert read.notes == ()


def test_the_setting_makes_them_outlines(made: MakeYolo) -> None:
    points = ".45 .42 .55 .42 .5 .58"
    data = made(f"0 {points}\n", shape="[1, 2]")
    read = read_annotations(settings(data, yolo_points="outline"), "train")
    assert read.segmentations[0] == [[45, 33.6, 55, 33.6, 50, 46.4]]


def test_many_sets_of_key_points_are_asked_about(spoil: Spoil) -> None:
    """Boxes and points at random, as of photographs; and outlines of as many points."""
    rng = np.random.default_rng(0)
    sizes = np.tile(np.array([[480, 640]], np.int32), (30, 1))
    for count in (1, 2, 3, 5, 17):
        for _ in range(10):
            size = rng.uniform(0.05, 0.6, (30, 2))
            center = size / 2 + rng.uniform(0, 1, (30, 2)) * (1 - size)
            points = center[:, None] + rng.uniform(-0.5, 0.5, (30, count, 2)) * size[:, None]
            rows = np.concatenate([np.zeros((30, 1)), center, size, points.reshape(30, -1)], axis=1)
            assert may_be_keypoints(rows.tolist(), sizes)
            angle = np.sort(rng.uniform(0, 2 * np.pi, (30, count + 2)), axis=1)
            rim = center[:, None] + 0.5 * size[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=2)
            outlines = np.concatenate([np.zeros((30, 1)), rim.reshape(30, -1)], axis=1)
            assert not may_be_keypoints(outlines.tolist(), sizes)


def test_shapes_of_outlines_by_hand() -> None:
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=np.float64)
    crossed, dart = square[[0, 2, 1, 3]], np.array([[0, 0], [1, 0], [0.2, 0.2], [0, 1]])
    assert (is_simple(square), is_convex(square)) == (True, True)
    assert not is_simple(crossed)
    assert (is_simple(dart), is_convex(dart)) == (True, False)
    assert not is_simple(np.array([[0, 0], [1, 1], [2, 2], [0.5, 0.5]]))
