"""Pictures in memory instead of a catalog, and steps of training on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from codo.catalog.catalog import Catalog
from codo.contrast.infonce import ContrastSettings
from codo.loading.dataset_inputs import DatasetInputs
from codo.loading.sampler import StepPlan
from codo.loading.step_dataset import StepDataset
from codo.methods.base import Method, Setup
from codo.models.encoder import ModelSettings
from codo.views.cpj import CPJSettings
from codo.views.lazy_image import Image, LazyImage
from codo.views.photometric import AugmentSettings

MODEL = ModelSettings(backbone="resnet18", width=0.125)
PLAIN = AugmentSettings(crop_area=(1, 1), crop_ratio=(1, 1), flip=0, color=0, gray=0, blur=0)
"""The largest square in the middle, unchanged."""


class Pictures:
    """Arrays in place of a catalog."""

    path = "memory"

    def __init__(self, images: Sequence[Image]) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def decoded_sizes(self) -> npt.NDArray[np.int64]:
        return np.array([image.shape[1::-1] for image in self.images])

    def lazy_image(self, i: int) -> LazyImage:
        return LazyImage.from_array(self.images[i])


class Drawn(Sequence[Image]):
    """Pictures that are drawn when they are asked for: many, none of which is seen twice in an epoch.

    Args:
        count: How many.
        draw: Makes a picture from a generator of its own.
    """

    def __init__(self, count: int, draw: Callable[[np.random.Generator], Image]) -> None:
        self.count, self.draw = count, draw

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, i: Any) -> Any:
        return self.draw(np.random.default_rng(int(i)))


def noise(count: int, height: int, width: int, seed: int = 0) -> list[Image]:
    """Pictures of independent random pixels."""
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (height, width, 3), dtype=np.uint8) for _ in range(count)]


def dataset(
    cls: type[Method], images: Sequence[Image] | Catalog, canvas: int = 32, augment: Any = PLAIN, **options: Any
) -> Any:
    """The dataset of a method on pictures in memory, or on a catalog."""
    catalog: Any = images if isinstance(images, Catalog) else Pictures(images)
    own = cls.Options.model_validate(options)
    return cls.dataset(DatasetInputs(catalog, None, None, canvas, 1, CPJSettings(), augment, own, seed=0))


def build(cls: type[Method], batch_size: int = 6, canvas: int = 32, **options: Any) -> Any:
    """A small method in training mode."""
    torch.manual_seed(0)
    own = cls.Options.model_validate(options)
    return cls(Setup(MODEL, ContrastSettings(), own, batch_size=batch_size, canvas=canvas)).train()


def batch(made: StepDataset, size: int = 6, step: int = 0) -> Any:
    """The batch of a step: samples in order, an epoch as long as the pictures last."""
    per_epoch = len(made) // size
    samples = np.arange(size, dtype=np.int64) + step % per_epoch * size
    return made.batch(StepPlan(step, step // per_epoch, samples, samples, samples))


def accuracy(method: Any, made: StepDataset, *, steps: int, size: int, lr: float = 0.05, last: int = 20) -> float:
    """Train, and return the share of right answers in the last steps, each before it was learned from."""
    optimizer = torch.optim.SGD(method.parameters(), lr, momentum=0.9)
    found = []
    for step in range(steps):
        output = method(batch(made, size, step))
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
        found.append(float(output.stats["top1"]))
    return float(np.mean(found[-last:]))
