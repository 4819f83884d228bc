"""Efficient graph-based segmentation (Felzenszwalb & Huttenlocher 2004) of one image for several ``k`` at once.

Legend: ``C`` channels, ``h, w`` rows and columns, ``E`` edges, ``M`` nodes of the contracted graph, ``R`` regions.

A pixel is a node with edges to its right and lower neighbor; the weight of an edge is the Euclidean distance of the two
smoothed colors. Edges are visited by increasing weight; an edge of weight ``e`` merges components ``A != B`` if (their
Eq. 3-4)

    e <= min(Int(A) + k / |A|,  Int(B) + k / |B|),        Int(A): the heaviest edge merged into A so far.

Most of this work does not depend on ``k``: if an edge merges two components for the smallest ``k``, and the components
are the same for all ``k``, it merges them for every ``k``. `contract` decides those edges once. If the smallest ``k``
rejects an edge, both components are *frozen*; every later edge to a frozen component freezes the other component and is
kept as *open*. `segment` then decides the open edges (a quarter of all) on the contracted graph (a tenth of the nodes)
for each ``k``. The result is exactly that of a separate run over all edges for each ``k``.

Weights, ``Int`` and ``k`` are in units of ``2**-FRACTION`` (see `smoothing`); ties are visited in raster order.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from codo.core.jit import Ints, kernel

Edges = npt.NDArray[np.int64]

WEIGHTS = 1 << 15  # all weights lie below (see `smoothing`)
NODE_BITS = 24  # an edge is one word: weight << 48 | node << 24 | node
MAX_PIXELS = 1 << NODE_BITS
NODE = MAX_PIXELS - 1
PARENT, SIZE, LIMIT, INTERNAL = 0, 1, 2, 3  # columns of a node: one cache line serves a whole visit
FROZEN = -1  # as LIMIT: below every weight
BLOCK = 128


@kernel
def sorted_edges(smoothed: Ints) -> Edges:
    """All edges ``(E,)`` of the 4-connected grid by increasing weight, equal ones in raster order: a counting sort."""
    channels, h, w = smoothed.shape
    weight = np.zeros((2, h, w), np.int32)  # to the right neighbor, to the lower neighbor
    for c in range(channels):
        for y in range(h):
            for x in range(w - 1):
                d = smoothed[c, y, x + 1] - smoothed[c, y, x]
                weight[0, y, x] += d * d
            if y + 1 < h:
                for x in range(w):
                    d = smoothed[c, y + 1, x] - smoothed[c, y, x]
                    weight[1, y, x] += d * d
    flat = weight.reshape(-1)
    for i in range(len(flat)):
        flat[i] = np.int32(np.sqrt(np.float32(flat[i])))  # IEEE: correctly rounded everywhere
    place = np.zeros(WEIGHTS + 1, np.int32)
    for y in range(h):
        for x in range(w - 1):
            place[weight[0, y, x] + 1] += 1
        if y + 1 < h:
            for x in range(w):
                place[weight[1, y, x] + 1] += 1
    for i in range(WEIGHTS):
        place[i + 1] += place[i]
    edges = np.empty(place[WEIGHTS], np.int64)
    for y in range(h):
        for x in range(w):
            node = np.int64(y * w + x)
            if x + 1 < w:
                e = weight[0, y, x]
                edges[place[e]] = (np.int64(e) << 48) | (node << NODE_BITS) | (node + 1)
                place[e] += 1
            if y + 1 < h:
                e = weight[1, y, x]
                edges[place[e]] = (np.int64(e) << 48) | (node << NODE_BITS) | (node + w)
                place[e] += 1
    return edges


@kernel
def _root(nodes: Ints, a: np.uint32) -> np.uint32:
    """The representative of a node's component (with path halving)."""
    while True:
        parent = np.uint32(nodes[a, PARENT])
        if parent == a:
            return a
        nodes[a, PARENT] = nodes[parent, PARENT]
        a = parent


@kernel
def _merge(nodes: Ints, a: np.uint32, b: np.uint32) -> np.uint32:
    """Merge two roots by size; returns the remaining root."""
    if nodes[a, SIZE] < nodes[b, SIZE]:
        a, b = b, a
    nodes[b, PARENT] = a
    nodes[a, SIZE] += nodes[b, SIZE]
    return a


@kernel
def _visit(nodes: Ints, edges: Edges, k: int, freeze: np.bool_) -> Edges:
    """Visit the edges in order, merging `nodes` in place; returns the rejected edges, in order.

    Half of the edges have the same component on both sides. They are removed block by block and without a branch: a
    processor cannot predict which ones they are, and mispredictions would cost more time than everything else.
    """
    rejected = np.empty(len(edges), np.int64)
    count = 0
    candidates = np.empty((BLOCK, 3), np.int64)
    for start in range(0, len(edges), BLOCK):
        n = 0
        for i in range(start, min(start + BLOCK, len(edges))):
            u, v = np.uint32((edges[i] >> NODE_BITS) & NODE), np.uint32(edges[i] & NODE)
            above_u = nodes[np.uint32(nodes[u, PARENT]), PARENT]
            above_v = nodes[np.uint32(nodes[v, PARENT]), PARENT]
            nodes[u, PARENT], nodes[v, PARENT] = above_u, above_v
            candidates[n, 0], candidates[n, 1], candidates[n, 2] = edges[i], above_u, above_v
            n += above_u != above_v
        for i in range(n):
            a, b = _root(nodes, np.uint32(candidates[i, 1])), _root(nodes, np.uint32(candidates[i, 2]))
            if a == b:
                continue
            e = np.int32(candidates[i, 0] >> 48)
            if e <= nodes[a, LIMIT] and e <= nodes[b, LIMIT]:
                a = _merge(nodes, a, b)
                nodes[a, INTERNAL] = e
                nodes[a, LIMIT] = e + k // nodes[a, SIZE]
            else:
                rejected[count] = candidates[i, 0]
                count += 1
                if freeze:
                    nodes[a, LIMIT] = nodes[b, LIMIT] = FROZEN
    return rejected[:count]


@kernel
def _number(nodes: Ints) -> tuple[Ints, int]:
    """Number the components 0, 1, ... by their first node; returns the component of every node and their number."""
    n = len(nodes)
    number = np.full(n, -1, np.int32)
    out = np.empty(n, np.int32)
    count = 0
    for i in range(n):
        root = _root(nodes, np.uint32(i))
        if number[root] < 0:
            number[root] = count
            count += 1
        out[i] = number[root]
    return out, count


@kernel
def contract(edges: Edges, pixels: int, k: int) -> tuple[Ints, Ints, Edges]:
    """Decide every edge whose outcome is the same for all thresholds from ``k`` up.

    Args:
        edges: ``(E,)`` from `sorted_edges`.
        pixels: Number of pixels.
        k: The smallest threshold that `segment` will be called with, in units of ``2**-FRACTION``.

    Returns:
        The node of every pixel ``(h w,)``, the nodes ``(M, 4)``, and the open edges between them, in order.
    """
    nodes = np.empty((pixels, 4), np.int32)
    for i in range(pixels):
        nodes[i, PARENT], nodes[i, SIZE], nodes[i, LIMIT], nodes[i, INTERNAL] = i, 1, k, 0
    open_edges = _visit(nodes, edges, k, np.bool_(True))
    node_of_pixel, count = _number(nodes)
    contracted = np.empty((count, 4), np.int32)
    for i in range(pixels):
        if np.uint32(nodes[i, PARENT]) == i:
            node = node_of_pixel[i]
            contracted[node, PARENT] = node
            contracted[node, SIZE], contracted[node, INTERNAL] = nodes[i, SIZE], nodes[i, INTERNAL]
    for i in range(len(open_edges)):
        e = open_edges[i]
        u, v = np.int64(node_of_pixel[(e >> NODE_BITS) & NODE]), np.int64(node_of_pixel[e & NODE])
        open_edges[i] = (e >> 48 << 48) | (u << NODE_BITS) | v
    return node_of_pixel, contracted, open_edges


@kernel
def segment(contracted: Ints, open_edges: Edges, k: int, min_size: int) -> tuple[Ints, int]:
    """Finish the segmentation for one threshold, then merge components below ``min_size`` along the lightest edges.

    Args:
        contracted: ``(M, 4)`` from `contract`; not changed.
        open_edges: From `contract`.
        k: Threshold, at least that of `contract`, in units of ``2**-FRACTION``.
        min_size: Every region has at least this many pixels, unless the image has fewer.

    Returns:
        The region ``0..R-1`` of every node ``(M,)``, numbered in raster order, and ``R``.
    """
    nodes = contracted.copy()
    for i in range(len(nodes)):
        nodes[i, LIMIT] = nodes[i, INTERNAL] + k // nodes[i, SIZE]
    rejected = _visit(nodes, open_edges, k, np.bool_(False))
    for i in range(len(rejected)):
        a, b = _root(nodes, np.uint32((rejected[i] >> NODE_BITS) & NODE)), _root(nodes, np.uint32(rejected[i] & NODE))
        if a != b and (nodes[a, SIZE] < min_size or nodes[b, SIZE] < min_size):
            _merge(nodes, a, b)
    return _number(nodes)
