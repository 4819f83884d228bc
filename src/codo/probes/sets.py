"""A fixed set of labeled canvases to probe with: which are drawn, and how they are scored.

Legend: N canvases to learn from, M to judge by, S side, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from codo.core.errors import InputError
from codo.core.rng import RngStream, generator
from codo.probes.linear import linear_predict
from codo.probes.neighbors import knn_predict
from codo.views.lazy_image import Image

Ints = npt.NDArray[np.int64]
Featurize = Callable[[Tensor, Tensor], Tensor]
"""uint8 canvases ``(n, S, S, 3)`` and boxes ``(n, 4)`` to features ``(n, F)``."""


@dataclass(frozen=True)
class Part:
    """Labeled canvases.

    Attributes:
        images: uint8 ``(n, S, S, 3)``.
        boxes: float32 ``(n, 4)`` in canvas pixels.
        labels: int64 ``(n,)`` in 0..C-1.
    """

    images: Tensor
    boxes: Tensor
    labels: Tensor


@dataclass(frozen=True)
class ProbeSet:
    """What a trunk is asked.

    Attributes:
        name: First part of the scores' names: ``roi`` or ``image``.
        train: What the probe learns from.
        val: Held out, what it is judged by.
        classes: Names of the classes.
        judges: The image files that ``val`` was made from; pretraining should not have seen them.
        warnings: What the user should know of the data.
    """

    name: str
    train: Part
    val: Part
    classes: Sequence[str]
    judges: Sequence[Path] = ()
    warnings: Sequence[str] = ()

    @torch.no_grad()
    def scores(self, featurize: Featurize, batch: int = 64) -> dict[str, float]:
        """``roi/knn``, ``roi/linear`` (mean recall of the classes) and ``roi/chance``, or the same of ``image``."""
        learned, asked = (self._features(part, featurize, batch) for part in (self.train, self.val))
        found = {"chance": 1 / len(self.classes)}
        for name, predict in (("knn", knn_predict), ("linear", linear_predict)):
            predicted = predict(learned, self.train.labels, asked, len(self.classes))
            found[name] = balanced_accuracy(predicted, self.val.labels)
        return {f"{self.name}/{name}": value for name, value in found.items()}

    @staticmethod
    def _features(part: Part, featurize: Featurize, batch: int) -> Tensor:
        pairs = zip(torch.split(part.images, batch), torch.split(part.boxes, batch), strict=True)
        return torch.cat([featurize(images, boxes).float().cpu() for images, boxes in pairs])


def balanced_accuracy(predicted: Tensor, labels: Tensor) -> float:
    """Mean over the classes that occur of the share of their samples that are right; guessing gives 1 / C."""
    right = (predicted == labels).double()
    return float(torch.stack([right[labels == c].mean() for c in torch.unique(labels)]).mean())


def draw(labels: Ints, count: int, stream: int) -> Ints:
    """At most ``count`` samples, every class in turn, the same on every machine and for every method.

    Args:
        labels: (n,) class of every sample.
        count: How many are wanted.
        stream: Tells draws of different sets apart.

    Returns:
        Indices, ascending.
    """
    places = np.empty(len(labels), dtype=np.int64)
    order = generator(0, 2, stream, RngStream.PROBE).permutation(len(labels))
    for label in np.unique(labels):
        of_class = order[labels[order] == label]
        places[of_class] = np.arange(len(of_class))  # the first of every class come before any second
    ranked = order[np.argsort(places[order], kind="stable")]
    return np.sort(ranked[:count])


def squeeze(image: Image, side: int) -> Image:
    """An image ``(H, W, 3)`` as ``(side, side, 3)``; pixels are averaged where it shrinks."""
    method = cv2.INTER_AREA if min(image.shape[:2]) > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (side, side), interpolation=method), dtype=np.uint8)


def common_classes(train: Ints, val: Ints, names: Sequence[str], where: str) -> list[int]:
    """Classes that have samples to learn from and to judge by.

    Raises:
        InputError: Fewer than two.
    """
    found = sorted(set(train.tolist()) & set(val.tolist()))
    if len(found) < 2:
        there = ", ".join(names[label] for label in found) or "none"
        what = f"a probe needs two classes that both splits show; there are {len(found)} ({there})"
        raise InputError(what, where=where, fix="give more labeled images, or leave the probe out")
    return found
