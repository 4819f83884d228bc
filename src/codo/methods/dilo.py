"""DiLo (Zhao et al. 2020): distilled localization. MoCo on views whose salient object is on another background.

The object is found without labels, by the saliency of `codo.saliency`, and pasted on a gray level, a texture or a part
of another image (`codo.loading.salient_views`). All views of an image still attract each other, so that what they share
is the object, not its surroundings. Loss, queue and encoders are MoCo v2's.

The authors' code was not found, and of the paper only the abstract and summaries were at hand
(docs/methods.md#dilo). Published: saliency without labels, three kinds of backgrounds, instance discrimination. Our own
choices: robust background detection as the saliency, how it becomes an alpha, the share of pasted views, textures from
background images, other images as they are instead of their parts without objects.
"""

from __future__ import annotations

from pathlib import Path

from codo.core.errors import InputError
from codo.loading.crop_dataset import Crop
from codo.loading.dataset_inputs import DatasetInputs
from codo.loading.salient_views import SalientPairs, SalientSettings
from codo.loading.step_dataset import StepDataset
from codo.methods.moco import MoCo, MoCoOptions

FILE = "alphas.bin"


class DiLoOptions(MoCoOptions, SalientSettings):
    """DiLo's own settings."""


class DiLo(MoCo):
    """Momentum contrast of images with changed backgrounds."""

    Options = DiLoOptions
    needs_backgrounds = True
    needs_saliency = True
    views_need_preparation = False

    @classmethod
    def dataset(cls, inputs: DatasetInputs) -> SalientPairs:
        """Random crops of one image, some with another background.

        Raises:
            InputError: Backgrounds are missing, or colors are left to the device.
        """
        options, crops = inputs.options, [Crop(inputs.canvas, inputs.augment)] * inputs.views
        assert isinstance(options, DiLoOptions)
        if inputs.augment.device == "device":
            what = "method dilo only supports color augmentation in the loader"
            raise InputError(what, where="augment.device", fix="use augment.device=cpu")
        return SalientPairs(inputs.images, crops, inputs.seed, *inputs.pools(), options)

    def prepare_data(self, dataset: StepDataset, folder: Path, start: int) -> str:
        """Find the salient part of every image, or go on where an interrupted run has stopped.

        Raises:
            CodoError: The run has those of other images, or an image cannot be read.
        """
        assert isinstance(dataset, SalientPairs)
        done = dataset.store_alphas(folder / FILE)
        if not done.images or dataset.stored is None:
            return ""
        each = 1e3 * done.core_seconds / done.images
        return (
            f"saliency of {done.images:,} images in {done.seconds:.1f} s ({each:.1f} ms of a core each): "
            f"{dataset.stored.objects():,} of {len(dataset):,} have an object"
        )
