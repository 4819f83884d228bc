"""Where the weights of an encoder start (``model.init``): at random, from ImageNet, or from a file.

A file may be a state dict of a torchvision ResNet or detector, one of our exports, a checkpoint of a run, or any other
file with a ResNet in it under torchvision's names (MoCo's, for one). How its names begin is found by trying the
layouts below behind every prefix that occurs, and taking what matches most.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from codo.errors import InputError
from codo.models.backbone import TimmBackbone
from codo.models.load_report import IGNORED, LoadReport, compare

COMPONENTS = {"backbone": "backbone.", "fpn": "fpn.", "box_head": "box_head.", "projection": "projection."}
"""The components of an encoder -> how their names begin."""

_LAYOUTS: tuple[dict[str, str], ...] = (
    COMPONENTS,
    {
        "backbone": "backbone.body.",
        "fpn": "backbone.fpn.",
        "box_head": "roi_heads.box_head.",
    },  # torchvision's detectors
    {"backbone": ""},  # a bare classifier
)


def initialise(encoder: nn.Module, init: str, backbone: str) -> LoadReport | None:
    """Give an encoder its first weights, in place.

    Args:
        encoder: Module with the children named in `COMPONENTS`.
        init: ``none`` (leave them random), ``imagenet``, or the path of a file.
        backbone: Name of the backbone, for ``imagenet``.

    Returns:
        What was loaded; ``None`` for ``none``.

    Raises:
        InputError: The file cannot be read or downloaded, or does not fit the whole backbone.
    """
    if init == "none":
        return None
    source = _imagenet(backbone) if init == "imagenet" else read_tensors(Path(init))
    return load(encoder, source, where=f"model.init={init}")


def load(encoder: nn.Module, source: Mapping[str, Tensor], *, where: str) -> LoadReport:
    """Copy what fits from ``source`` into the encoder; the backbone must fit completely.

    Raises:
        InputError: A tensor of the backbone is missing or has another shape.
    """
    state = encoder.state_dict()
    renamed = rename(state, source)
    report = compare(state, renamed, COMPONENTS)
    fix = "give weights of the same backbone and width (model.backbone, model.width)"
    report.require(["backbone"], where=where, fix=fix, error=InputError)
    encoder.load_state_dict({name: renamed[name] for name in report.matched}, strict=False)
    return report


def rename(target: Mapping[str, Tensor], source: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a file under an encoder's names, by the layout and prefix that match most.

    Of equals the first in the file wins: in a checkpoint that is the query encoder, which stands before its momentum
    copy (METHOD 1.6, item 9).
    """
    best: dict[str, Tensor] = {}
    most = -1
    for layout in _LAYOUTS:
        anchor = next(iter(target)).removeprefix(COMPONENTS["backbone"])
        anchor = layout["backbone"] + anchor
        for prefix in dict.fromkeys(name.removesuffix(anchor) for name in source if name.endswith(anchor)):
            renamed = dict(_renamed(source, prefix, layout))
            matches = sum(name in target and target[name].shape == tensor.shape for name, tensor in renamed.items())
            if matches > most:
                best, most = renamed, matches
    return best


def _renamed(source: Mapping[str, Tensor], prefix: str, layout: Mapping[str, str]) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in source.items():
        if name.startswith(prefix) and not name.endswith(IGNORED):
            inner = name.removeprefix(prefix)
            component = next((c for c, start in layout.items() if inner.startswith(start)), None)
            yield (COMPONENTS[component] + inner.removeprefix(layout[component]) if component else inner), tensor


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read every tensor of a ``.safetensors`` file or of a PyTorch file, with nested dictionaries joined by dots.

    Raises:
        InputError: No such file, not readable, or something other than tensors that could run code.
    """
    if not path.is_file():
        raise InputError(f"no such weight file: {path}", where="weights", fix="give an existing file, imagenet or none")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            tensors: dict[str, Tensor] = load_file(path)
            return tensors
        return dict(_flatten(torch.load(path, map_location="cpu", weights_only=True)))
    except Exception as error:  # torch.load alone raises seven kinds
        reason = str(error).strip().split("\n")[0][:200]
        fix = "give a state dict saved by torch.save, or a .safetensors file"
        raise InputError(f"cannot read the weight file: {reason}", where=str(path), fix=fix) from error


def _flatten(values: Any, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    if isinstance(values, Tensor):
        yield prefix, values
    elif isinstance(values, Mapping):
        for key, value in values.items():
            yield from _flatten(value, f"{prefix}.{key}" if prefix else str(key))


def _imagenet(backbone: str) -> Mapping[str, Tensor]:
    """ImageNet weights of the classic recipe: IMAGENET1K_V1, the supervised baseline of the literature."""
    where = f"model.init=imagenet, model.backbone={backbone}"
    if backbone.startswith("timm:"):
        return TimmBackbone(backbone.removeprefix("timm:"), pretrained=True).state_dict()
    from torchvision.models import get_weight

    weights = get_weight(f"ResNet{backbone.removeprefix('resnet')}_Weights.IMAGENET1K_V1")
    try:
        tensors: Mapping[str, Tensor] = weights.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as error:  # URLError is an OSError; a broken download fails its hash
        fix = f"download {weights.url} on another machine and set model.init=FILE"
        raise InputError(f"cannot download the ImageNet weights: {error}", where=where, fix=fix) from error
    return tensors
