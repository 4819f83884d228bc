"""Occlusion on hand-made squares whose visible parts can be counted."""

from __future__ import annotations

import numpy as np

from codo.demo.synthetic.compositor import MIN_VISIBLE, Compositor
from codo.demo.synthetic.painting import Light, Sprite

LAMP = Light((0.0, 0.0, 1.0), ambient=1.0, shadow=0.0)


def _square(side: int, value: float = 1.0) -> Sprite:
    return Sprite(np.full((side, side, 3), value, np.float32), np.ones((side, side), np.float32))


def test_a_thing_in_front_takes_pixels_from_the_one_behind() -> None:
    compositor = Compositor(20)
    compositor.put("mug", _square(10), 0, 0)
    compositor.put("key", _square(10), 5, 0)
    mug, key = compositor.instances()
    assert (mug.mask.sum(), mug.visible) == (50, 0.5)
    assert (key.mask.sum(), key.visible) == (100, 1.0)
    assert not (mug.mask & key.mask).any()
    assert mug.mask[:10, :5].all()


def test_clutter_hides_but_has_no_label() -> None:
    compositor = Compositor(20)
    compositor.put("mug", _square(10), 0, 0)
    compositor.put(None, _square(4), 0, 0)
    (mug,) = compositor.instances()
    assert mug.visible == 0.84
    assert not mug.mask[:4, :4].any()


def test_the_part_outside_the_image_counts_as_hidden() -> None:
    compositor = Compositor(20)
    compositor.put("mug", _square(10), -4, -2)
    (mug,) = compositor.instances()
    assert (mug.mask.sum(), mug.visible) == (48, 0.48)


def test_half_covered_pixels_belong_to_the_object() -> None:
    sprite = Sprite(np.zeros((1, 3, 3), np.float32), np.array([[0.49, 0.5, 1.0]], np.float32))
    assert sprite.mask.tolist() == [[False, True, True]]


def test_placing_never_hides_too_much_and_gives_up_where_there_is_no_room() -> None:
    for seed in range(40):
        rng, compositor = np.random.default_rng(seed), Compositor(24)
        for number in range(8):
            compositor.place(rng, "mug" if number % 2 == 0 else None, _square(12))
        instances = compositor.instances()
        assert 1 <= len(instances) < 8
        assert min(instance.visible for instance in instances) >= MIN_VISIBLE


def test_placing_always_draws_the_same_number_of_random_numbers() -> None:
    roomy, crowded = np.random.default_rng(0), np.random.default_rng(0)
    full = Compositor(12)
    full.put("mug", _square(12), 0, 0)
    Compositor(100).place(roomy, None, _square(12))
    full.place(crowded, None, _square(12))
    assert roomy.random() == crowded.random()


def test_composite_shows_what_the_masks_say() -> None:
    compositor = Compositor(20)
    compositor.put("mug", _square(10, 0.5), 0, 0)
    compositor.put("key", _square(10, 1.0), 5, 0)
    picture = compositor.composite(np.zeros((20, 20, 3), np.float32), LAMP)
    mug, key = compositor.instances()
    assert (picture[mug.mask] == 0.5).all()
    assert (picture[key.mask] == 1.0).all()
    assert (picture[~mug.mask & ~key.mask] == 0).all()


def test_shadow_falls_away_from_the_lamp() -> None:
    compositor = Compositor(60)
    compositor.put("mug", _square(20), 20, 20)
    lamp = Light((-0.6, 0.0, 0.8), ambient=1.0, shadow=0.5)  # from the left
    picture = compositor.composite(np.ones((60, 60, 3), np.float32), lamp)
    assert picture[30, 41].mean() < picture[30, 18].mean() < 1
    assert picture[5, 5].tolist() == [1, 1, 1]
