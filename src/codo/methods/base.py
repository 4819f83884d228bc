"""The protocol of a method: the only thing that training knows of it.

A method is one ``nn.Module`` with three duties:

* say which views it wants (`Method.dataset`),
* turn a batch into named losses (`Method.forward`),
* name the modules worth exporting (`Method.exports`).

A detector being finetuned keeps the same protocol, so that pretraining and finetuning share loop, checkpoint and log.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch._C._autograd import _profiler_enabled
from torch.profiler import record_function

from codo.contrast.infonce import ContrastSettings
from codo.core.config import Settings
from codo.loading.dataset_inputs import DatasetInputs
from codo.loading.step_dataset import StepDataset
from codo.models.encoder import PIXEL_MEAN, PIXEL_STD, ModelSettings
from codo.models.load_report import LoadReport

WHOLE_IMAGES = ("augment.solarize", "augment.randaugment", "augment.magnitude")
"""Settings that only views of whole images have a use for."""

OPTIONAL = (
    "views",
    "cpj",
    "contrast",
    *WHOLE_IMAGES,
    "model.fpn_channels",
    "model.fpn_norm",
    "model.head",
    "model.head_dim",
    "model.embedding_dim",
)
"""Settings, or groups of them, that not every method has a use for (`Method.used_settings`)."""

STAGE = "stage: "


def stage(name: str) -> AbstractContextManager[object]:
    """What marks a part of the step, for `codo.training.profiling`; does nothing when nobody looks.

    The question costs a microsecond, an idle ``record_function`` twenty.
    """
    return record_function(STAGE + name) if _profiler_enabled() else nullcontext()


class NoOptions(Settings):
    """Of methods that have no settings of their own."""


@dataclass(frozen=True)
class Setup:
    """What a method is built from.

    Attributes:
        model: Architecture (``model.*``).
        contrast: Queue, temperature, momentum, BN groups (``contrast.*``), for methods that have them.
        options: The method's own settings (``options.*``), an instance of its `Method.Options`; `build_method` gives
            the defaults where there are none.
        batch_size: Global batch B.
        world: Number of ranks.
        seed: The run's seed.
        steps: Length of the run, for schedules of the method's own.
        classes: Classes of the labels, for methods that learn from some.
    """

    model: ModelSettings
    contrast: ContrastSettings
    options: Settings = field(default_factory=NoOptions)
    batch_size: int = 2
    world: int = 1
    seed: int = 0
    steps: int = 1
    classes: int = 0


@dataclass(frozen=True)
class StepOutput:
    """What a step computed.

    Attributes:
        loss: Scalar to call ``backward`` on.
        stats: Detached scalars by their name in the log (``loss/P2``, ``top1/P2``, …); they stay on the device.
    """

    loss: Tensor
    stats: dict[str, Tensor] = field(default_factory=dict)


class Method(nn.Module, ABC):
    """Base of everything that training can drive.

    Attributes:
        load_report: What ``model.init`` has loaded, if anything.
        negatives: Length of its queue of past keys; ``None`` without one.
        Options: Its own settings, given as ``options.*``.
        used_settings: Which of the `OPTIONAL` settings change something; a user who sets another one is warned.
        parts: The components of a detector that it trains, as `exports` names them.
        needs_backgrounds: Whether it pastes on backgrounds, and so needs some.
        needs_proposals: Whether it needs proposals in its images.
        batch_statistics: ``local``: BatchNorm sees this rank's samples; ``global``: those of all ranks (SyncBN, on
            GPUs).
        shuffles: Whether the views of its key network come in another order than those of the query network
            (`codo.contrast.bn_groups`).
    """

    Options: ClassVar[type[Settings]] = NoOptions
    used_settings: ClassVar[tuple[str, ...]] = OPTIONAL
    parts: ClassVar[tuple[str, ...]] = ("backbone",)
    needs_backgrounds: ClassVar[bool] = False
    needs_proposals: ClassVar[bool] = False
    shuffles: ClassVar[bool] = False
    batch_statistics: ClassVar[Literal["local", "global"]] = "local"
    load_report: LoadReport | None = None
    negatives: int | None = None
    mean: Tensor
    std: Tensor

    def __init__(self, setup: Setup | None = None) -> None:
        super().__init__()
        self.register_buffer("mean", 255 * torch.tensor(PIXEL_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(PIXEL_STD).view(3, 1, 1), persistent=False)

    @classmethod
    def dataset(cls, material: DatasetInputs) -> StepDataset:
        """The views it wants, made of the run's images.

        Raises:
            InputError: The images lack something that it needs.
        """
        raise TypeError(f"{cls.__name__} is not pretrained")

    def prepare_data(self, dataset: StepDataset, folder: Path, start: int) -> str:
        """Find what the views need to know of all images; called before the first batch, on the module's device.

        Args:
            dataset: The views; what was found is given to them.
            folder: Of the run. What is found lies there, so that a run that goes on uses the same: whoever comes first
                finds and writes it, all others (later starts, other ranks) read it.
            start: Steps done before.

        Returns:
            A line for the log; empty when there is nothing to say.
        """
        return ""

    @abstractmethod
    def forward(self, batch: Any) -> StepOutput:
        """Compute the losses of a batch that lies on the module's device. Changes no state but BN statistics."""

    def on_first_batch(self, batch: Any) -> None:
        """Look at the first batch of a run before its first step."""

    def on_step_end(self) -> None:
        """Update what is not trained by gradients (EMA, queues), after the optimizer's step."""

    @abstractmethod
    def exports(self) -> dict[str, nn.Module]:
        """The modules worth exporting by component: ``backbone`` and, where there are, ``fpn`` and ``box_head``."""

    def key_exports(self) -> dict[str, nn.Module]:
        """The same modules of the momentum copy; empty for a method that has none."""
        return {}

    def log_stats(self) -> dict[str, Tensor]:
        """Costlier statistics of the last step, asked for only when the step is logged."""
        return {}

    def embed_boxes(self, images: Tensor, boxes: Tensor) -> Tensor:
        """Embeddings ``(n, E)`` of boxes ``(n, 4)`` on uint8 canvases ``(n, S, S, 3)``, to judge the method by."""
        raise TypeError(f"{type(self).__name__} does not embed boxes")

    def constant_lr_modules(self) -> list[nn.Module]:
        """Modules whose learning rate does not follow the schedule."""
        return []

    def pixels(self, images: Tensor) -> Tensor:
        """uint8 ``(…, S, S, 3)`` to normalized float ``(…, 3, S, S)``, laid out with channels last as it came."""
        return images.movedim(-1, -3).to(self.mean.dtype).sub(self.mean).div(self.std)

    def compilable(self) -> list[nn.Module]:
        """The modules that ``compile=true`` compiles."""
        return []
