"""A fixed set of labeled canvases for probes: how its samples are chosen, and how probes on it are scored.

Legend: N canvases to learn from, M for evaluation, S side, C classes.
"""

from __future__ import annotations

import os
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
from codo.duplicates.identical_images import identical_files
from codo.probes.linear import linear_predict
from codo.probes.neighbors import knn_predict
from codo.views.lazy_image import Image

Ints = npt.NDArray[np.int64]
Featurize = Callable[[Tensor, Tensor], Tensor]
"""uint8 canvases ``(n, S, S, 3)`` and boxes ``(n, 4)`` to features ``(n, F)``."""
FeaturizeParts = Callable[[Tensor, Tensor], dict[str, Tensor]]
"""The same to the features of every part of a network."""


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
    """Training and evaluation data of a probe.

    Attributes:
        name: First part of the scores' names: ``roi`` or ``image``.
        train: Canvases to learn from.
        val: Held-out canvases for evaluation.
        classes: Names of the classes.
        val_files: The image files of ``val``; pretraining should not have used them.
        warnings: What the user should know about the data.
    """

    name: str
    train: Part
    val: Part
    classes: Sequence[str]
    val_files: Sequence[Path] = ()
    warnings: Sequence[str] = ()

    @property
    def effective_count(self) -> float:
        """Size of a set with as many samples of every class whose scores would have the same standard error.

        A mean of C recalls has the variance p (1 - p) sum(1 / n_c) / C^2, in which the rarest classes weigh most.
        """
        counts = torch.unique(self.val.labels, return_counts=True)[1].double()
        return float(len(counts) ** 2 / (1 / counts).sum())

    @torch.no_grad()
    def scores(self, featurize: Featurize, batch: int = 64) -> dict[str, float]:
        """``roi/knn``, ``roi/linear`` (mean recall of the classes) and ``roi/chance``; with ``image/`` for images."""
        return self.part_scores(lambda images, boxes: {"": featurize(images, boxes)}, "", batch)

    @torch.no_grad()
    def part_scores(self, featurize: FeaturizeParts, main: str, batch: int = 64) -> dict[str, float]:
        """Scores of several parts of a network.

        Args:
            featurize: Gives the features of every part; parts without a name have no scores of their own.
            main: The part whose scores are ``roi/knn`` and ``roi/linear``.
            batch: Canvases at a time.

        Returns:
            ``roi/knn``, ``roi/linear`` and ``roi/chance``; and ``roi/backbone/knn``, ``roi/backbone/linear``, …
        """
        train, val = (featurize_all(featurize, part.images, part.boxes, batch) for part in (self.train, self.val))
        scores = {"chance": 1 / len(self.classes)}
        for part in train:
            for name, predict in (("knn", knn_predict), ("linear", linear_predict)):
                predicted = predict(train[part], self.train.labels, val[part], len(self.classes))
                score = balanced_accuracy(predicted, self.val.labels)
                scores |= {name: score} if part == main else {}
                scores |= {f"{part}/{name}": score} if part else {}
        return {f"{self.name}/{name}": value for name, value in scores.items()}


@torch.no_grad()
def featurize_all(featurize: FeaturizeParts, images: Tensor, boxes: Tensor, batch: int = 64) -> dict[str, Tensor]:
    """Features ``(n, F)`` of every part on the CPU, for any number of canvases and boxes ``(n, 4)``."""
    pairs = zip(torch.split(images, batch), torch.split(boxes, batch), strict=True)
    found = [featurize(some, of) for some, of in pairs]
    return {part: torch.cat([one[part].float().cpu() for one in found]) for part in found[0]}


def balanced_accuracy(predicted: Tensor, labels: Tensor) -> float:
    """Mean recall over the classes that occur in ``labels``; chance is 1 / C."""
    correct = (predicted == labels).double()
    return float(torch.stack([correct[labels == c].mean() for c in torch.unique(labels)]).mean())


def overlap_warning(train: Sequence[Path], val: Sequence[Path], where: str) -> str:
    """A warning about evaluation images that are also learned from, under whatever name; else an empty string."""
    learned = {os.path.realpath(path) for path in train}
    both = [path for path in val if os.path.realpath(path) in learned]
    both = list(dict.fromkeys([*both, *(path for path, _ in identical_files(train, val))]))
    if not both:
        return ""
    what = f"{where}: probes learn from {len(both)} of the {len(val)} images that they are judged by (the first: "
    return f"{what}{both[0].name}); their scores do not hold for new images"


def draw(labels: Ints, count: int, stream: int) -> Ints:
    """Choose at most ``count`` samples, balanced over the classes, the same on every machine and for every method.

    Args:
        labels: (n,) class of every sample.
        count: Largest number of samples.
        stream: Number of the set; different sets get independent draws.

    Returns:
        Indices, ascending.
    """
    rank_in_class = np.empty(len(labels), dtype=np.int64)
    order = generator(0, 2, stream, RngStream.PROBE).permutation(len(labels))
    for label in np.unique(labels):
        of_class = order[labels[order] == label]
        rank_in_class[of_class] = np.arange(len(of_class))  # the first of every class come before any second
    ranked = order[np.argsort(rank_in_class[order], kind="stable")]
    return np.sort(ranked[:count])


def squeeze(image: Image, side: int) -> Image:
    """Resize an image ``(H, W, 3)`` to ``(side, side, 3)``; downscaling averages pixels."""
    method = cv2.INTER_AREA if min(image.shape[:2]) > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (side, side), interpolation=method), dtype=np.uint8)


def common_classes(train: Ints, val: Ints, names: Sequence[str], where: str) -> list[int]:
    """Classes with samples in both splits.

    Raises:
        InputError: There are fewer than two.
    """
    found = sorted(set(train.tolist()) & set(val.tolist()))
    if len(found) < 2:
        if len(names) == 1:
            what = f"a probe tells classes apart, and these data have only one ({names[0]})"
            fix = "leave it out; invariance and features/… need no labels, and codo compare measures what counts"
            raise InputError(what, where=where, fix=fix)
        common = ", ".join(names[label] for label in found) or "none"
        what = f"a probe needs two classes that occur in both splits; there {'is' if found else 'are'} {len(found)}"
        raise InputError(f"{what} ({common})", where=where, fix="give more labeled images, or turn the probe off")
    return found
