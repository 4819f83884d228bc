"""The exported trunk of a run: its tensors, architecture, method and step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from codo.core.errors import CodoError, InputError, nearest
from codo.core.run import Run
from codo.models.encoder import Encoder, ModelSettings
from codo.models.weights import COMPONENTS
from codo.training.load_run import load_method

PARTS = ("backbone", "fpn", "box_head")
"""The components of a trunk. The projection does not belong to it: it is only needed during pretraining."""

Network = Literal["query", "key"]
"""The trained (query) encoder, or the momentum (key) encoder."""


@dataclass(frozen=True)
class TrunkWeights:
    """Weights of the backbone and, if the method pretrains them, FPN and box head.

    Attributes:
        model: Settings of the architecture, with ``init="none"``.
        tensors: Weights and BatchNorm statistics under the encoder's names (``backbone.conv1.weight``), on the CPU.
        method: Name of the pretraining method.
        step: Number of pretraining steps.
        network: Which of the two encoders they belong to.
    """

    model: ModelSettings
    tensors: Mapping[str, Tensor]
    method: str
    step: int
    network: Network = "query"

    @property
    def parts(self) -> tuple[str, ...]:
        """The components in ``tensors``; methods that contrast whole images have only a backbone."""
        return tuple(part for part in PARTS if any(name.startswith(COMPONENTS[part]) for name in self.tensors))

    def encoder(self) -> Encoder:
        """An encoder with these weights, in evaluation mode; parts that are missing from this trunk are random.

        Raises:
            CodoError: The weights do not fit the settings.
        """
        with torch.random.fork_rng(devices=[]):
            encoder = Encoder(self.model)
        missing, unexpected = encoder.load_state_dict(dict(self.tensors), strict=False)
        wrong = [*(name for name in missing if name.split(".")[0] in self.parts), *unexpected]
        if wrong or not self.parts:
            names = ", ".join(wrong[:3]) or "there are none"
            raise CodoError(
                f"the weights do not fit their settings: {names}", where="export", fix="export the run again"
            )
        return encoder.eval()


def read_trunk(run: Run, network: Network = "query") -> TrunkWeights:
    """Read the trunk from the newest intact checkpoint of a run.

    Args:
        run: A pretraining run.
        network: ``query``, the trained encoder, or ``key``, the momentum encoder.

    Raises:
        InputError: Not a pretraining run, no checkpoint, or a method without a momentum encoder.
        CodoError: The run's method does not pretrain a backbone.
    """
    if network not in get_args(Network):
        fix = nearest(network, list(get_args(Network))) or f"one of: {', '.join(get_args(Network))}"
        raise InputError(f"unknown encoder '{network}'", where="--encoder", fix=fix)
    if run.verb != "pretrain":
        what = f"only pretraining runs can be exported, this is a run of codo {run.verb}"
        fix = f"use its exported detector: {run.exports_dir}/detector.safetensors has torchvision's names"
        raise InputError(what, where=str(run.path), fix=fix)
    method, settings, step = load_method(run)
    modules = method.exports() if network == "query" else method.key_exports()
    if network == "key" and not modules:
        what = f"method '{settings.method}' has no key encoder"
        raise InputError(what, where=str(run.path), fix="export the trained encoder: --encoder query")
    if "backbone" not in modules:
        fix = "export a run of a method that pretrains a backbone, such as codo"
        raise CodoError(f"method '{settings.method}' does not pretrain a backbone", where=str(run.path), fix=fix)
    # A user's method is recorded by its file name without the folder: exports may be published.
    return pack_trunk(settings.model, modules, PurePath(settings.method).name, step, network)


def pack_trunk(
    model: ModelSettings, modules: Mapping[str, nn.Module], method: str, step: int, network: Network = "query"
) -> TrunkWeights:
    """Create `TrunkWeights` from the modules that a method exports.

    Args:
        model: Settings of the architecture.
        modules: Component -> module, as ``Method.exports`` returns them.
        method: Name of the method.
        step: Number of pretraining steps.
        network: The encoder that the modules belong to.
    """
    tensors = {
        # Training keeps weights in channels_last; files have the default layout, and each tensor its own storage.
        COMPONENTS[part] + name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for part in PARTS
        if part in modules
        for name, tensor in modules[part].state_dict().items()
    }
    return TrunkWeights(model.architecture(), tensors, method, step, network)
