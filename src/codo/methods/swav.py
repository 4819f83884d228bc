"""SwAV (Caron et al. 2020): views predict each other's assignment to prototypes; assignments are balanced (Sinkhorn).

The two large crops are assigned, all crops predict. For small batches a queue of past embeddings is added to the
assignment (``options.queue``), after the first part ``options.queue_from`` of the run. All ranks hold the same queue
and score their share of it, so that the assignment is the same as in one process.

Legend: b samples of this rank, B of all ranks, D embedding.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from codo.contrast.bn_groups import gather, rank
from codo.core.config import Settings
from codo.core.errors import InputError
from codo.loading.crop_dataset import Crop, CropBatch, CropDataset
from codo.loading.dataset_inputs import DatasetInputs
from codo.methods.base import Setup, StepOutput
from codo.methods.image_level import ImageLevel
from codo.methods.lightly_adapter import lightly
from codo.models.image_encoder import ImageEncoder
from codo.views.random_crop import Shares

LARGE = 2


class SwAVOptions(Settings):
    """SwAV's own settings."""

    prototypes: int = Field(3000, ge=2, description="number of prototypes")
    frozen_steps: int = Field(313, ge=0, description="steps during which the prototypes are frozen, at the start")
    hidden: int = Field(
        2048, ge=1, description="width of the projector's hidden layer; model.embedding_dim is its output"
    )
    epsilon: float = Field(0.05, gt=0, description="smoothness of the assignments")
    iterations: int = Field(3, ge=1, description="Sinkhorn iterations")
    small_views: int = Field(6, ge=0, description="number of small crops, which only predict")
    small_side: int = Field(96, ge=32, description="side of small crops in pixels")
    small_area: Shares = Field((0.05, 0.14), description="share of the image's area that a small crop keeps")
    queue: int = Field(0, ge=0, description="past embeddings added to the assignment, for small batches")
    queue_from: float = Field(0.075, ge=0, le=1, description="share of the run after which the queue is used")


class SwAV(ImageLevel):
    """Swapped prediction of assignments, with ``contrast.temperature``.

    Raises:
        InputError: The queue is not divisible by the number of ranks.
    """

    Options = SwAVOptions
    used_settings = (*ImageLevel.used_settings, "contrast.temperature")
    bank: Tensor
    filled: Tensor

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        options, dim = setup.options, setup.model.embedding_dim
        assert isinstance(options, SwAVOptions)
        if options.queue % setup.world:
            fix = f"set options.queue={options.queue // setup.world * setup.world}"
            what = f"a queue of {options.queue} is not divisible by {setup.world} ranks"
            raise InputError(what, where="options.queue", fix=fix)
        self.options, self.steps, self.world = options, setup.steps, setup.world
        heads = lightly("models.modules.heads")
        self.encoder = ImageEncoder(setup.model, lambda c: heads.SwaVProjectionHead(c, options.hidden, dim))
        self.load_report = self.encoder.load_report
        # Not lightly's prototypes: those (1.6) have a bias, which the paper's do not.
        self.prototypes = nn.Linear(dim, options.prototypes, bias=False)
        self.prototypes.weight.register_hook(self._frozen)  # type: ignore[no-untyped-call]  # torch has no types there
        self.criterion = lightly("loss").SwaVLoss(
            temperature=setup.contrast.temperature,
            sinkhorn_iterations=options.iterations,
            sinkhorn_epsilon=options.epsilon,
            sinkhorn_gather_distributed=setup.world > 1,
        )
        # (2, queue, D), newest first; persistent, so that a resumed run continues with the same embeddings.
        self.register_buffer("bank", torch.zeros(LARGE, options.queue, dim))
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))
        self._large, self._step = torch.empty(0), 0

    @classmethod
    def dataset(cls, inputs: DatasetInputs) -> CropDataset:
        """Two large and several small crops."""
        options = inputs.options
        assert isinstance(options, SwAVOptions)
        small = inputs.augment.model_copy(update={"crop_area": options.small_area})
        crops = [Crop(inputs.canvas, inputs.augment)] * LARGE
        crops += [Crop(options.small_side, small)] * options.small_views
        return CropDataset(inputs.images, crops, inputs.seed)

    def forward(self, batch: CropBatch) -> StepOutput:
        """Cross-entropy between each large view's assignment and every other view's prediction."""
        self._step = batch.step
        with torch.no_grad():
            self.prototypes.weight.copy_(F.normalize(self.prototypes.weight, dim=1))
        embedded = [F.normalize(self.encoder.project(view).float(), dim=1) for view in self.views(batch)]
        scores = [self.prototypes(one) for one in embedded]
        loss: Tensor = self.criterion(scores[:LARGE], scores[LARGE:], self._past()).squeeze()
        self._large = torch.stack([one.detach() for one in embedded[:LARGE]])
        self.store_embeddings(embedded[0])
        return StepOutput(loss, {"loss": loss.detach()})

    @torch.no_grad()
    def on_step_end(self) -> None:
        """Put the large views' embeddings of all ranks at the front of the queue."""
        if size := self.options.queue:
            newest = gather(self._large[None])[0]  # (2, B, D)
            self.bank.copy_(torch.cat([newest, self.bank], dim=1)[:, :size])
            self.filled.add_(newest.shape[1])

    @torch.no_grad()
    def _past(self) -> list[Tensor] | None:
        """Scores of this rank's share of the queue, once it is full and ``options.queue_from`` has passed."""
        options = self.options
        if not options.queue or self._step < options.queue_from * self.steps:
            return None
        if int(self.filled) < options.queue:
            return None
        share = self.bank.tensor_split(self.world, dim=1)[rank()]
        return [self.prototypes(embeddings) for embeddings in share]

    def _frozen(self, gradient: Tensor) -> Tensor:
        return gradient * float(self._step >= self.options.frozen_steps)
