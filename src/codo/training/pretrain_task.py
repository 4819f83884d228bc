"""The data of a pretraining run, opened and checked, and the length of the run."""

from __future__ import annotations

from dataclasses import dataclass

from codo.catalog.catalog import Catalog, is_catalog
from codo.loading.dataset_inputs import DatasetInputs
from codo.loading.local_files import remote_note
from codo.loading.pools import Pool, split_share
from codo.loading.sampler import check_batch
from codo.loading.step_dataset import StepDataset
from codo.methods.base import Setup
from codo.methods.registry import find_method, own_settings
from codo.models.normalization import describe_normalization, recorded_normalization
from codo.models.pixel_rules import recorded_pixels
from codo.preparation.prepare import open_or_prepare
from codo.training.freezing import check_unfreezing
from codo.training.pretrain_settings import PretrainSettings, length, method_setup
from codo.training.trackers import check_trackers


@dataclass(frozen=True)
class PretrainTask:
    """Data and length of a pretraining run, checked.

    Attributes:
        settings: The settings, as the run records them.
        inputs: The opened catalogs.
        dataset: The method's dataset of views.
        steps: Length of the run in steps.
        per_epoch: Steps per epoch.
        warnings: What the dataset says of its images.
    """

    settings: PretrainSettings
    inputs: DatasetInputs
    dataset: StepDataset
    steps: int
    per_epoch: int
    warnings: tuple[str, ...] = ()

    def setup(self, world: int = 1) -> Setup:
        """The `Setup` from which the method is built, in a run of ``world`` processes."""
        counts = {"classes": len(getattr(self.dataset, "classes", ())), "images": len(self.dataset)}
        return method_setup(self.settings, world=world, steps=self.steps, **counts)

    @property
    def batch_negatives(self) -> int | None:
        """See `ContrastSettings.batch_negatives`; ``None`` also for methods that do not use it."""
        settings = self.settings
        if "contrast" not in find_method(settings.method).used_settings:
            return None
        return settings.contrast.batch_negatives(settings.batch_size, settings.views)

    def notes(self) -> list[str]:
        """What settings come to that depend on others, for the log."""
        contrast, used = self.settings.contrast, find_method(self.settings.method).used_settings
        model = self.settings.model
        normalization = describe_normalization(model.normalization, model.init, model.backbone)
        remote = remote_note(self.inputs.catalogs(), self.settings.local_copy, self.steps / self.per_epoch)
        notes = [*([normalization] if normalization else []), *self.inputs.image_notes(), *remote]
        momentum = contrast.keys == "momentum" and {"contrast", "contrast.momentum"} & set(used)
        if contrast.momentum == "auto" and momentum:
            notes.append(f"contrast.momentum=auto: {self.setup().contrast.momentum} for {self.steps} steps")
        if count := self.batch_negatives:
            notes.append(contrast.batch_note(count))
        return notes


def prepare_pretrain_task(settings: PretrainSettings, world: int = 1) -> PretrainTask:
    """Open the images and check that they fit the settings; plain image folders are prepared.

    Args:
        settings: All settings, with absolute paths.
        world: Number of processes.

    Raises:
        InputError: A tracker's package is missing; images are missing, lack what the method needs, or teach it
            nothing; the batch is larger than the data or does not divide over the processes; no length is given, or it
            ends before frozen parts are trained.
    """
    check_trackers(settings.log)
    inputs = open_inputs(settings)
    dataset = find_method(settings.method).dataset(inputs)
    model = settings.model.normalized_for(settings.model.init, recorded_normalization(settings.out))
    model = model.model_copy(update={"pixels": recorded_pixels(settings.out, inputs.pixels)})
    # Some methods fix the number of views.
    settings = settings.model_copy(update={"views": dataset.num_views, "model": model})
    check_batch(len(dataset), settings.batch_size, world)
    steps, per_epoch = length(settings, len(dataset))
    check_unfreezing(settings.model, steps)
    return PretrainTask(settings, inputs, dataset, steps, per_epoch, tuple(dataset.check_images()))


def open_inputs(settings: PretrainSettings) -> DatasetInputs:
    """Open the catalogs of a run, preparing plain image folders on first use.

    Raises:
        InputError: A catalog is missing or cannot be created.
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
    # The invariance probe runs for every method if the catalog has proposals; no proposals are computed only for it.
    probed = settings.probe is not None and is_catalog(settings.foregrounds)
    return DatasetInputs(
        images=open_once(settings.foregrounds, propose=method.needs_proposals or probed),
        query=pool(settings.backgrounds.query),
        key=pool(settings.backgrounds.key),
        canvas=settings.canvas,
        views=settings.views,
        pasting=settings.cpj,
        augment=settings.augment,
        options=own_settings(method, settings.options),
        seed=settings.seed,
        localization=settings.localization_weight,
    )
