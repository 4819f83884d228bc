"""Export to libraries that are usually not installed together with CoDo: Detectron2 and mmdet.

If the library is installed, the file is verified with it: its model is built from the exported configuration, and loads
the file as its users would. Otherwise the file is verified in two ways. Its names and shapes must equal those of the
real model, printed from the library (``keys``). And its outputs must be right: an encoder is filled using only the
names in the file, and runs on the fixed input.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import replace
from importlib.util import find_spec
from io import StringIO
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import torch
from torch import Tensor, nn

from codo.core.errors import InputError, first_line
from codo.exporters.keys import blueprint, read_keys
from codo.exporters.target import Features, Rebuilt, Target, encoder_features, translate
from codo.exporters.torchvision import RANDOM
from codo.exporters.trunk import PARTS, TrunkWeights
from codo.models.backbone import resnet_channels
from codo.models.box_head import count_convolutions
from codo.models.encoder import ModelSettings
from codo.models.key_maps import LAYOUTS
from codo.models.load_report import compare


class NamedTarget(Target):
    """A two-stage detector of a library that may not be installed.

    Attributes:
        library: Import name of the library.
        layout: Name of its layout.
        components: Component of its model -> prefix of the tensor names.
        key_lists: Box head -> key list of the R-50 model with that head; not every head has one.
        fallback: Key list for the components outside the trunk, for box heads without their own list.
    """

    detectors = ("mask_rcnn", "faster_rcnn")
    random = RANDOM
    editable = True
    library: ClassVar[str]
    layout: ClassVar[str]
    components: ClassVar[Mapping[str, str]]
    key_lists: ClassVar[Mapping[str, str]]
    fallback: ClassVar[str]

    @abstractmethod
    def read(self, path: Path) -> dict[str, Tensor]:
        """The tensors of a file under their names in it."""

    @abstractmethod
    def build(self, config: Path, weights: Path) -> tuple[nn.Module, Features]:
        """Build the library's own model from an exported configuration and load a file, as its users do."""

    @property
    def title(self) -> str:
        """Display name of the library."""
        return LAYOUTS[self.layout].title

    def state(self, trunk: TrunkWeights) -> dict[str, Tensor]:
        """The trunk's tensors under the library's names.

        Raises:
            InputError: The backbone is not a ResNet, or its stages do not double their channels: the library cannot
                build it.
        """
        if trunk.model.backbone.startswith("timm:"):
            what = f"{self.title} has no backbone '{trunk.model.backbone}'"
            raise InputError(what, where="--to", fix="use --to torchvision, timm or safetensors")
        channels = resnet_channels(trunk.model.backbone, trunk.model.width)
        if any(wide != 2 * narrow for narrow, wide in pairwise(channels)):
            what = f"{self.title} doubles the channels of a ResNet from stage to stage, but this one has {channels}"
            raise InputError(what, where=f"model.width={trunk.model.width:g}", fix="use --to torchvision")
        return translate(trunk, self.layout)

    def rebuild(self, trunk: TrunkWeights, path: Path) -> Rebuilt:
        """Load the file with the library if it is installed, else verify it by names."""
        if find_spec(self.library) is None:
            return self._by_names(trunk, path, f"{self.title} is not installed here")
        try:
            with TemporaryDirectory() as folder, torch.random.fork_rng(devices=[]):
                name, text = next(iter(self.companions(trunk, path.name).items()))
                config = Path(folder) / name
                config.write_text(text, encoding="utf-8")
                with redirect_stdout(StringIO()):  # libraries print which tensors stay random; the page lists them too
                    model, features = self.build(config, path.absolute())
        except Exception as error:  # an installation with incompatible versions fails in many ways
            reason = first_line(error)[:200]
            return self._by_names(trunk, path, f"{self.title} could not be used here ({reason})")
        report = compare(model.state_dict(), self.read(path), self.components)
        how = f"The detector was built by {self.title} from the exported configuration, and loaded this file."
        return Rebuilt(features, report, how)

    def _by_names(self, trunk: TrunkWeights, path: Path, why: str) -> Rebuilt:
        tensors = self.read(path)
        layout, convolutions = LAYOUTS[self.layout], count_convolutions(trunk.model.head)
        back = {ours: t for name, t in tensors.items() if (ours := layout.ours(name, convolutions)) is not None}
        encoder = trunk.encoder()
        state = {n: t for n, t in encoder.state_dict().items() if n.split(".")[0] in PARTS}
        report = compare(blueprint(self.model_keys(replace(trunk, tensors=state))), tensors, self.components)
        for tensor in state.values():  # so that every correct value must come from the file
            tensor.fill_(float("nan") if tensor.is_floating_point() else 0)
        encoder.load_state_dict(
            {n: t for n, t in back.items() if n in state and t.shape == state[n].shape}, strict=False
        )
        against = "printed from its Mask R-CNN R-50-FPN" if self._listed(trunk.model) else "that follow its R-50-FPN's"
        how = f"{why}. Names and shapes were compared with those {against}, and an encoder was filled by name alone."
        return Rebuilt(encoder_features(encoder), report, how)

    def model_keys(self, complete: TrunkWeights) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the library's model around a complete trunk.

        If there is a list of exactly this model, they are taken from it. Otherwise those of the trunk come from the
        layout, and those of the other components from the list of another model.
        """
        listed = read_keys(self.key_lists.get(complete.model.head, self.fallback))
        rest = {name: shape for name, shape in listed.items() if self._part(name) not in PARTS}
        if self.detector != "mask_rcnn":
            rest = {name: shape for name, shape in rest.items() if self._part(name) != "mask_head"}
        if self._listed(complete.model):
            return {name: shape for name, shape in listed.items() if self._part(name) in PARTS} | rest
        return {name: tuple(tensor.shape) for name, tensor in self.state(complete).items()} | rest

    def _listed(self, model: ModelSettings) -> bool:
        """Whether there is a list of the model around exactly this trunk."""
        usual = ModelSettings(head=model.head)
        sizes = ("backbone", "width", "fpn_channels", "pyramid_norm", "head_dim")
        return model.head in self.key_lists and all(getattr(model, size) == getattr(usual, size) for size in sizes)

    def _part(self, name: str) -> str:
        fitting = [part for part, prefix in self.components.items() if name.startswith(prefix)]
        return max(fitting, key=lambda part: len(self.components[part]), default="")
