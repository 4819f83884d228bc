"""Initial weights of an encoder (``model.init``, ``finetune weights=``): random, from ImageNet, or from a file.

The naming scheme of a file is recognized by trying every layout of `codo.models.key_maps` after every prefix that
occurs, and taking the one that matches most tensors. The backbone must then match completely. A pyramid or box head
that the file lacks stays random; one that matches only in part belongs to another architecture and is an error.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor, nn

from codo.core.errors import InputError
from codo.models.fitting_settings import settings_to_change
from codo.models.foreign_pixels import is_caffe
from codo.models.key_maps import LAYOUTS, KeyMap
from codo.models.load_report import IGNORED, LoadReport, compare
from codo.models.timm_backbone import TimmBackbone
from codo.models.weight_files import read_tensors

COMPONENTS = {"backbone": "backbone.", "fpn": "fpn.", "box_head": "box_head.", "projection": "projection."}
"""Component of an encoder -> prefix of its tensors' names."""

TRUNK = ("backbone", "fpn", "box_head")
"""The components that a detector shares."""

_ARCHITECTURE = "model.backbone, width, fpn_channels, fpn_norm, head and head_dim"

_CAFFE = (
    "these weights are from Caffe2: their first convolution was turned from BGR to RGB, and images are not divided by "
    "a deviation (model.std=1/255); their stride is in the 1x1 convolutions, here in the 3x3, so they have to adapt"
)

_MOMENTUM_COPY = re.compile(r"(^|[._])(k|key|ema|momentum|target|teacher|start)([._]|$)")
"""Prefix of a momentum encoder, or of the initial weights that an anchor keeps; of two equal matches the trained
encoder is taken (docs/method.md#export)."""


_WRAPPER = re.compile(r"(?:^|(?<=\.))(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
"""What torch.compile, FSDP and activation checkpointing add to the names inside of a module."""

_OWN_RUN = "method."
"""Prefix of the encoders in a checkpoint of ours, whose momentum encoder needs no mention."""


@dataclass(frozen=True)
class Recognized:
    """The tensors of a file under our names.

    Attributes:
        layout: The naming scheme of the file.
        prefix: What precedes every name in the file.
        tensors: Our name -> tensor; tensors that are not part of a trunk keep their names.
        origin: Our name -> name in the file.
        matches: How many have the name and the shape of a tensor of the encoder.
        others: Prefixes of other encoders in the file that match as well.
    """

    layout: KeyMap
    prefix: str
    tensors: Mapping[str, Tensor]
    origin: Mapping[str, str]
    matches: int
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Layout and prefix, in words."""
        return self.layout.title + (f" behind '{self.prefix}'" if self.prefix else "")

    def choice(self) -> str:
        """Which encoder was taken if the file has several, and why; empty if it has one, or is a run of ours."""
        if not self.others or self.prefix.startswith(_OWN_RUN):
            return ""
        copies = [prefix for prefix in self.others if _MOMENTUM_COPY.search(prefix)]
        trained = len(copies) == len(self.others) and not _MOMENTUM_COPY.search(self.prefix)
        why = "the trained encoder was taken, not its momentum copy" if trained else "the first one was taken"
        names = ", ".join(f"'{prefix}'" for prefix in self.others)
        return f"the file has other encoders that fit as well, behind {names}; {why}"


def initialize(encoder: nn.Module, init: str, backbone: str, parts: Collection[str] | None = None) -> LoadReport | None:
    """Set the initial weights of an encoder, in place.

    Args:
        encoder: Module with the children named in `COMPONENTS`.
        init: ``none`` (leave them random), ``imagenet``, or the path of a file or run.
        backbone: Name of the backbone, for ``imagenet``.
        parts: See `load`.

    Returns:
        What was loaded; ``None`` for ``none``.

    Raises:
        InputError: The file cannot be read or downloaded, or does not fit.
    """
    if init == "none":
        return None
    source = _imagenet(backbone) if init == "imagenet" else read_tensors(Path(init))
    return load(encoder, source, where=f"model.init={init}", parts=parts)


def load(
    encoder: nn.Module, source: Mapping[str, Tensor], *, where: str, parts: Collection[str] | None = None
) -> LoadReport:
    """Copy what fits from ``source`` into the encoder: whole components, the backbone at least.

    Args:
        encoder: Module with children named in `COMPONENTS`; changed in place.
        source: Tensors as `read_tensors` returns them.
        where: The setting that named them, for messages.
        parts: Components of `TRUNK` to load, all of which the weights must have; ``None``: all that they have.

    Raises:
        InputError: A component of ``parts`` is not in the weights, no backbone is recognized, a tensor of it is missing
            or has another shape, the pyramid or the box head of the file differ from the encoder's, or values are NaN
            or infinite.
    """
    state = encoder.state_dict()
    source = _unwrapped(source)
    found = recognize(state, source)
    if found is None:
        raise _unrecognized(source, where)
    caffe = is_caffe(source)
    if caffe:
        found = _from_bgr(found)
    report = compare(state, found.tensors, COMPONENTS)
    report = replace(report, source=str(found), origin=found.origin, note=_CAFFE if caffe else found.choice())
    counts = report.counts()
    in_file = [part for part in TRUNK if part in counts and counts[part][0] + counts[part][2] + counts[part][3]]
    if parts is not None:
        _require_parts(parts, in_file, where)
    report.require(
        dict.fromkeys(["backbone", *in_file] if parts is None else [part for part in in_file if part in parts]),
        where=where,
        fix=f"set {settings_to_change(found.tensors, state) or _ARCHITECTURE}, as in the weights; a file of the "
        "backbone alone leaves the rest random",
        error=InputError,
    )
    if parts is not None:
        report = report.without([component for component in COMPONENTS if component not in parts])
    # The projection is only used in pretraining: another size is no error, but a partial match is not loaded.
    partial = counts.get("projection", (0, 0, 0, 0))[1:] != (0, 0, 0)
    loaded = [n for n in report.matched if not (partial and report.component(n) == "projection")]
    for name in loaded:
        if not bool(found.tensors[name].isfinite().all()):
            what = f"{report.origin.get(name, name)} is not finite: the weights are from a run that diverged"
            raise InputError(what, where=where, fix="give an earlier checkpoint")
    encoder.load_state_dict({name: found.tensors[name] for name in loaded}, strict=False)
    return report


def _unwrapped(source: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The tensors without what wrappers inside of the model have added to their names."""
    names = [_WRAPPER.sub("", name) for name in source]
    if names == list(source) or len(set(names)) < len(names):
        return source
    return dict(zip(names, source.values(), strict=True))


def _from_bgr(found: Recognized) -> Recognized:
    """The same tensors with the first convolution's channels in the order of RGB."""
    first = "backbone.conv1.weight"
    if first not in found.tensors:
        return found
    return replace(found, tensors={**found.tensors, first: found.tensors[first].flip(1)})


def _require_parts(parts: Collection[str], present: Sequence[str], where: str) -> None:
    """Refuse weights that lack a requested component."""
    lacking = [part for part in parts if part not in present]
    if lacking:
        what = f"the weights have no {' and no '.join(lacking)}"
        fix = f"choose from those that they have: {', '.join(present)}"
        raise InputError(what, where=f"parts=[{','.join(parts)}], {where}", fix=fix)


def recognize(target: Mapping[str, Tensor], source: Mapping[str, Tensor]) -> Recognized | None:
    """Find the layout and prefix with which most tensors of a file match the encoder's in name and shape.

    If several encoders in a file match equally, a trained one is preferred to a momentum encoder, then the first one.

    Args:
        target: State dict of the encoder, backbone first.
        source: Tensors of the file.

    Returns:
        The tensors under our names, or ``None`` if no layout fits the first tensor of the backbone.
    """
    best, best_rank, taken = None, (-1, -1, False), ""
    places: dict[str, tuple[str, int]] = {}  # name of the first tensor of each encoder -> its prefix and matches
    for layout in LAYOUTS.values():
        table = {theirs: name for name in target if (theirs := layout.foreign(name)) is not None}
        anchor = layout.foreign(layout.anchor or next(iter(target)))
        if anchor is None:
            continue
        prefixes = [n.removesuffix(anchor) for n in source if n == anchor or n.endswith(f".{anchor}")]
        for prefix in prefixes:
            common = [
                (source[prefix + theirs], target[name]) for theirs, name in table.items() if prefix + theirs in source
            ]
            matches = sum(a.shape == b.shape for a, b in common)
            places.setdefault(prefix + anchor, (prefix, matches))
            rank = (matches, len(common), not _MOMENTUM_COPY.search(prefix))
            if rank > best_rank:
                best, best_rank, taken = (layout, prefix, table), rank, prefix + anchor
    if best is None:
        return None
    others = [prefix for first, (prefix, matches) in places.items() if first != taken and matches == best_rank[0]]
    return replace(_rename(source, target, *best, best_rank[0]), others=tuple(others))


def _rename(
    source: Mapping[str, Tensor],
    target: Mapping[str, Tensor],
    layout: KeyMap,
    prefix: str,
    table: Mapping[str, str],
    matches: int,
) -> Recognized:
    convolutions = sum(re.fullmatch(r"box_head\.\d+\.0\.weight", name) is not None for name in target)
    # A pyramid that begins at P3, as RetinaNet's, does not fit ours: its tensors keep their names and are not used.
    lacking = {name.split(".")[0] for name in target if layout.foreign(name) is None}
    origin: dict[str, str] = {}
    for name in source:
        if name.startswith(prefix) and not name.endswith(IGNORED):
            theirs = name.removeprefix(prefix)
            ours = table.get(theirs) or layout.ours(theirs, convolutions) or theirs
            origin.setdefault(theirs if ours.split(".")[0] in lacking else ours, name)
    tensors = {ours: source[name] for ours, name in origin.items()}
    return Recognized(layout, prefix, tensors, origin, matches)


def _unrecognized(source: Mapping[str, Tensor], where: str) -> InputError:
    names = ", ".join(list(source)[:3]) or "no tensors"
    known = ", ".join(layout.title for layout in LAYOUTS.values())
    fix = f"give weights with names of one of: {known}"
    if any(name.endswith("conv1_w") for name in source):
        fix = "these are Caffe2 weights for BGR images: give torchvision's weights, or Detectron2's copy of them"
    return InputError(f"no backbone like the model's in the weights (they hold {names})", where=where, fix=fix)


def _imagenet(backbone: str) -> Mapping[str, Tensor]:
    """ImageNet weights of the classic recipe: IMAGENET1K_V1, the supervised baseline of the literature."""
    where = f"model.init=imagenet, model.backbone={backbone}"
    if backbone.startswith("timm:"):
        pretrained = TimmBackbone(backbone.removeprefix("timm:"), pretrained=True)
        return {f"backbone.{name}": tensor for name, tensor in pretrained.state_dict().items()}
    from torchvision.models import get_weight

    weights = get_weight(f"ResNet{backbone.removeprefix('resnet')}_Weights.IMAGENET1K_V1")
    try:
        tensors: Mapping[str, Tensor] = weights.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as error:  # URLError is an OSError; a broken download fails its hash
        fix = f"download {weights.url} on another machine and set model.init=FILE"
        if getattr(error, "errno", None) in (errno.EROFS, errno.EACCES, errno.EPERM):
            fix = "set TORCH_HOME=DIR to a folder that can be written; torch keeps downloaded weights there"
        raise InputError(f"cannot download the ImageNet weights: {error}", where=where, fix=fix) from error
    return tensors
