"""Flip and resize: image, boxes and masks stay together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codo.detection.transforms import Geometry, random_geometry, resized_size

SIDES = st.integers(8, 60)


@pytest.mark.parametrize(
    ("size", "short_side", "max_size", "shown"),
    [
        ((480, 640), 800, 1333, (800, 1067)),
        ((640, 480), 800, 1333, (1067, 800)),
        ((375, 500), 640, 1333, (640, 853)),
        ((200, 1000), 800, 1333, (267, 1333)),  # the long side decides
        ((100, 100), 100, 1333, (100, 100)),
        ((2000, 3), 32, 320, (320, 1)),  # never nothing
    ],
)
def test_sizes_follow_the_rule_of_detectron(
    size: tuple[int, int], short_side: int, max_size: int, shown: tuple[int, int]
) -> None:
    assert resized_size(size, short_side, max_size) == shown


COCO_SIDES = (640, 672, 704, 736, 768, 800)


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        # 4:3, the commonest of COCO: the long side is 853.33, 896, 938.67, 981.33, 1024, 1066.67.
        ((480, 640), [(640, 853), (672, 896), (704, 939), (736, 981), (768, 1024), (800, 1067)]),
        ((640, 427), [(959, 640), (1007, 672), (1055, 704), (1103, 736), (1151, 768), (1199, 800)]),
        # 2:1: from 672 on the long side would be over 1333, and the short one is 666.5.
        ((300, 600), [(640, 1280), (667, 1333), (667, 1333), (667, 1333), (667, 1333), (667, 1333)]),
    ],
)
def test_the_multi_scale_table_of_the_coco_protocol(size: tuple[int, int], shown: list[tuple[int, int]]) -> None:
    assert [resized_size(size, side, 1333) for side in COCO_SIDES] == shown
    drawn = [
        random_geometry(np.random.default_rng(seed), size, short_sides=COCO_SIDES, max_size=1333, flip=0.5).resized
        for seed in range(1200)
    ]
    # Each of the six sides about 200 times; 5 standard deviations are 65.
    assert set(drawn) == set(shown)
    assert all(abs(drawn.count(one) - 200 * shown.count(one)) < 65 * shown.count(one) for one in shown)


@given(SIDES, SIDES, SIDES, SIDES, st.booleans(), st.data())
def test_boxes_and_masks_follow_the_image(
    height: int, width: int, to_height: int, to_width: int, flip: bool, data: st.DataObject
) -> None:
    x1, y1 = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    x2, y2 = data.draw(st.integers(x1 + 1, width)), data.draw(st.integers(y1 + 1, height))
    geometry = Geometry((height, width), (to_height, to_width), flip)
    box = geometry.boxes(np.array([[x1, y1, x2, y2]], dtype=np.float32))[0]
    # By hand: scale, then mirror.
    left, right = x1 * to_width / width, x2 * to_width / width
    if flip:
        left, right = to_width - right, to_width - left
    expected = [left, y1 * to_height / height, right, y2 * to_height / height]
    np.testing.assert_allclose(box, expected, rtol=1e-5, atol=1e-4)
    assert box[0] < box[2]
    # The mask fills its box, to the pixel that rounding may move an edge by.
    mask = geometry.mask([[x1, y1, x2, y1, x2, y2, x1, y2]])
    assert mask.shape == (to_height, to_width)
    rows, columns = np.nonzero(mask)
    if len(rows):
        found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        np.testing.assert_allclose(found, expected, atol=1.01)
    else:
        assert min(expected[2] - expected[0], expected[3] - expected[1]) < 1.5


def test_the_image_is_resized_and_mirrored() -> None:
    image = np.zeros((20, 40, 3), np.uint8)
    image[5:15, 0:20] = (10, 20, 30)
    shown = Geometry((20, 40), (40, 80), flip=True).image(image)
    assert shown.shape == (40, 80, 3)
    assert shown[20, 60].tolist() == [10, 20, 30]
    assert not shown[20, 20].any()
    assert shown.flags.c_contiguous


def test_shrinking_keeps_thin_lines() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, 31] = 255  # bilinear sampling at a quarter of the size would miss it
    shown = Geometry((64, 64), (16, 16)).image(image)
    assert shown[:, 7].min() >= 60


def test_nothing_changes_at_the_same_size() -> None:
    image = np.random.default_rng(0).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    np.testing.assert_array_equal(Geometry((7, 9), (7, 9)).image(image), image)


def test_draws_cover_the_choices_and_repeat() -> None:
    def draw(seed: int) -> Geometry:
        rng = np.random.default_rng(seed)
        return random_geometry(rng, (100, 200), short_sides=(50, 60, 70), max_size=1000, flip=0.5)

    drawn = [draw(seed) for seed in range(200)]
    assert {geometry.resized for geometry in drawn} == {(50, 100), (60, 120), (70, 140)}
    assert 70 < sum(geometry.flip for geometry in drawn) < 130
    assert drawn == [draw(seed) for seed in range(200)]
    never = random_geometry(np.random.default_rng(0), (9, 9), short_sides=(9,), max_size=9, flip=0)
    assert never == Geometry((9, 9), (9, 9))
