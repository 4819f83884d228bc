"""What a pretraining run learns from: its images, opened and checked, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass

from codo.catalog.catalog import Catalog, is_catalog
from codo.loading.dataset_inputs import DatasetInputs
from codo.loading.pools import Pool, split_share
from codo.loading.sampler import check_batch
from codo.loading.step_dataset import StepDataset
from codo.methods.base import Setup
from codo.methods.registry import find_method, own_settings
from codo.preparation.prepare import open_or_prepare
from codo.training.pretrain_settings import PretrainSettings, length, method_setup
from codo.training.trackers import check_trackers


@dataclass(frozen=True)
class PretrainTask:
    """What is learned from, checked and ready.

    Attributes:
        settings: As the run records them.
        inputs: The images, opened.
        dataset: The method's views of them.
        steps: Length of the run.
        per_epoch: Steps in an epoch.
    """

    settings: PretrainSettings
    inputs: DatasetInputs
    dataset: StepDataset
    steps: int
    per_epoch: int

    def setup(self, world: int = 1) -> Setup:
        """What the method is built from, in a run of ``world`` processes."""
        classes = len(getattr(self.dataset, "classes", ()))
        return method_setup(self.settings, world=world, steps=self.steps, classes=classes)


def prepare_pretrain_task(settings: PretrainSettings, world: int = 1) -> PretrainTask:
    """Open the images and look whether the settings suit them; plain image folders are prepared.

    Args:
        settings: All of them, with absolute paths.
        world: Number of processes.

    Raises:
        InputError: A tracker's package is missing; images are missing or lack something that the method needs; a
            batch larger than the data, or one that does not divide; no length given.
    """
    check_trackers(settings.log)
    inputs = open_inputs(settings)
    dataset = find_method(settings.method).dataset(inputs)
    settings = settings.model_copy(update={"views": dataset.num_views})  # some methods have it their way
    check_batch(len(dataset), settings.batch_size, world)
    steps, per_epoch = length(settings, len(dataset))
    return PretrainTask(settings, inputs, dataset, steps, per_epoch)


def open_inputs(settings: PretrainSettings) -> DatasetInputs:
    """Open the catalogs of a run, preparing plain image folders on first use.

    Raises:
        InputError: A catalog is missing or cannot be made.
    """
    opened: dict[str, Catalog] = {}

    def open_once(path: str, *, propose: bool) -> Catalog:
        if path not in opened:
            opened[path] = open_or_prepare(path, propose=propose)
        return opened[path]

    def pool(entries: tuple[str, ...]) -> Pool | None:
        parts = [split_share(entry) for entry in entries]
        if not parts:
            return None
        return Pool([open_once(path, propose=False) for path, _ in parts], [share for _, share in parts])

    method = find_method(settings.method)
    # Where a catalog has proposals every method is asked for background invariance; no folder is searched for that.
    asked = settings.probe is not None and is_catalog(settings.foregrounds)
    return DatasetInputs(
        images=open_once(settings.foregrounds, propose=method.needs_proposals or asked),
        query=pool(settings.backgrounds.query),
        key=pool(settings.backgrounds.key),
        canvas=settings.canvas,
        views=settings.views,
        pasting=settings.cpj,
        augment=settings.augment,
        options=own_settings(method, settings.options),
        seed=settings.seed,
    )
