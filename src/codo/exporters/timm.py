"""timm: weights for ``timm.create_model``, as safetensors; the classifier stays random.

timm's ResNets have torchvision's names. If timm is installed, the file is verified with its model; otherwise with
torchvision's, which has the same names and outputs. All other backbones are built by timm itself.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from codo.core.errors import InputError
from codo.exporters.resnet import BackboneTarget, build_resnet, built_by, resnet_features
from codo.exporters.target import MAPS, Features, Rebuilt, translate
from codo.exporters.trunk import TrunkWeights
from codo.models.backbone import STRIDES
from codo.models.encoder import ModelSettings
from codo.models.load_report import compare
from codo.models.normalization import IMAGENET, timm_normalization

_PREFIX = "timm:"


class Timm(BackboneTarget):
    """A ``.safetensors`` file under timm's names."""

    file = "timm.safetensors"  # for every model; the page names the architecture
    endings = (".safetensors",)

    def state(self, trunk: TrunkWeights) -> dict[str, Tensor]:
        """The backbone under timm's names."""
        return translate(trunk, "timm" if trunk.model.backbone.startswith(_PREFIX) else "resnet", self.takes)

    def write(self, trunk: TrunkWeights, path: Path) -> None:
        """Write the state dict."""
        path.write_bytes(save(self.state(trunk), {"format": "pt"}))

    def rebuild(self, trunk: TrunkWeights, path: Path) -> Rebuilt:
        """Build the model and load the file.

        Raises:
            InputError: timm names the tensors of this model differently in its classifier and its feature extractor.
        """
        tensors = load_file(path)
        name = trunk.model.backbone.removeprefix(_PREFIX)
        if trunk.model.width != 1.0 or (name == trunk.model.backbone and find_spec("timm") is None):
            model: Any = build_resnet(trunk.model)
            features, how = resnet_features(model), built_by(trunk.model)
        else:
            model, features = _build(name)
            how = "The model was built by `timm.create_model` and loaded this file."
        report = compare(model.state_dict(), tensors, self._components(trunk, model))
        if report.unexpected:
            what = f"timm names tensors of '{name}' differently in its feature extractor ({report.unexpected[0]})"
            raise InputError(what, where="--to timm", fix="use --to torchvision or --to safetensors")
        model.load_state_dict(tensors, strict=False)
        return Rebuilt(features, report, how)

    def _components(self, trunk: TrunkWeights, model: Any) -> dict[str, str]:
        """Backbone, classifier, and, under their own names, the modules between the last map and the classifier."""
        classifier = getattr(model, "default_cfg", {}).get("classifier", "fc")
        head = f"{classifier if isinstance(classifier, str) else classifier[0]}."
        known = self.state(trunk)
        between = {name.rpartition(".")[0] for name in model.state_dict() if name not in known}
        between = {module for module in between if not f"{module}.".startswith(head)}
        return {"backbone": "", "classifier": head} | {module: f"{module}." for module in sorted(between)}

    def usage(self, trunk: TrunkWeights, name: str) -> str:
        """Python code that loads the file called ``name``."""
        model = trunk.model
        if model.width != 1.0:
            module = "from codo.models.backbone import ResNetBackbone"
            build = f'ResNetBackbone("{model.backbone}", width={model.width})  # timm has no such width'
        else:
            module = "import timm"
            build = f'timm.create_model("{model.backbone.removeprefix(_PREFIX)}"{_own_pixels(model)})'
        load = f'model.load_state_dict(load_file("{name}"), strict=False)  # all except the classifier'
        return f"{module}\nfrom safetensors.torch import load_file\n\nmodel = {build}\n{load}\n"


def _own_pixels(model: ModelSettings) -> str:
    """An argument with the normalization, from which timm makes its transforms, if timm's is another one."""
    timms = timm_normalization(_PREFIX + model.backbone.removeprefix(_PREFIX)) or IMAGENET
    own = model.normalization
    return "" if own == timms else f", pretrained_cfg_overlay={{'mean': {own.mean}, 'std': {own.std}}}"


def _build(name: str) -> tuple[Any, Features]:
    """A complete timm model with random weights, and a function that computes its feature maps."""
    import timm

    with torch.random.fork_rng(devices=[]):
        model: Any = timm.create_model(name).eval()
    strides = [stage["reduction"] for stage in model.feature_info]
    indices = [strides.index(stride) for stride in STRIDES]

    def features(images: Tensor, _: Tensor) -> dict[str, Tensor]:
        maps = model.forward_intermediates(images, indices=indices, intermediates_only=True)
        return dict(zip(MAPS["backbone"], maps, strict=True))

    return model, features
