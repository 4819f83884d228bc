"""Targets whose library is usually not installed beside CoDo: Detectron2 and mmdet.

Their files are checked from two independent sides. The names and shapes must be those of the real model, printed from
the library (``keys``). And the file must compute what it should: its tensors are carried back onto an encoder by
nothing but the names in the file, and that encoder runs on the fixed input.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from torch import Tensor

from codo.errors import InputError
from codo.export.keys import blueprint, read_keys
from codo.export.target import Features, Target, encoder_features, translate
from codo.export.torchvision import RANDOM
from codo.export.trunk import PARTS, Trunk
from codo.models.box_head import count_convolutions
from codo.models.encoder import ModelSettings
from codo.models.layouts import LAYOUTS
from codo.models.load_report import LoadReport, compare

LISTED = ({"backbone": "resnet50", "head": "4conv1fc"}, {"backbone": "resnet50", "head": "2fc"})
"""Trunks that key lists exist for; pyramid norm as these heads pair with it."""


class NamedTarget(Target):
    """A two-stage detector known by its names.

    Attributes:
        layout: Name of its layout.
        components: Component of its model -> how the names begin.
        key_lists: Box head -> key list of the R-50 model with it; what is not there has no list.
        fallback: Key list that says what else than the trunk is in the model, for trunks without a list.
    """

    detectors = ("mask_rcnn", "faster_rcnn")
    random = RANDOM
    layout: ClassVar[str]
    components: ClassVar[Mapping[str, str]]
    key_lists: ClassVar[Mapping[str, str]]
    fallback: ClassVar[str]

    @abstractmethod
    def read(self, path: Path) -> dict[str, Tensor]:
        """The tensors of a file under their names in it."""

    def state(self, trunk: Trunk) -> dict[str, Tensor]:
        """The trunk under the library's names.

        Raises:
            InputError: The backbone is no ResNet; the library would have to be taught it.
        """
        if trunk.model.backbone.startswith("timm:"):
            what = f"{LAYOUTS[self.layout].title} has no backbone '{trunk.model.backbone}'"
            raise InputError(what, where="--to", fix="use --to torchvision, timm or safetensors")
        return translate(trunk, self.layout)

    def model_keys(self, trunk: Trunk) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the library's model around a trunk of these sizes.

        Where there is a list, its names hold, and for the sizes that it was printed with its shapes, too. Else names
        come from the layout, and the list tells what the model has beside the trunk.
        """
        with_parts = trunk.encoder().state_dict()
        whole = Trunk(trunk.model, {n: t for n, t in with_parts.items() if n.split(".")[0] in PARTS}, "", 0)
        ours = {name: tuple(tensor.shape) for name, tensor in self.state(whole).items()}
        listed = read_keys(self.key_lists.get(trunk.model.head, self.fallback))
        rest = {name: shape for name, shape in listed.items() if self._part(name) not in PARTS}
        if not self.detector.startswith("mask"):
            rest = {name: shape for name, shape in rest.items() if self._part(name) != "mask_head"}
        if trunk.model.head not in self.key_lists or not _like_the_listed(trunk.model):
            return {**ours, **rest}
        inner = {name: shape for name, shape in listed.items() if self._part(name) in PARTS}
        return {**(inner if _of_listed_sizes(trunk.model) else {n: ours.get(n, s) for n, s in inner.items()}), **rest}

    def rebuild(self, trunk: Trunk, path: Path) -> tuple[Features, LoadReport]:
        """Compare with the key list, and carry the file back onto an encoder by its names."""
        tensors = self.read(path)
        report = compare(blueprint(self.model_keys(trunk)), tensors, self.components)
        layout, convolutions = LAYOUTS[self.layout], count_convolutions(trunk.model.head)
        back = {ours: t for name, t in tensors.items() if (ours := layout.ours(name, convolutions)) is not None}
        encoder = trunk.encoder()
        state = {n: t for n, t in encoder.state_dict().items() if n.split(".")[0] in PARTS}
        for tensor in state.values():  # so that nothing but the file can be right
            tensor.fill_(float("nan") if tensor.is_floating_point() else 0)
        encoder.load_state_dict(
            {n: t for n, t in back.items() if n in state and t.shape == state[n].shape}, strict=False
        )

        return encoder_features(encoder), report

    def _part(self, name: str) -> str:
        fitting = [part for part, prefix in self.components.items() if name.startswith(prefix)]
        return max(fitting, key=lambda part: len(self.components[part]), default="")


def _like_the_listed(model: ModelSettings) -> bool:
    """Whether the trunk has the same modules as a listed one, whatever their width."""
    likes = (ModelSettings.model_validate(values) for values in LISTED)
    return any((model.backbone, model.head, model.pyramid_norm) == (m.backbone, m.head, m.pyramid_norm) for m in likes)


def _of_listed_sizes(model: ModelSettings) -> bool:
    standard = ModelSettings()
    return all(getattr(model, n) == getattr(standard, n) for n in ("width", "fpn_channels", "head_dim"))
