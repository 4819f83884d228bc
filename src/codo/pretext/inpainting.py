"""Inpainting by context encoders (Pathak et al. 2016): what was in the missing block?

Hidden pixels are filled with the mean color. The prediction covers the block and, around what is hidden, a band that is
visible; errors in the band weigh ten times as much, so that prediction and surroundings join. The loss is the squared
error in normalized pixels.

The adversarial term (``options.adversarial``) is an option, as in the publication, which learns features without it.
There, discriminator and network are trained in turns, by an Adam each, and the network maximizes log D of its
prediction. Here one optimizer trains both in one step: between them the gradient is reversed (Ganin and Lempitsky
2015), so that the network descends on log (1 - D), the publication's equation 2, whose gradients are weak while D is
sure.

Legend: b samples of this rank, S side of a view.
"""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from codo.core.config import Settings
from codo.core.errors import InputError
from codo.loading.crop_dataset import Crop
from codo.loading.dataset_inputs import DatasetInputs
from codo.loading.examples import Examples
from codo.loading.sampler import StepPlan
from codo.loading.step_dataset import StepDataset
from codo.methods.base import Setup, StepOutput
from codo.models.backbone import STRIDES
from codo.models.forward_passes import eagerly
from codo.models.image_encoder import ImageEncoder
from codo.pretext.blocks import BlockBatch, BlockDataset, covered, middle
from codo.pretext.decoders import UpConvolutions
from codo.pretext.discriminator import Discriminator, reverse_gradient
from codo.pretext.task import PretextTask

BAND_WEIGHT = 10.0
EXAMPLES = 6


class InpaintingOptions(Settings):
    """Inpainting's own settings."""

    region: Literal["middle", "random"] = Field(
        "middle", description="what is missing: the middle with half of the sides, or random blocks with a quarter"
    )
    blocks: int = Field(4, ge=1, description="number of random blocks; they may overlap")
    band: int = Field(7, ge=0, description="width of the visible band inside a block's edge, in pixels")
    adversarial: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="weight of the adversarial term, 0.001 in the publication; options.region=middle only",
    )
    width: int = Field(512, ge=16, description="channels of the decoder's first layer")
    discriminator_width: int = Field(64, ge=4, description="channels of the discriminator's first layer")

    @model_validator(mode="after")
    def _one_block(self) -> Self:
        if self.adversarial and self.region != "middle":
            raise ValueError("the adversarial term needs options.region=middle: it judges one block")
        return self


class Inpainting(PretextTask):
    """Regression of the missing pixels.

    Raises:
        InputError: The band leaves nothing hidden.
    """

    Options = InpaintingOptions

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        assert isinstance(setup.options, InpaintingOptions)
        self.options = options = setup.options
        block = setup.canvas // (2 if options.region == "middle" else 4)
        if 2 * options.band >= block:
            what = f"a band of {options.band} pixels leaves nothing hidden of a block of {block}"
            raise InputError(
                what, where="options.band", fix=f"set options.band={block // 8} or smaller, or a larger canvas"
            )
        self.encoder = ImageEncoder(setup.model, lambda channels: nn.Identity())
        self.load_report = self.encoder.load_report
        places = (-(-setup.canvas // STRIDES[-1])) ** 2
        self.decoder = UpConvolutions(self.encoder.backbone.channels[-1], places, options.width)
        self.discriminator = Discriminator(options.discriminator_width) if options.adversarial else None

    @classmethod
    def dataset(cls, inputs: DatasetInputs) -> BlockDataset:
        """One crop of each image, and its blocks."""
        options = inputs.options
        assert isinstance(options, InpaintingOptions)
        blocks = options.blocks if options.region == "random" else 0
        return BlockDataset(inputs.images, [Crop(inputs.canvas, inputs.augment)], inputs.seed, blocks)

    def complete(self, pixels: Tensor, hidden: Tensor) -> Tensor:
        """Predict images ``(b, 3, S, S)`` in which pixels ``(b, 1, S, S)`` are hidden."""
        visible = pixels.masked_fill(hidden, 0)  # 0 is the mean color
        last = self.encoder.maps(self.encoder.frozen_maps(visible, self.frozen_parts))[-1]
        predicted: Tensor = self.decoder(last)
        return predicted[..., : pixels.shape[2], : pixels.shape[3]]

    def forward(self, batch: BlockBatch) -> StepOutput:
        """Squared error in the blocks and, if wanted, the adversarial term."""
        pixels, side = self.pixels(batch.images), batch.images.shape[1]
        block = covered(batch.blocks, side)[:, None]
        hidden = covered(batch.blocks, side, self.options.band)[:, None]
        predicted = self.complete(pixels, hidden).float()
        error = (predicted - pixels).square().sum(dim=1, keepdim=True) / 3
        weighted = torch.where(hidden, error, BAND_WEIGHT * error)
        loss = within(weighted, block)
        with torch.no_grad():
            around = (pixels * ~block).sum(dim=(2, 3), keepdim=True) / (~block).sum(dim=(2, 3), keepdim=True)
            flat = (around - pixels).square().sum(dim=1, keepdim=True) / 3  # what filling in one color would get
            stats = {
                "reconstruction": loss.detach(),
                "error": within(error, hidden),
                "error_flat": within(flat, hidden),
            }
        if self.discriminator is not None:
            inside, weight = middle(side), self.options.adversarial
            real, made = (whole[..., inside, inside] for whole in (pixels, predicted))
            # One batch: BatchNorm of real blocks by themselves and of predicted ones would hide how they differ.
            judged = self.discriminator(torch.cat([real, reverse_gradient(made, weight)])).float()
            for_real, for_made = judged.chunk(2)
            judgment = F.softplus(-for_real).mean() + F.softplus(for_made).mean()
            loss = (1 - weight) * loss + judgment
            stats |= {"adversarial": judgment.detach()}
        return StepOutput(loss, {"loss": loss.detach(), **stats})

    @torch.no_grad()
    def examples(self, dataset: StepDataset) -> Examples:
        """Incomplete, completed and true crops."""
        assert isinstance(dataset, BlockDataset)
        samples = np.arange(min(EXAMPLES, len(dataset)), dtype=np.int64)
        samples = samples * len(dataset) // len(samples)
        found: Any = dataset.batch(StepPlan(0, 0, samples, samples, samples))
        images, blocks = (part.to(self.mean.device) for part in found[:2])
        hidden = covered(blocks, images.shape[1], self.options.band)[:, None]
        pixels = self.pixels(images)
        with eagerly():  # once, in evaluation mode
            completed = self.complete(pixels, hidden)
        shown = [pixels.masked_fill(hidden, 0), torch.where(hidden, completed, pixels), pixels]
        colors = torch.stack(shown, dim=1) * self.std + self.mean
        stack = colors.round().clamp(0, 255).to(torch.uint8).movedim(2, -1).cpu().numpy()
        caption = (
            "Crops of images that were trained on. The network sees the first of each row; the band is left visible."
        )
        return Examples(stack, ("input", "completed by the network", "truth"), caption)


def within(errors: Tensor, region: Tensor) -> Tensor:
    """The mean of errors ``(b, 1, S, S)`` inside a region of each image, then over the images."""
    return ((errors * region).sum(dim=(1, 2, 3)) / region.sum(dim=(1, 2, 3))).mean()
