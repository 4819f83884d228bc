"""InstDisc (Wu et al. 2018): every image is a class of its own, told from others by a memory of all embeddings.

One view of each image is compared with the image's row of a memory bank and with the rows of m random images, by
noise-contrastive estimation (`codo.contrast.memory_bank`). A row is the moving average of its image's embeddings, one
an epoch. The proximal term keeps an embedding near its row, which steadies a training that sees each class once an
epoch:

    loss = NCE + lambda |f_i - v_i|^2

Z is estimated from the first batch and never changed. With ``options.loss=softmax`` the image is told from its
negatives by cross-entropy, which needs no Z. All ranks hold the same bank: embeddings are gathered after each step. In
the published code negatives are drawn on the GPU and BatchNorm is local to each GPU; here negatives depend on (seed,
epoch, image) and BatchNorm uses all ranks, so that ranks and interruptions change nothing. The published code has no
proximal term; that the paper has one is unverified (docs/methods.md#instdisc).

Legend: N images, b samples of this rank, B of all ranks, m negatives, D embedding.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from codo.contrast.bn_groups import gather
from codo.contrast.memory_bank import MemoryBank
from codo.core.config import Settings
from codo.loading.crop_dataset import Crop, InstanceBatch, InstanceDataset
from codo.loading.dataset_inputs import DatasetInputs
from codo.methods.base import Setup, StepOutput
from codo.methods.image_level import ImageLevel
from codo.models.encoder import unit_length
from codo.models.forward_passes import eagerly
from codo.models.image_encoder import ImageEncoder

MANY = 0.1
"""Negatives as a share of the images; the published run has 0.3%."""


class InstDiscOptions(Settings):
    """InstDisc's own settings."""

    negatives: int = Field(4096, ge=1, description="negatives of an image (m), drawn from all images, with repetition")
    momentum: float = Field(0.5, ge=0, lt=1, description="weight of the old row when an image's row is updated")
    loss: Literal["nce", "softmax"] = Field(
        "nce", description="noise-contrastive estimation, or cross-entropy, which trains with few images too"
    )
    proximal: float = Field(30.0, ge=0, description="weight lambda of the distance between embedding and row; 0: off")
    memory: Literal["float32", "float16"] = Field("float32", description="precision of the memory bank")


class InstDisc(ImageLevel):
    """Non-parametric instance discrimination, with ``contrast.temperature``.

    Attributes:
        bank: Row i belongs to image i of the catalog.
    """

    Options = InstDiscOptions
    used_settings = (*ImageLevel.used_settings, "contrast.temperature")

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        assert isinstance(setup.options, InstDiscOptions)
        self.options, self.temperature = setup.options, setup.contrast.temperature
        self.encoder = ImageEncoder(setup.model, lambda channels: nn.Linear(channels, setup.model.embedding_dim))
        self.load_report = self.encoder.load_report
        noise, precision = torch.Generator().manual_seed(setup.seed), getattr(torch, setup.options.memory)
        self.bank = MemoryBank(setup.images, setup.model.embedding_dim, precision, noise)
        self._images = self._queries = torch.empty(0)

    @classmethod
    def dataset(cls, inputs: DatasetInputs) -> InstanceDataset:
        """One random crop of each image, its index, and those of its negatives."""
        assert isinstance(inputs.options, InstDiscOptions)
        crops = [Crop(inputs.canvas, inputs.augment)]
        return InstanceDataset(inputs.images, crops, inputs.seed, inputs.options.negatives)

    def notes(self) -> list[str]:
        """The size of the bank, and whether negatives are many for so few images."""
        rows, drawn = self.bank.rows, self.options.negatives
        size = rows.numel() * rows.element_size() / 2**20
        shape = f"{len(rows):,} images x {rows.shape[1]} numbers ({self.options.memory})"
        notes = [f"memory bank: {shape} = {size:,.1f} MiB, on every device and in every checkpoint"]
        if self.options.loss == "nce" and drawn > MANY * len(rows):
            notes.append(
                f"options.negatives={drawn} of {len(rows):,} images: an embedding is pushed from a large part of the "
                "bank in every step, which can make the loss rise; with few images use options.loss=softmax "
                "options.proximal=0 contrast.temperature=0.1 (docs/methods.md#instdisc)"
            )
        return notes

    def embed(self, batch: InstanceBatch) -> Tensor:
        """Embeddings of length 1: (b, D) float32."""
        return unit_length(self.encoder.project(self.views(batch)[0]))

    @torch.no_grad()
    def on_first_batch(self, batch: InstanceBatch) -> None:
        """Set Z."""
        with eagerly():  # a graph without gradients would be used once
            log_z = self.bank.estimate(self.embed(batch), batch.images, batch.negatives, self.temperature)
        every = gather(log_z.view(1, 1, 1, 1)).flatten()  # of all ranks
        self.bank.log_z.copy_((every - every.max()).exp().mean().log() + every.max())

    def forward(self, batch: InstanceBatch) -> StepOutput:
        """NCE and the proximal term, averaged over the samples."""
        queries = self.embed(batch)
        softmax = self.options.loss == "softmax"
        found = self.bank.contrast(queries, batch.images, batch.negatives, self.temperature, softmax=softmax)
        proximal = (queries - self.bank.own(batch.images, queries.dtype)).square().sum(1).mean()
        loss = found.losses.mean() + self.options.proximal * proximal
        self._images, self._queries = batch.images, queries.detach()
        self.store_embeddings(queries)
        terms = {"loss": loss, f"term/{self.options.loss}": found.losses.mean(), "term/proximal": proximal}
        return StepOutput(loss, {name: value.detach() for name, value in terms.items()} | found.stats)

    @torch.no_grad()
    def on_step_end(self) -> None:
        """Move the rows of the step's images, on all ranks those of all ranks."""
        images = gather(self._images[None, None, :, None])[0, 0, :, 0]  # (B,)
        self.bank.update(images, gather(self._queries[None, None])[0, 0], self.options.momentum)
