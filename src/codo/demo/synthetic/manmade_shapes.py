"""Random figures of man-made classes: mug, house, car, key."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from codo.demo.synthetic.outlines import arc, box, ellipse, polygon, rounded, stroke
from codo.demo.synthetic.primitives import BODY, DARK, HOLE, LIGHT, SECOND, THIRD, Figure, Part


def mug(rng: np.random.Generator) -> Figure:
    """A cup seen slightly from above: handle with a hole, body, rim, inside."""
    top, height = rng.uniform(0.55, 0.8), rng.uniform(0.55, 1.0)
    bottom, bulge, tilt = top * rng.uniform(0.6, 1.0), rng.uniform(-0.05, 0.12), rng.uniform(0.1, 0.3)
    grip, reach, thick = height * rng.uniform(0.45, 0.7), rng.uniform(0.3, 0.5), rng.uniform(0.1, 0.17)
    x, y, power = 0.93 * (top + bottom) / 2, height * rng.uniform(-0.15, 0.1), rng.uniform(1.9, 3.5)
    t = np.linspace(-1, 1, 9)
    side = (top + bottom) / 2 + (bottom - top) / 2 * t + bulge * (1 - t**2)
    right = np.stack([side, height * t], axis=1)
    left = right[::-1] * np.array([-1, 1])
    body = np.concatenate([right, arc(0, height, bottom, tilt * bottom, 0, np.pi), left])
    figure = [
        Part(ellipse(x, y, reach, grip, power=power), BODY if rng.random() < 0.7 else SECOND),
        Part(ellipse(x, y, reach - thick, grip - thick, power=power), HOLE),
        Part(body, BODY),
    ]
    if rng.random() < 0.4:  # a painted band around the body
        low, high = np.sort(rng.uniform(-0.6, 0.9, 2))
        (wide_low, wide_high), lowest = np.interp([low, high + 0.1], t, side), height * (high + 0.1)
        upper = arc(0, height * low, wide_low, tilt * wide_low, np.pi, 0)
        lower = arc(0, lowest, wide_high, tilt * wide_high, 0, np.pi)
        figure.append(Part(np.concatenate([upper, lower]), SECOND))
    rim = ellipse(0, -height, top, tilt * top)
    inside = ellipse(0, -height, top * 0.9, tilt * top * 0.86)
    return [*figure, Part(rim, BODY), Part(inside, rng.choice([DARK, THIRD, LIGHT]))]


def house(rng: np.random.Generator) -> Figure:
    """A wall with a door and rows of windows under a gable or hipped roof; sometimes the side shows as well."""
    half, high = rng.uniform(0.6, 0.95), rng.uniform(0.5, 0.9)
    eaves, rise = rng.uniform(0.06, 0.16), rng.uniform(0.4, 0.75)
    gable, deep = rng.random() < 0.65, rng.uniform(0.4, 0.7) if rng.random() < 0.5 else 0.0
    top, ground = 0.9 - 2 * high * 0.72, 0.9
    ridge = 0.0 if gable else half * rng.uniform(0.45, 0.75)
    figure: Figure = []
    if rng.random() < 0.6:
        x = rng.choice([-1, 1]) * half * rng.uniform(0.3, 0.6)
        figure.append(Part(box(x - 0.09, top - rise - 0.05, x + 0.09, top), THIRD))
    if deep:  # the side wall and its roof, drawn in cabinet projection
        up = deep * 0.35
        figure.append(
            Part(polygon([(half, top), (half + deep, top - up), (half + deep, ground - up), (half, ground)]), BODY)
        )
        slope = [
            (ridge, top - rise),
            (ridge + deep, top - rise - up),
            (half + eaves + deep, top + eaves - up),
            (half + eaves, top + eaves),
        ]
        figure.append(Part(polygon(slope), SECOND))
    figure.append(Part(box(-half, top, half, ground), BODY))
    roof = [(-half - eaves, top + eaves), (-ridge, top - rise), (ridge, top - rise), (half + eaves, top + eaves)]
    if gable and rng.random() < 0.5:  # the wall runs up into the gable, the roof is a rafter on each side
        figure.append(Part(polygon([(-half, top + 0.01), (0, top - rise), (half, top + 0.01)]), BODY))
        rafter = polygon([(-half - eaves, top + eaves), (0, top - rise), (half + eaves, top + eaves)])
        figure.append(Part(stroke(rafter, rng.uniform(0.12, 0.18)), SECOND))
    else:
        figure.append(Part(polygon(roof), SECOND))
    columns, rows = int(rng.integers(2, 4)), int(rng.integers(1, 3))
    pitch, floor = 2 * half / columns, (ground - top) / rows
    door = int(rng.integers(columns))
    for column in range(columns):
        for row in range(rows):
            x, y = -half + (column + 0.5) * pitch, top + (row + 0.5) * floor
            w, h = pitch * 0.27, floor * 0.27
            if row == rows - 1 and column == door:
                figure.append(Part(box(x - w, y - h, x + w, ground), THIRD))
                continue
            figure.append(Part(box(x - w, y - h, x + w, y + h), LIGHT))
            figure.append(Part(box(x - w * 0.72, y - h * 0.75, x + w * 0.72, y + h * 0.75), DARK))
    return figure


def car(rng: np.random.Generator) -> Figure:
    """A car from the side: body with a cabin somewhere between pick-up and van, windows, two wheels, lamps."""
    length, roof, belt = rng.uniform(1.05, 1.35), -rng.uniform(0.42, 0.68), rng.uniform(-0.16, -0.06)
    hood, boot = rng.uniform(0.25, 0.6) * length, rng.uniform(0.0, 0.5) * length
    rake, slant = rng.uniform(0.12, 0.35), rng.uniform(0.03, 0.4)
    front, rear, floor = -length + hood, length - boot, 0.3
    body = [(-length, floor), (-length, belt + 0.14), (-length + 0.1, belt + 0.04), (front, belt), (front + rake, roof)]
    body += [(rear - slant, roof), (rear, belt), (length - 0.04, belt + 0.03), (length, belt + 0.15), (length, floor)]
    figure = [Part(rounded(body, 2), BODY)]
    if rng.random() < 0.5:
        figure.append(Part(rounded([(-length, floor), (-length, 0.16), (length, 0.16), (length, floor)], 1), SECOND))
    gap, sill, lintel = 0.06, belt - 0.02, roof + 0.08
    steep = (sill - lintel) / max(sill - roof, 1e-6)
    left, right = front + 0.1, rear - 0.08
    panes, glass = int(rng.integers(1, 4)), (DARK, LIGHT, SECOND)[rng.integers(3)]  # else every car would be dark
    edges = np.linspace(0, 1, panes + 1)
    for a, b in pairwise(edges):
        low = [left + a * (right - left), left + b * (right - left)]
        tops = [left + rake * steep, right - slant * steep]
        high = [tops[0] + a * (tops[1] - tops[0]), tops[0] + b * (tops[1] - tops[0])]
        pane = [
            (low[0] + gap / 2, sill),
            (high[0] + gap / 2, lintel),
            (high[1] - gap / 2, lintel),
            (low[1] - gap / 2, sill),
        ]
        figure.append(Part(rounded(pane, 1), glass))
    seam = (left + right) / 2 + rng.uniform(-0.1, 0.1)
    figure.append(Part(box(seam, belt + 0.05, seam + 0.03, floor - 0.05), DARK))
    figure.append(Part(ellipse(-length + 0.09, belt + 0.16, 0.07, 0.05), LIGHT))
    figure.append(Part(ellipse(length - 0.07, belt + 0.17, 0.05, 0.06), THIRD))
    wheel, hub = rng.uniform(0.22, 0.32), rng.uniform(0.45, 0.65)
    for x in (-length * rng.uniform(0.56, 0.64), length * rng.uniform(0.54, 0.64)):
        figure.append(Part(ellipse(x, floor, wheel, wheel), DARK))
        figure.append(Part(ellipse(x, floor, wheel * hub, wheel * hub), LIGHT))
        figure.append(Part(ellipse(x, floor, wheel * 0.18, wheel * 0.18), DARK))
    return figure


def key(rng: np.random.Generator) -> Figure:
    """A bow with a hole, a long shaft, and a bit of two to four teeth at its end."""
    kind, wide, high = rng.integers(3), rng.uniform(0.34, 0.48), rng.uniform(0.36, 0.55)
    thick, shaft, end = rng.uniform(0.1, 0.17), rng.uniform(0.14, 0.22), rng.uniform(0.9, 1.3)
    center = -0.85
    figure: Figure = []
    if kind < 2:
        power = (2.0, rng.uniform(3, 5))[kind]
        figure.append(Part(ellipse(center, 0, wide, high, power=power), BODY))
        hole = ellipse(center - wide * rng.uniform(0, 0.25), 0, wide - thick * 1.2, high - thick, power=power)
        figure.append(Part(hole, HOLE))
    else:  # a clover leaf of three rings
        wide, rings = 0.15, [(center + 0.05, -0.24), (center + 0.05, 0.24), (center - 0.28, 0.0)]
        figure += [Part(ellipse(x, y, 0.27, 0.27), BODY) for x, y in rings]
        figure += [Part(ellipse(x, y, 0.13, 0.13), HOLE) for x, y in rings]
    neck = center + wide - thick * 0.6
    figure.append(Part(rounded([(neck, -shaft / 2), (end, -shaft / 2), (end, shaft / 2), (neck, shaft / 2)], 1), BODY))
    if rng.random() < 0.6:
        figure.append(Part(box(neck + 0.08, -shaft * 0.85, neck + 0.2, shaft * 0.85), SECOND))
    teeth, pitch = int(rng.integers(2, 5)), rng.uniform(0.15, 0.2)
    for k in range(teeth):
        x, drop = end - 0.06 - k * pitch, rng.uniform(0.2, 0.42)
        figure.append(Part(box(x - pitch * rng.uniform(0.55, 0.9), shaft * 0.3, x, shaft / 2 + drop), BODY))
    return figure
