"""The data of a finetuning run, read and checked, with the detector's card and the length of the run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch.utils.data import DataLoader

from codo.annotations.fraction import labeled_subset
from codo.annotations.images import check_some_images
from codo.annotations.records import Annotations, Category
from codo.annotations.source import read_annotations, resolved
from codo.annotations.subset import without_parents
from codo.core.errors import InputError
from codo.core.io import write_atomically
from codo.core.run import Run
from codo.detection.dataset import TrainingDataset
from codo.detection.detector_io import CARD, DetectorCard
from codo.detection.evaluate import resolve_masks
from codo.detection.finetune_settings import FinetuneSettings
from codo.detection.sampler import AspectSampler
from codo.evaluation.coco_metrics import Kind
from codo.loading.loader import build_loader
from codo.loading.sampler import check_batch, steps_per_epoch
from codo.training.distributed import DistributedContext, loader_workers, local_world_size

LABELED = "labeled_images.txt"
DATA = "data.txt"
MISSING = "missing_images.txt"


@dataclass(frozen=True)
class Task:
    """Data, detector card and length of a finetuning run, checked.

    Attributes:
        settings: The settings, with resolved annotation files.
        train: Annotations of the train split.
        val: Annotations of the val split.
        images: Indices of the images of ``train`` that are used.
        card: Architecture and classes of the detector.
        steps: Length of the run in steps.
        per_epoch: Steps per epoch.
    """

    settings: FinetuneSettings
    train: Annotations
    val: Annotations
    images: npt.NDArray[np.int64]
    card: DetectorCard
    steps: int
    per_epoch: int

    def write_images(self, run: Run) -> None:
        """Write the names of the training images into a run, one per line."""
        names = (str(self.train.file_names[i]) for i in self.images)
        write_atomically(run.path / LABELED, "".join(f"{name}\n" for name in names))
        if missing := [*self.train.missing, *self.val.missing]:
            write_atomically(run.path / MISSING, "".join(f"{name}\n" for name in missing))

    @property
    def notes(self) -> list[str]:
        """What was inferred about the data, each line once."""
        return list(dict.fromkeys([*self.train.notes, *self.val.notes]))

    def write_data(self, run: Run) -> None:
        """Write the sizes of both splits, and what was inferred about them, into a run, one line each."""
        splits = {"train": self.train, "val": self.val}
        lines = [
            f"{name}: {len(one)} images, {len(one.labels)} objects, {len(one.categories)} classes in {one.source}"
            for name, one in splits.items()
        ]
        write_atomically(run.path / DATA, "".join(f"{line}\n" for line in [*lines, *self.notes]))

    @property
    def kinds(self) -> list[Kind]:
        """The kinds of detections that evaluation scores."""
        return ["bbox", "segm"] if self.card.masks else ["bbox"]


def prepare_task(settings: FinetuneSettings, world: int, known: tuple[Annotations, Annotations] | None = None) -> Task:
    """Read and check the data; resolve masks, training images and the length of the run.

    Args:
        settings: Settings of the run.
        world: Number of processes.
        known: Train and val annotations, if another task on the same data has already read them.

    Raises:
        InputError: Wrong annotations; images missing or of another size; classes of the splits differ; no objects; a
            batch larger than the data; no length given.
    """
    train, val = known or (read_annotations(settings.data, "train"), read_annotations(settings.data, "val"))
    if not _has_card_with(settings.out, train.categories):
        train, val = without_parents(train, val)
    if settings.learn_difficult:
        train = replace(train, difficult=None)
    masks = resolve_masks(settings.masks, train, True, where="masks")
    if masks:
        resolve_masks(True, val, True, where="masks")
    card = DetectorCard(
        model=settings.model,
        detector=settings.detector.resolve(max(settings.short_sides)),
        masks=masks,
        categories=train.categories,
        short_side=max(settings.short_sides),
        max_size=settings.max_size,
    )
    card.check_categories(val, where=str(train.source))
    train, val = (replace(split, warnings=(*split.warnings, *check_some_images(split))) for split in (train, val))
    useful = train.images_with_objects()
    if not len(useful):
        raise InputError("no objects to train on", where=str(train.source), fix="give annotations with objects")
    images = np.arange(len(train)) if settings.empty_images else useful
    images = np.intersect1d(images, labeled_subset(train, settings.data.fraction, settings.data.fraction_seed))
    check_batch(len(images), settings.batch_size, world)
    per_epoch = steps_per_epoch(len(images), settings.batch_size)
    if settings.steps is None and settings.epochs is None:
        raise InputError("the length of the run is missing", where="epochs", fix="add epochs=N or steps=N")
    steps = settings.steps or max(1, math.floor((settings.epochs or 0) * per_epoch))
    data = resolved(settings.data, train, val)
    return Task(settings.model_copy(update={"data": data}), train, val, images, card, steps, per_epoch)


def _has_card_with(out: str, categories: tuple[Category, ...]) -> bool:
    """Whether a run to be resumed has all these categories as classes, as runs had before parents were left out."""
    path = Path(out) / CARD
    return path.is_file() and DetectorCard.model_validate_json(path.read_bytes()).categories == categories


def training_batches(
    task: Task,
    context: DistributedContext,
    *,
    start: int,
    stop: int,
    warn: Callable[[str], None] = lambda message: None,
) -> DataLoader[Any]:
    """Batches of the steps ``start`` to ``stop`` of this rank, a function of (seed, step); one item is one step.

    Args:
        task: Data and settings.
        context: Rank, world size and device of this process.
        start: First step.
        stop: The step before which to end.
        warn: Called with a warning when shared memory is too small.
    """
    settings = task.settings
    height, width = task.train.sizes[task.images].T
    sampler = AspectSampler(
        height > width,
        settings.batch_size,
        settings.seed,
        start=start,
        stop=stop,
        rank=context.rank,
        world=context.world,
    )
    dataset = TrainingDataset(
        task.train,
        task.images,
        masks=task.card.masks,
        seed=settings.seed,
        short_sides=settings.short_sides,
        max_size=settings.max_size,
        flip=settings.flip,
    )
    return build_loader(
        dataset,
        sampler,
        workers=loader_workers(settings.workers),
        device=context.device,
        ranks=local_world_size(),
        warn=warn,
    )
