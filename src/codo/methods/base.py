"""The protocol of a method: everything that training uses of it.

A method is one ``nn.Module`` that

* builds its dataset (`Method.dataset`),
* computes losses from a batch (`Method.forward`),
* names the modules to export (`Method.exports`).

Finetuning wraps a detector in the same protocol, so that both share the training loop, checkpoints and log.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from torch import Tensor, nn
from torch._C._autograd import _profiler_enabled
from torch.profiler import record_function

from codo.contrast.infonce import ContrastSettings
from codo.core.config import Settings
from codo.loading.dataset_inputs import DatasetInputs
from codo.loading.examples import Examples
from codo.loading.step_dataset import StepDataset
from codo.models.encoder import ModelSettings
from codo.models.frozen_maps import EncoderInput
from codo.models.load_report import LoadReport
from codo.models.normalization import IMAGENET, Normalization

WHOLE_IMAGES = ("augment.solarize", "augment.randaugment", "augment.magnitude")
"""Settings that only apply to views of whole images."""

TRUNK = ("model.fpn_channels", "model.fpn_norm", "model.head", "model.head_dim")
"""Settings that only apply to a detector's pyramid and box head."""

EMBEDDING = ("model.embedding_dim", "model.projection_norm")
OPTIONAL = ("views", "localization", "cpj", "contrast", *WHOLE_IMAGES, *TRUNK, *EMBEDDING)
"""Settings, or groups of them, that some methods do not use (`Method.used_settings`)."""

STAGE = "stage: "


def stage(name: str) -> AbstractContextManager[object]:
    """A context that marks a part of the step for `codo.training.profiling`; does nothing without a profiler.

    The check costs one microsecond, an unused ``record_function`` twenty.
    """
    return record_function(STAGE + name) if _profiler_enabled() else nullcontext()


class NoOptions(Settings):
    """The options of methods without their own settings."""


@dataclass(frozen=True)
class Setup:
    """Everything that a method is built from.

    Attributes:
        model: Architecture (``model.*``).
        contrast: Queue, temperature, momentum, BN groups (``contrast.*``), for methods that have them.
        options: The method's own settings (``options.*``), an instance of its `Method.Options`; if none are given,
            `build_method` uses the defaults.
        localization: Weight of finding the pasted object (``localization``).
        batch_size: Global batch B.
        world: Number of ranks.
        seed: The run's seed.
        steps: Length of the run, for the method's own schedules.
        classes: Number of classes, for methods that learn from labels.
        images: Number of images, for methods that remember each.
        canvas: Side of the views in pixels, for networks of a fixed size.
        views: Views of a sample.
    """

    model: ModelSettings
    contrast: ContrastSettings
    options: Settings = field(default_factory=NoOptions)
    localization: float = 0.0
    batch_size: int = 2
    world: int = 1
    seed: int = 0
    steps: int = 1
    classes: int = 0
    images: int = 1
    canvas: int = 224
    views: int = 2


@dataclass(frozen=True)
class StepOutput:
    """The result of a step.

    Attributes:
        loss: Scalar to call ``backward`` on.
        stats: Detached scalars by their name in the log (``loss/P2``, ``top1/P2``, …), on the device.
    """

    loss: Tensor
    stats: dict[str, Tensor] = field(default_factory=dict)


class Method(nn.Module, ABC):
    """Base class of everything that can be trained.

    Attributes:
        load_report: What ``model.init`` has loaded, if anything.
        name_notes: What `codo.methods.registry.name_notes` says of the run, for `notes`.
        queue_length: Length of the queue of past keys; ``None`` for methods without a queue, or if it is not used.
        normalization: How `pixels` normalizes images.
        frozen_parts: The frozen parts (`codo.methods.freezing`): name in `exports` -> name of the momentum encoder's
            module, empty without one.
        Options: Class of the method's own settings, given as ``options.*``.
        used_settings: Which of the `OPTIONAL` settings have an effect; a user who sets another one is warned.
        parts: The components of a detector that the method trains, as `exports` names them.
        needs_backgrounds: Whether the method needs backgrounds to paste on.
        needs_proposals: Whether the method needs images with proposals.
        needs_saliency: Whether the saliency of every image is computed before the first step.
        batch_statistics: ``local``: BatchNorm uses the samples of this rank; ``global``: those of all ranks (SyncBN, on
            GPUs).
        views_need_preparation: Whether views can only be made after the class's own `prepare_data`.
        shuffles: Whether the samples of the key network are shuffled (`codo.contrast.bn_groups`).
    """

    Options: ClassVar[type[Settings]] = NoOptions
    used_settings: ClassVar[tuple[str, ...]] = OPTIONAL
    parts: ClassVar[tuple[str, ...]] = ("backbone",)
    needs_backgrounds: ClassVar[bool] = False
    needs_proposals: ClassVar[bool] = False
    views_need_preparation: ClassVar[bool] = True
    shuffles: ClassVar[bool] = False
    needs_saliency: ClassVar[bool] = False
    batch_statistics: ClassVar[Literal["local", "global"]] = "local"
    load_report: LoadReport | None = None
    name_notes: Sequence[str] = ()
    queue_length: int | None = None
    frozen_parts: Mapping[str, str] = {}
    mean: Tensor
    std: Tensor

    def __init__(self, setup: Setup | None = None) -> None:
        super().__init__()
        self.normalize_by(setup.model.normalization if setup else IMAGENET)

    def normalize_by(self, normalization: Normalization) -> None:
        """Set how `pixels` normalizes images."""
        self.normalization = normalization
        mean, std = normalization.tensors()
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)

    def train(self, mode: bool = True) -> Self:
        """Set the training mode; frozen parts stay in evaluation mode, so that their BatchNorm does not change."""
        super().train(mode)
        if self.frozen_parts:
            parts = self.exports()
            for part in self.frozen_parts:
                parts[part].eval()
        return self

    @classmethod
    def dataset(cls, inputs: DatasetInputs) -> StepDataset:
        """Build the dataset of the method's views from the run's images.

        Raises:
            InputError: The images lack something that the method needs.
        """
        raise TypeError(f"{cls.__name__} is not pretrained")

    def prepare_data(self, dataset: StepDataset, folder: Path, start: int) -> str:
        """Compute what views or losses need from all images; called before the first batch, on the module's device.

        Args:
            dataset: The dataset; receives what was computed.
            folder: The run's folder. The result is stored there: the first caller computes and writes it, all others
                (resumed runs, other ranks) load it.
            start: Number of steps done before.

        Returns:
            A line for the log, or an empty string.
        """
        return ""

    def check_sources(self, folder: Path, start: int) -> None:
        """Raise an `InputError` if `prepare_data` cannot read a file that it needs; before anything is written."""

    @abstractmethod
    def forward(self, batch: Any) -> StepOutput:
        """Compute the losses of a batch on the module's device. Changes no state except BatchNorm statistics."""

    def on_first_batch(self, batch: Any) -> None:
        """Initialize state from the first batch of a run, before its first step."""

    def on_step_end(self) -> None:
        """Update what is not trained by gradients (EMA, queues), after the optimizer's step."""

    @abstractmethod
    def exports(self) -> dict[str, nn.Module]:
        """The modules to export by component: ``backbone`` and, if the method trains them, ``fpn`` and ``box_head``."""

    def key_exports(self) -> dict[str, nn.Module]:
        """The same modules of the momentum encoder; empty for methods without one."""
        return {}

    def load_warnings(self) -> list[str]:
        """Warnings about the state that was loaded: that its steps were computed in another way than the next ones.

        Torch keeps the ``_version`` of a class in its state dict, so that the class can tell.
        """
        return []

    def notes(self) -> list[str]:
        """Lines for the log before the first step, such as memory that depends on the data."""
        return list(self.name_notes)

    def examples(self, dataset: StepDataset) -> Examples | None:
        """Pictures of what the trained method answers, for the report; ``None`` for methods that answer no pictures."""
        return None

    def log_stats(self) -> dict[str, Tensor]:
        """More expensive statistics of the last step; called only for steps that are logged."""
        return {}

    def embed_boxes(self, images: Tensor, boxes: Tensor) -> Tensor:
        """Embeddings ``(n, E)`` of boxes ``(n, 4)`` on uint8 canvases ``(n, S, S, 3)``, for the probes."""
        raise TypeError(f"{type(self).__name__} does not embed boxes")

    def constant_lr_modules(self) -> list[nn.Module]:
        """Modules whose learning rate does not follow the schedule."""
        return []

    def pixels(self, images: Tensor) -> Tensor:
        """uint8 ``(…, S, S, 3)`` to normalized float ``(…, 3, S, S)``; the memory layout stays channels last."""
        return images.movedim(-1, -3).to(self.mean.dtype).sub(self.mean).div(self.std)

    def frozen_maps(self, images: Tensor, encoder: Any) -> EncoderInput:
        """What the frozen parts of an encoder make of uint8 images ``(b, S, S, 3)``; pixels if none is frozen.

        Either can be given to the trained and to the momentum encoder, so that a view that both see is computed once.
        """
        pixels = self.pixels(images)
        return encoder.frozen_maps(pixels, self.frozen_parts) if self.frozen_parts else pixels

    def compilable(self) -> list[nn.Module]:
        """The modules that ``compile=true`` compiles."""
        return []
