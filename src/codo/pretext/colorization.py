"""Colorization (Zhang et al. 2016): which colors did a gray image have?

The network sees the lightness L of CIE Lab, and answers for each cell of stride 4 with a distribution over bins of the
ab plane. Targets are shared among the five nearest bins; rare colors weigh more (`color_bins`). The publication's L is
one channel; here it is given three times, scaled like gray pixels, so that the exported backbone has its usual stem and
takes RGB. Its loss is a sum over cells, ours the mean. Its VGG-like network is replaced by the backbone and a small
decoder (`decoders.Hypercolumns`).

Legend: b samples of this rank, S side of a view, h = S / 4, Q bins.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from codo.core.config import Settings
from codo.core.errors import InputError
from codo.core.io import write_atomically
from codo.loading.crop_dataset import Crop, CropBatch
from codo.loading.dataset_inputs import DatasetInputs
from codo.loading.examples import Examples
from codo.loading.step_dataset import StepDataset
from codo.methods.base import Setup, StepOutput
from codo.models.forward_passes import eagerly
from codo.models.image_encoder import ImageEncoder
from codo.pretext.color_bins import CENTERS, annealed_mean, class_weights, nearest, soft_targets
from codo.pretext.color_space import to_lab, to_rgb
from codo.pretext.colored_crops import ColoredCrops
from codo.pretext.decoders import Hypercolumns
from codo.pretext.task import PretextTask

FILE = "color_prior.npz"
"""How often each bin occurs in the images (``counts``, int64 ``(Q,)``), and in how many (``images``)."""
CHUNK = 64
EXAMPLES = 6
CAPTION = (
    "Crops of images that were trained on. The network sees the lightness alone; its colors are the annealed mean "
    "of its answer (T = {temperature:g}), the details are the lightness's."
)


class ColorizationOptions(Settings):
    """Colorization's own settings."""

    prior: Literal["images", "uniform"] = Field(
        "images",
        description="distribution of colors that sets their weights: of the run's images, or uniform (no weights)",
    )
    prior_images: int = Field(2000, ge=1, description="largest number of images to count colors in")
    uniform_share: float = Field(
        0.5, gt=0, le=1, description="share of the uniform distribution in the weights (lambda); 1 is no weights"
    )
    temperature: float = Field(0.38, gt=0, description="temperature of the annealed mean, for the report's pictures")
    width: int = Field(256, ge=8, description="channels of the decoder")


class Colorization(PretextTask):
    """Classification of the colors of gray images.

    Attributes:
        weights: Weight of each bin, ``(Q,)``.
    """

    Options = ColorizationOptions
    views_need_preparation = False
    centers: Tensor
    weights: Tensor

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        assert isinstance(setup.options, ColorizationOptions)
        self.options = setup.options
        self.encoder = ImageEncoder(setup.model, lambda channels: nn.Identity())
        self.load_report = self.encoder.load_report
        self.register_buffer("centers", torch.tensor(CENTERS), persistent=False)
        self.register_buffer("weights", torch.ones(len(self.centers)))
        self.decoder = Hypercolumns(self.encoder.backbone.channels, self.options.width, len(self.centers))

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *args: Any) -> None:
        """As usual; checkpoints of other bins are refused, rather than by the shape of some tensor."""
        found = state_dict.get(f"{prefix}weights")
        if found is not None and len(found) != len(self.weights):
            raise InputError(
                f"this run was begun with {len(found)} bins of colors; now they are {len(self.weights)}",
                where="method=colorization",
                fix="start a new out=, or go on with the version of CoDo that began it (environment.json of the run)",
            )
        super()._load_from_state_dict(state_dict, prefix, *args)

    @classmethod
    def dataset(cls, inputs: DatasetInputs) -> ColoredCrops:
        """One crop of each image."""
        return ColoredCrops(inputs.images, [Crop(inputs.canvas, inputs.augment)], inputs.seed)

    def prepare_data(self, dataset: StepDataset, folder: Path, start: int) -> str:
        """Count the colors of the images, and weigh the bins; a resumed run has the weights in its checkpoint."""
        assert isinstance(dataset, ColoredCrops)
        if self.options.prior == "uniform" or start > 0:
            return ""
        path, message = folder / FILE, ""
        if not path.exists():
            counts, images = self._count(dataset)
            buffer = io.BytesIO()
            np.savez(buffer, counts=counts.cpu().numpy(), images=images)
            write_atomically(path, buffer.getvalue())
            message = f"counted the colors of {images} images: {path}"
        with np.load(path, allow_pickle=False) as found:
            counts = torch.from_numpy(found["counts"]).to(self.centers.device)
        self.weights.copy_(class_weights(counts, self.centers, self.options.uniform_share))
        return message

    def _count(self, dataset: ColoredCrops) -> tuple[Tensor, int]:
        chosen = dataset.spread(self.options.prior_images)
        counts = torch.zeros(len(self.centers), dtype=torch.int64, device=self.centers.device)
        for part in np.array_split(chosen, -(-len(chosen) // CHUNK)):
            (images,) = dataset.stacked(0, part, [0])
            _, ab = self.lightness_and_colors(images.to(counts.device))
            _, numbers = nearest(ab.movedim(1, -1).flatten(0, 2), self.centers, 1)
            counts += torch.bincount(numbers[:, 0], minlength=len(counts))
        return counts, len(chosen)

    def lightness_and_colors(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 ``(b, S, S, 3)`` -> L of 0 to 100, ``(b, S, S)``, and the mean ab of each cell, ``(b, 2, h, h)``."""
        lab = to_lab(images.to(self.mean.dtype) / 255)
        side = -(-images.shape[1] // 4)  # as the first map of the backbone
        return lab[..., 0], F.adaptive_avg_pool2d(lab[..., 1:].movedim(-1, 1), side)

    def scores(self, lightness: Tensor) -> Tensor:
        """L ``(b, S, S)`` -> logits ``(b, Q, h, h)``."""
        gray = (lightness * 2.55)[:, None].expand(-1, 3, -1, -1)
        pixels = (gray - self.mean) / self.std
        result: Tensor = self.decoder(self.encoder.maps(self.encoder.frozen_maps(pixels, self.frozen_parts)))
        return result

    def forward(self, batch: CropBatch) -> StepOutput:
        """Weighted cross-entropy with the soft targets, the mean over all cells."""
        lightness, ab = self.lightness_and_colors(batch.views[0])
        logs = F.log_softmax(self.scores(lightness).float().movedim(1, -1).flatten(0, 2), dim=1)  # (b h h, Q)
        shares, numbers = soft_targets(ab.movedim(1, -1).flatten(0, 2), self.centers)
        best = numbers[:, 0]
        weights = self.weights[best]
        loss = -(weights * (shares * logs.gather(1, numbers)).sum(dim=1)).mean()
        right = (logs.argmax(dim=1) == best).float()
        gray = (self.centers[best] == 0).all(dim=1).float()  # what the answer "gray" would get
        stats = {
            "loss": loss.detach(),
            "top1": right.mean(),
            "top1_weighted": (weights * right).sum() / weights.sum(),
            "top1_weighted_gray": (weights * gray).sum() / weights.sum(),
        }
        return StepOutput(loss, stats)

    @torch.no_grad()
    def examples(self, dataset: StepDataset) -> Examples:
        """Lightness, colors by the network, true colors."""
        assert isinstance(dataset, ColoredCrops)
        (images,) = dataset.stacked(0, dataset.spread(EXAMPLES), [0])
        images = images.to(self.mean.device)
        lightness, _ = self.lightness_and_colors(images)
        with eagerly():  # once, in evaluation mode
            scores = self.scores(lightness)
        colors = annealed_mean(scores.movedim(1, -1).flatten(0, 2), self.centers, self.options.temperature)
        small = colors.view(len(images), *scores.shape[2:], 2).movedim(-1, 1)
        ab = F.interpolate(small, size=images.shape[1:3], mode="bilinear", align_corners=False).movedim(1, -1)
        colored = (to_rgb(torch.cat([lightness[..., None], ab], dim=-1)) * 255).round().to(torch.uint8)
        gray = (lightness * 2.55).round().to(torch.uint8)[..., None].expand_as(images)
        stack = torch.stack([gray, colored, images], dim=1).cpu().numpy()
        return Examples(
            stack, ("lightness", "colors by the network", "true colors"), CAPTION.format(**vars(self.options))
        )
