"""Random figures of organic classes: fish, tree, flower, starfish."""

from __future__ import annotations

import numpy as np

from codo.demo.synthetic.outlines import arc, blob, ellipse, moved, polar, polygon, rounded, stroke, turned
from codo.demo.synthetic.primitives import BODY, DARK, LIGHT, SECOND, THIRD, Figure, Part


def fish(rng: np.random.Generator) -> Figure:
    """A fish from the side, swimming left: tail, fins, spindle body, gill, eye."""
    depth, nose, bend = rng.uniform(0.3, 0.62), rng.uniform(0.6, 0.95), rng.uniform(-0.22, 0.22)
    t = np.linspace(0, 1, 24)
    back = -depth * np.sin(np.pi * t**nose) ** 0.8
    belly = depth * rng.uniform(0.75, 1.1) * np.sin(np.pi * t**nose) ** 0.9
    x = 2 * t - 1
    body = np.concatenate([np.stack([x, back], 1), np.stack([x, belly], 1)[::-1][1:-1]])
    span, fork, reach = depth * rng.uniform(0.7, 1.25), rng.uniform(-0.05, 0.28), rng.uniform(0.35, 0.6)
    tail = rounded([(0.72, 0), (1 + reach, -span), (1 + reach - fork, 0), (1 + reach, span)], int(rng.integers(1, 3)))
    start, end, high = rng.uniform(-0.5, -0.2), rng.uniform(0.35, 0.7), depth * rng.uniform(1.25, 1.75)
    dorsal = rounded([(start, -depth * 0.6), (start + 0.3, -high), (end, -high * 0.85), (end, 0)], 1)
    pelvic = rounded([(-0.2, depth * 0.5), (0.05, depth * 1.5), (0.3, depth * 1.35), (0.25, depth * 0.4)], 1)
    eye = (-0.66 + 0.1 * rng.random(), -depth * 0.22, depth * rng.uniform(0.14, 0.24))
    flipper = rounded([(-0.25, 0.05), (0.15, depth * 0.1), (0.2, depth * 0.5), (-0.05, depth * 0.45)], 2)
    gill = stroke(arc(-0.55, 0, 0.2, depth * 0.62, -1.1, 1.1), 0.05)
    fins = SECOND if rng.random() < 0.6 else BODY
    parts = [
        Part(tail, fins),
        Part(dorsal, fins),
        Part(pelvic, fins),
        Part(body, BODY),
        Part(gill, SECOND),
        Part(flipper, fins),
        Part(ellipse(*eye[:2], eye[2], eye[2]), LIGHT),
        Part(ellipse(*eye[:2], eye[2] * 0.55, eye[2] * 0.55), DARK),
    ]
    return [Part(outline + np.array([0, bend]) * outline[:, :1] ** 2, slot) for outline, slot in parts]


def tree(rng: np.random.Generator) -> Figure:
    """A trunk under a crown: clumps of leaves, tiers of branches, or one tall flame."""
    kind, thick = rng.integers(3), rng.uniform(0.14, 0.26)
    trunk = polygon(
        [(-thick * 0.6, -0.2), (thick * 0.6, -0.2), (thick * 0.8, 0.85), (thick, 1), (-thick, 1), (-thick * 0.8, 0.85)]
    )
    figure = [Part(trunk, SECOND)]
    if kind == 0:
        wide, high = rng.uniform(0.5, 0.75), rng.uniform(0.4, 0.6)
        for angle in rng.permutation(np.linspace(0, 2 * np.pi, int(rng.integers(5, 9)), endpoint=False)):
            x, y = wide * 0.62 * np.cos(angle), -0.35 + high * 0.62 * np.sin(angle)
            radius = rng.uniform(0.5, 0.68) * min(wide, high)
            figure.append(Part(blob(rng, x, y, radius, radius, lumps=0.22, waves=6), BODY))
        figure.append(Part(blob(rng, 0, -0.4, wide * 0.6, high * 0.6, lumps=0.2, waves=6), BODY))
    elif kind == 1:
        tiers, wide = int(rng.integers(3, 6)), rng.uniform(0.5, 0.8)
        for k in range(tiers):  # from the ground up, every tier over the one below it
            base = 0.6 - 1.3 * k / tiers
            half, tip = wide * (1 - 0.75 * k / tiers), base - 1.3 / tiers * rng.uniform(1.6, 1.9)
            sag = rng.uniform(0.03, 0.1)
            tier = [
                (0, tip),
                (half, base),
                (half * 0.5, base + sag),
                (0, base),
                (-half * 0.5, base + sag),
                (-half, base),
            ]
            figure.append(Part(rounded(tier, 1), BODY))
    else:
        wide, high = rng.uniform(0.35, 0.5), rng.uniform(0.75, 1.0)
        figure.append(Part(blob(rng, 0, -0.4, wide, high, lumps=0.15, waves=8), BODY))
        for y in rng.permutation(np.linspace(-0.75, 0.75, int(rng.integers(4, 8)))) * high:
            girth = wide * 0.62 * np.sqrt(1 - (y / high) ** 2)
            x = rng.uniform(-0.4, 0.4) * wide
            figure.append(Part(blob(rng, x, y - 0.4, girth, 0.25, lumps=0.3, waves=6), BODY))
    if kind != 1 and rng.random() < 0.35:  # fruit
        for x, y in rng.normal(0, 0.2, (int(rng.integers(4, 9)), 2)):
            figure.append(Part(ellipse(x, y - 0.4, 0.06, 0.06, points=12), THIRD))
    return figure


def flower(rng: np.random.Generator) -> Figure:
    """Petals around a disc, one or two rings of them; often a stem with leaves."""
    petals, width = int(rng.integers(5, 11)), rng.uniform(0.75, 1.25)
    blunt, notch = rng.uniform(0.35, 1.0), rng.uniform(0, 0.12) * (rng.random() < 0.4)
    figure: Figure = []
    if rng.random() < 0.6:
        sway = rng.uniform(-0.35, 0.35)
        y = np.linspace(0, rng.uniform(1.6, 2.2), 10)
        stem = np.stack([sway * (y / y[-1]) ** 2, y], axis=1)
        figure.append(Part(stroke(stem, 0.1, 0.14), THIRD))
        for side in rng.choice([-1, 1], int(rng.integers(0, 3)), replace=False):
            leaf = rounded([(0, 0), (0.35, -0.2), (0.8, -0.12), (0.4, 0.12)], 2) * np.array([side, 1])
            k = int(rng.integers(5, 8))
            figure.append(Part(moved(turned(leaf, side * rng.uniform(-0.5, 0.1)), *stem[k]), THIRD))
    t = np.linspace(0, 1, 12)
    half = width * np.pi / petals * np.sin(np.pi * t**0.75) ** blunt
    ends = 1 - notch * np.exp(-(np.linspace(-2, 2, 3) ** 2))
    petal = np.concatenate(
        [np.stack([t[:-1], half[:-1] * 0.62], 1), [[ends[1], 0.0]], np.stack([t[:-1], -half[:-1] * 0.62], 1)[::-1]]
    )
    start = rng.uniform(0, 2 * np.pi)
    for ring in range(1 + int(rng.random() < 0.35)):
        for k in rng.permutation(petals):
            reach = (1 - 0.35 * ring) * rng.uniform(0.92, 1.06)
            angle = start + (k + 0.5 * ring) * 2 * np.pi / petals + rng.uniform(-0.06, 0.06)
            figure.append(Part(turned(petal * reach, angle), BODY))
    disc = rng.uniform(0.2, 0.34)
    figure.append(Part(ellipse(0, 0, disc, disc), SECOND))
    if rng.random() < 0.5:
        figure.append(Part(ellipse(0, 0, disc * 0.55, disc * 0.55), DARK))
    return figure


def starfish(rng: np.random.Generator) -> Figure:
    """Five (rarely six) tapering, slightly bent arms out of one body, with warts along them."""
    arms = 5 if rng.random() < 0.85 else 6
    core, sharp = rng.uniform(0.28, 0.42), rng.uniform(1.6, 4.5)
    bend, start = rng.uniform(-0.25, 0.25), rng.uniform(0, 2 * np.pi)
    reach = rng.uniform(0.82, 1.08, arms)
    phase = np.linspace(0, arms, arms * 24, endpoint=False)
    radius = core + (reach[np.round(phase).astype(int) % arms] - core) * np.abs(np.cos(np.pi * phase)) ** sharp
    outline = polar(radius, start + phase * 2 * np.pi / arms + bend * radius**2)
    figure = [Part(outline, BODY)]
    wart, rows = rng.uniform(0.03, 0.055), int(rng.integers(0, 6))
    for arm in range(arms):
        for r in np.linspace(0.18, 0.75, rows) * reach[arm] if rows else ():
            angle = start + arm * 2 * np.pi / arms + bend * r**2
            figure.append(Part(ellipse(r * np.cos(angle), r * np.sin(angle), wart, wart, points=10), SECOND))
    return figure
