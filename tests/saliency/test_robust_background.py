"""Robust background detection against its sums written as loops, and on pictures whose object is known."""

from __future__ import annotations

import heapq
import math

import cv2
import numpy as np
import pytest

from codo.saliency import robust_background
from codo.saliency.robust_background import of_superpixels, saliency, shortest_paths


def dijkstra(steps: np.ndarray, start: int) -> list[float]:
    found, queue = {}, [(0.0, start)]
    while queue:
        length, node = heapq.heappop(queue)
        if node not in found:
            found[node] = length
            for other in range(len(steps)):
                if np.isfinite(steps[node, other]):
                    heapq.heappush(queue, (length + steps[node, other], other))
    return [found.get(node, math.inf) for node in range(len(steps))]


def plain(colors: np.ndarray, places: np.ndarray, touches: np.ndarray, border: np.ndarray) -> np.ndarray:
    """Zhu et al. 2014, Eq. 1 to 9, one superpixel at a time."""
    n = len(colors)
    apart = [[math.dist(colors[p], colors[q]) for q in range(n)] for p in range(n)]
    near = [[q for q in range(n) if q != p and (touches[p, q] or (border[p] and border[q]))] for p in range(n)]
    clip = sum(min(apart[p][q] for q in near[p]) for p in range(n)) / n
    steps = np.full((n, n), math.inf)
    for p in range(n):
        for q in near[p]:
            steps[p, q] = max(0.0, apart[p][q] - clip)
    background = []
    for p in range(n):
        weights = [math.exp(-(d**2) / (2 * 10**2)) for d in dijkstra(steps, p)]
        boundary = sum(w for w, edge in zip(weights, border, strict=True) if edge) / math.sqrt(sum(weights))
        background.append(1 - math.exp(-(boundary**2) / 2))
    foreground = np.array(
        [
            sum(
                apart[p][q] * math.exp(-(math.dist(places[p], places[q]) ** 2) / (2 * 0.25**2)) * background[q]
                for q in range(n)
            )
            for p in range(n)
        ]
    )
    foreground = (foreground - foreground.min()) / (foreground.max() - foreground.min())
    # The minimum by coordinate descent, not by a linear system: each s_p is a weighted mean of its terms.
    s = np.zeros(n)
    for _ in range(3000):
        for p in range(n):
            ties = [math.exp(-(apart[p][q] ** 2) / (2 * 10**2)) + 0.1 for q in near[p]]
            pull = foreground[p] + sum(w * s[q] for w, q in zip(ties, near[p], strict=True))
            s[p] = pull / (background[p] + foreground[p] + sum(ties))
    return (s - s.min()) / (s.max() - s.min())


def test_equals_the_sums_of_the_paper() -> None:
    rng = np.random.default_rng(0)
    rows, columns = 4, 5
    y, x = np.indices((rows, columns)).reshape(2, -1)
    colors = rng.uniform(0, 40, (rows * columns, 3))
    places = np.stack([y, x], axis=1) / columns
    touches = np.abs(y[:, None] - y) + np.abs(x[:, None] - x) == 1
    border = (y == 0) | (y == rows - 1) | (x == 0) | (x == columns - 1)
    found = of_superpixels(colors, places, touches, border)
    assert np.allclose(found, plain(colors, places, touches, border), atol=1e-6)


def test_shortest_paths_are_dijkstras() -> None:
    rng = np.random.default_rng(1)
    steps = rng.uniform(0, 9, (12, 12))
    steps = np.where(rng.random((12, 12)) < 0.25, steps, np.inf)
    steps = np.minimum(steps, steps.T)
    np.fill_diagonal(steps, 0)
    assert np.allclose(shortest_paths(steps), [dijkstra(steps, i) for i in range(12)])


def drawn(noise: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """A red disc on blue, and where it is; with noise on both."""
    image = np.full((90, 120, 3), (40, 60, 160), np.float64)
    disc = np.zeros((90, 120), np.uint8)
    cv2.circle(disc, (70, 40), 22, 1, -1)
    image[disc > 0] = (200, 50, 40)
    image += np.random.default_rng(0).normal(0, noise, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8), disc > 0


@pytest.mark.parametrize("noise", [0.0, 12.0])
def test_an_object_is_salient(noise: float) -> None:
    image, disc = drawn(noise)
    found = saliency(image)
    assert found.shape == disc.shape
    assert found[disc].mean() > 0.85
    assert found[~disc].mean() < 0.1


def test_large_pictures_are_reduced() -> None:
    image, disc = drawn()
    found = saliency(cv2.resize(image, (480, 360), interpolation=cv2.INTER_NEAREST))
    assert max(found.shape) == robust_background.LONGEST
    there = cv2.resize(disc.astype(np.uint8), found.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    assert found[there].mean() > 0.8 > 0.2 > found[~there].mean()


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 200), (64, 64)])
def test_nothing_is_salient_in_one_color(size: tuple[int, int]) -> None:
    found = saliency(np.full((*size, 3), 90, np.uint8))
    assert not found.any()


def test_it_is_a_function_of_the_pixels() -> None:
    image, _ = drawn(20)
    assert np.array_equal(saliency(image), saliency(image.copy()))
