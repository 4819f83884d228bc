"""What is exported: the trunk of a run, and how it came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from codo.errors import CodoError
from codo.models.encoder import Encoder, ModelSettings
from codo.models.weights import COMPONENTS
from codo.run import Run
from codo.training.pretrain import load_method

PARTS = ("backbone", "fpn", "box_head")
"""The components of a trunk. The projection is not one: it has done its work when pretraining ends."""


@dataclass(frozen=True)
class Trunk:
    """Backbone, FPN and box head.

    Attributes:
        model: Settings that the three are built from, with ``init="none"``.
        tensors: Weights and BatchNorm statistics under the encoder's names (``backbone.conv1.weight``), on the CPU.
        method: What they were pretrained with.
        step: Training steps done.
    """

    model: ModelSettings
    tensors: Mapping[str, Tensor]
    method: str
    step: int

    def encoder(self) -> Encoder:
        """An encoder with these weights, in evaluation mode; its projection is random.

        Raises:
            CodoError: The weights do not fit the settings.
        """
        with torch.random.fork_rng(devices=[]):
            encoder = Encoder(self.model)
        missing, unexpected = encoder.load_state_dict(dict(self.tensors), strict=False)
        wrong = [*(name for name in missing if not name.startswith(COMPONENTS["projection"])), *unexpected]
        if wrong:
            shown = ", ".join(wrong[:3])
            raise CodoError(
                f"the weights do not fit their settings: {shown}", where="export", fix="export the run again"
            )
        return encoder.eval()


def read_trunk(run: Run) -> Trunk:
    """Read the trunk from the newest whole checkpoint of a run.

    Raises:
        InputError: Not a pretraining run, or one without a checkpoint.
        CodoError: The run's method does not pretrain a whole trunk.
    """
    method, settings, step = load_method(run)
    modules = method.exports()
    if lacking := [part for part in PARTS if part not in modules]:
        fix = "export a run of a method that pretrains the whole trunk, such as codo"
        what = f"method '{settings.method}' does not pretrain: {', '.join(lacking)}"
        raise CodoError(what, where=str(run.path), fix=fix)
    return pack_trunk(settings.model, modules, settings.method, step)


def pack_trunk(model: ModelSettings, modules: Mapping[str, nn.Module], method: str, step: int) -> Trunk:
    """Put the modules that a method exports into a `Trunk`.

    Args:
        model: Settings they were built from.
        modules: Component -> module, as ``Method.exports`` returns them.
        method: Name of the method.
        step: Training steps done.
    """
    tensors = {
        # Training stores weights with channels last; files keep the plain layout.
        COMPONENTS[part] + name: tensor.detach().cpu().contiguous()
        for part in PARTS
        for name, tensor in modules[part].state_dict().items()
    }
    return Trunk(model.model_copy(update={"init": "none"}), tensors, method, step)
