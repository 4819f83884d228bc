"""What makes a mug, a house, a car and a key, found in the outlines."""

from __future__ import annotations

import numpy as np
import pytest

from codo.demo.synthetic.manmade_shapes import car, house, key, mug
from codo.demo.synthetic.primitives import BODY, DARK, HOLE, LIGHT, SECOND, THIRD
from tests.demo.synthetic.figures import area, bounds, figures


def test_a_mug_s_handle_is_a_ring_that_reaches_out_of_its_body() -> None:
    for handle, hole, body, *rest in figures(mug):
        assert hole.slot == HOLE
        assert body.slot == BODY
        assert 0.1 * area(handle.outline) < area(hole.outline) < area(handle.outline)
        # The hole lies within the handle, and is seen beside the body.
        assert (np.abs(hole.outline - handle.outline.mean(0)) < np.ptp(handle.outline, axis=0) / 2).all()
        assert hole.outline[:, 0].max() > np.abs(body.outline[np.abs(body.outline[:, 1]) < 0.3][:, 0]).max()
        rim, inside = rest[-2:]
        assert bounds([rim])[0] < bounds([inside])[0] < bounds([inside])[2] < bounds([rim])[2]
        assert inside.slot in (DARK, THIRD, LIGHT)


def test_a_house_stands_on_the_ground_and_has_one_door() -> None:
    for figure in figures(house):
        ground = bounds(figure)[3]
        assert ground == pytest.approx(0.9)
        doors = [part for part in figure if part.slot == THIRD and bounds([part])[3] == pytest.approx(ground)]
        assert len(doors) == 1
        windows = [part for part in figure if part.slot == LIGHT]
        assert len(windows) in {2 * 1 - 1, 3 * 1 - 1, 2 * 2 - 1, 3 * 2 - 1}  # columns times rows, less the door
        assert sum(part.slot == DARK for part in figure) == len(windows)  # a pane in every frame
        roof = max((part for part in figure if part.slot == SECOND), key=lambda part: -bounds([part])[1])
        assert bounds([roof])[1] <= min(bounds([window])[1] for window in windows)


def test_a_car_has_two_round_wheels_below_its_body_and_windows_above_the_belt() -> None:
    for figure in figures(car):
        body, wheels = figure[0], figure[-6:]
        assert [part.slot for part in wheels] == [DARK, LIGHT, DARK] * 2
        rear, front = wheels[0], wheels[3]
        assert area(rear.outline) == pytest.approx(area(front.outline))
        assert bounds([rear])[2] < 0 < bounds([front])[0]
        assert bounds([rear])[3] == pytest.approx(bounds([front])[3])
        assert bounds([rear])[3] > bounds([body])[3]
        for tire, rim, hub in (wheels[:3], wheels[3:]):
            assert area(hub.outline) < area(rim.outline) < area(tire.outline)
        assert bounds([body])[2] - bounds([body])[0] > 2 * (bounds([body])[3] - bounds([body])[1])


def test_a_key_has_holes_on_one_side_and_teeth_on_the_other() -> None:
    counts = set()
    for figure in figures(key):
        holes = [part for part in figure if part.slot == HOLE]
        assert len(holes) in (1, 3)
        assert all(bounds([hole])[2] < -0.3 for hole in holes)
        # Teeth hang below the shaft, near the far end.
        shaft = next(part for part in figure if part.slot == BODY and bounds([part])[2] > 0.8)
        teeth = [p for p in figure if p.slot == BODY and bounds([p])[3] > bounds([shaft])[3] and bounds([p])[0] > -0.2]
        assert all(bounds([tooth])[1] < bounds([shaft])[3] for tooth in teeth)  # joined to it
        counts.add(len(teeth))
    assert counts == {2, 3, 4}
