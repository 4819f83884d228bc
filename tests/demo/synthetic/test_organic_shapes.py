"""What makes a fish, a tree, a flower and a starfish, found in the outlines."""

from __future__ import annotations

import numpy as np
import pytest

from codo.demo.synthetic.organic_shapes import fish, flower, starfish, tree
from codo.demo.synthetic.primitives import BODY, DARK, LIGHT, SECOND, THIRD
from tests.demo.synthetic.figures import area, bounds, figures


def test_a_fish_has_its_tail_behind_and_its_eye_in_front() -> None:
    for figure in figures(fish):
        tail, dorsal, pelvic, body, _, flipper, eye, pupil = figure
        assert body.slot == BODY
        assert tail.slot == dorsal.slot == pelvic.slot == flipper.slot in (BODY, SECOND)
        assert bounds([tail])[2] > bounds([body])[2] == pytest.approx(1)
        assert bounds([dorsal])[1] < bounds([body])[1]
        assert bounds([pelvic])[3] > bounds([body])[3]
        assert (eye.slot, pupil.slot) == (LIGHT, DARK)
        assert bounds([eye])[2] < -0.3
        assert area(pupil.outline) == pytest.approx(0.55**2 * area(eye.outline), rel=0.05)


def test_a_tree_is_a_crown_on_a_trunk() -> None:
    for figure in figures(tree):
        trunk, *crown = figure
        assert trunk.slot == SECOND
        assert bounds([trunk])[3] == bounds(figure)[3] == 1  # the ground
        leaves = [part for part in crown if part.slot == BODY]
        assert len(leaves) >= 3
        assert {part.slot for part in crown} <= {BODY, THIRD}
        left, top, right, _ = bounds(leaves)
        assert top < -0.5
        assert right - left > bounds([trunk])[2] - bounds([trunk])[0]


def test_a_flower_s_petals_surround_its_disc() -> None:
    rings = set()
    for figure in figures(flower):
        petals = [part for part in figure if part.slot == BODY]
        disc = next(part for part in figure if part.slot == SECOND)
        assert np.abs(disc.outline.mean(0)).max() < 1e-9  # in the middle
        angles = np.sort([np.arctan2(*petal.outline.mean(0)[::-1]) for petal in petals])
        apart = np.diff(np.append(angles, angles[0] + 2 * np.pi))
        assert apart.max() < 2 * np.pi / 5 + 0.3  # all around
        assert all(np.linalg.norm(petal.outline, axis=1).max() > 0.5 for petal in petals)
        rings.add(len(petals))
    assert min(rings) >= 5
    assert max(rings) <= 20


def test_a_starfish_has_five_or_six_arms() -> None:
    counts = []
    for figure in figures(starfish):
        radius = np.linalg.norm(figure[0].outline, axis=1)
        peaks = (radius > np.roll(radius, 1)) & (radius > np.roll(radius, -1)) & (radius > 0.8)
        counts.append(int(peaks.sum()))
        assert counts[-1] * 24 == len(radius)
        warts = figure[1:]
        assert all(part.slot == SECOND for part in warts)
        assert len(warts) % counts[-1] == 0  # as many on every arm
        assert all(np.linalg.norm(wart.outline.mean(0)) < radius.max() for wart in warts)
    assert set(counts) == {5, 6}
    assert counts.count(5) > counts.count(6)
