"""Translation between our names of the trunk's tensors and those of other libraries, in both directions.

Every layout is a table of pairs: our module on the left, theirs on the right. In a pair ``{i}`` is a number that occurs
on both sides, ``{i+2}`` the same number counted from 2, and ``{*}`` any rest of a name. `KeyMap.foreign` reads a pair
from left to right and `KeyMap.ours` from right to left, so the two directions always agree.

Our names are torchvision's: ``backbone.*`` of ``ResNet``, ``fpn.*`` of ``FeaturePyramidNetwork``, ``box_head.*`` of
``FastRCNNConvFCHead`` (``4conv1fc``) or ``TwoMLPHead`` (``2fc``). The others are those of docs/method.md#export.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from codo.models.normalization import Normalization

_SLOT = re.compile(r"\{(\w|\*)(?:\+(\d))?\}")
_FC = "n"
"""Slot for the index of the fully connected layer: number of convolutions + 1. Other layouts do not contain it."""


@dataclass(frozen=True)
class KeyMap:
    """The names of one library.

    Attributes:
        title: Name of the library for messages, such as "Detectron2".
        pairs: (our module, their module), most specific first.
        normalization: Of the images that all weights with these names were trained on; ``None`` if the names do not
            tell.
        anchor: Our name of a tensor by which files with these names are found; empty for the backbone's first, unless
            the layout's name of that occurs in others, too.
    """

    title: str
    pairs: tuple[tuple[str, str], ...]
    normalization: Normalization | None = None
    anchor: str = ""

    def foreign(self, name: str) -> str | None:
        """The other library's name of a tensor.

        Args:
            name: Our name, such as ``fpn.inner_blocks.0.1.weight``.

        Returns:
            The name in the layout; ``None`` if the layout has no such tensor.
        """
        return _translate(name, self.pairs, {})

    def ours(self, name: str, convolutions: int = 4) -> str | None:
        """Our name of a tensor.

        Args:
            name: Their name, such as ``backbone.fpn_lateral2.norm.weight``.
            convolutions: Convolutions of the box head, 0 for ``2fc``. Other libraries always call the layer after them
                ``fc1``; our name of it contains their number.

        Returns:
            Our name; ``None`` if the tensor is not part of a trunk.
        """
        known = {_FC: convolutions + 1} if convolutions else {}
        return _translate(name, tuple((theirs, ours) for ours, theirs in self.pairs), known)


def _translate(name: str, pairs: tuple[tuple[str, str], ...], known: dict[str, int]) -> str | None:
    """The first pair whose left side is the module of ``name`` and whose right side can be filled in."""
    module, _, leaf = name.rpartition(".")
    for left, right in pairs:
        found = _read(left, module)
        if found is not None and (written := _write(right, {**known, **found})) is not None:
            return f"{written}.{leaf}" if written else leaf
    return None


def _read(template: str, module: str) -> dict[str, int | str] | None:
    """The values of a template's slots in a module name, or ``None`` if the name does not match."""
    match = _pattern(template).fullmatch(module)
    if match is None:
        return None
    values: dict[str, int | str] = {}
    for (slot, offset), text in zip(_SLOT.findall(template), match.groups(), strict=True):
        values[slot] = text if slot == "*" else int(text) - int(offset or 0)
    return values


def _write(template: str, values: dict[str, int | str]) -> str | None:
    """Fill in a template; ``None`` if a slot has no value or a negative one."""
    for slot, offset in _SLOT.findall(template):
        value = values.get(slot)
        if isinstance(value, int):
            value = str(value + int(offset or 0)) if value >= 0 else None
        if value is None:
            return None
        template = template.replace(f"{{{slot}+{offset}}}" if offset else f"{{{slot}}}", value)
    return template


_PATTERNS: dict[str, re.Pattern[str]] = {}


def _pattern(template: str) -> re.Pattern[str]:
    if template not in _PATTERNS:
        parts = _SLOT.split(template)  # text, slot, offset, text, slot, offset, …, text
        slots = ["(.+)" if slot == "*" else "(0|[1-9][0-9]*)" for slot in parts[1::3]]
        texts = [re.escape(text) for text in parts[::3]]
        _PATTERNS[template] = re.compile("".join(a + b for a, b in zip(texts, [*slots, ""], strict=True)))
    return _PATTERNS[template]


def _resnet(prefix: str) -> tuple[tuple[str, str], ...]:
    """The ResNet of torchvision, timm, MoCo and mmdet, after a prefix."""
    modules = (
        "conv1",
        "bn1",
        "layer{s}.{b}.conv{k}",
        "layer{s}.{b}.bn{k}",
        "layer{s}.{b}.downsample.0",
        "layer{s}.{b}.downsample.1",
    )
    return tuple((f"backbone.{module}", prefix + module) for module in modules)


# nn.Sequential(*resnet.children()): 0 and 1 are conv1 and bn1, 2 and 3 have no tensors, 4 to 7 are the stages.
_SEQUENTIAL = (
    ("backbone.conv1", "0"),
    ("backbone.bn1", "1"),
    *(
        (f"backbone.layer{{s}}.{{b}}.{module}", f"{{s+3}}.{{b}}.{module}")
        for module in ("conv{k}", "bn{k}", "downsample.0", "downsample.1")
    ),
)


def _torchvision(inner: str, outer: str) -> tuple[tuple[str, str], ...]:
    """A torchvision detector, in which the pyramid's block ``inner`` of ours is called ``outer``."""
    blocks = ("inner_blocks", "layer_blocks")
    return (
        ("backbone.{*}", "backbone.body.{*}"),
        *((f"fpn.{block}.{inner}", f"backbone.fpn.{block}.{outer}") for block in blocks),
        ("box_head.{*}", "roi_heads.box_head.{*}"),
    )


def _detectron2(backbone: str, fpn: str, head: str) -> tuple[tuple[str, str], ...]:
    """Detectron2's modules after these prefixes; its norms are children of their convolutions."""
    convolutions = (
        ("backbone.conv1", "backbone.bn1", f"{backbone}stem.conv1"),
        ("backbone.layer{s}.{b}.conv{k}", "backbone.layer{s}.{b}.bn{k}", f"{backbone}res{{s+1}}.{{b}}.conv{{k}}"),
        (
            "backbone.layer{s}.{b}.downsample.0",
            "backbone.layer{s}.{b}.downsample.1",
            f"{backbone}res{{s+1}}.{{b}}.shortcut",
        ),
        ("fpn.inner_blocks.{i}.0", "fpn.inner_blocks.{i}.1", f"{fpn}fpn_lateral{{i+2}}"),
        ("fpn.layer_blocks.{i}.0", "fpn.layer_blocks.{i}.1", f"{fpn}fpn_output{{i+2}}"),
        ("box_head.{j}.0", "box_head.{j}.1", f"{head}conv{{j+1}}"),
    )
    pairs = [pair for conv, norm, theirs in convolutions for pair in ((conv, theirs), (norm, f"{theirs}.norm"))]
    fully_connected = (("box_head.{n}", "fc1"), ("box_head.fc6", "fc1"), ("box_head.fc7", "fc2"))
    return (*pairs, *((ours, head + theirs) for ours, theirs in fully_connected))


_MMDET = (
    *_resnet("backbone."),
    ("fpn.inner_blocks.{i}.0", "neck.lateral_convs.{i}.conv"),
    ("fpn.inner_blocks.{i}.1", "neck.lateral_convs.{i}.bn"),
    ("fpn.layer_blocks.{i}.0", "neck.fpn_convs.{i}.conv"),
    ("fpn.layer_blocks.{i}.1", "neck.fpn_convs.{i}.bn"),
    ("box_head.{j}.0", "roi_head.bbox_head.shared_convs.{j}.conv"),
    ("box_head.{j}.1", "roi_head.bbox_head.shared_convs.{j}.bn"),
    ("box_head.{n}", "roi_head.bbox_head.shared_fcs.0"),
    ("box_head.fc6", "roi_head.bbox_head.shared_fcs.0"),
    ("box_head.fc7", "roi_head.bbox_head.shared_fcs.1"),
)

# timm's features_only flattens names: stages.0 of the model becomes stages_0.
_TIMM = (
    *((f"backbone.model.{part}_{{i}}.{{*}}", f"{part}.{{i}}.{{*}}") for part in ("stem", "stages", "layers", "blocks")),
    *((f"backbone.model.{part}_{{i}}", f"{part}.{{i}}") for part in ("stem", "stages", "layers", "blocks")),
    ("backbone.model.{*}", "{*}"),
    ("backbone.model", ""),
)


def _efficientnet(depths: tuple[int, ...]) -> tuple[tuple[str, str], ...]:
    """TensorFlow's names of an EfficientNet without squeeze-and-excitation, whose blocks are counted through.

    Args:
        depths: Blocks of each stage; those of the first do not expand.
    """
    shrinking = {"conv_dw": "_depthwise_conv", "bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"}
    inverted = {"conv_pw": "_expand_conv", "bn1": "_bn0", "conv_dw": "_depthwise_conv", "bn2": "_bn1"}
    inverted |= {"conv_pwl": "_project_conv", "bn3": "_bn2"}
    places = [(stage, block) for stage, depth in enumerate(depths) for block in range(depth)]
    return (
        ("backbone.model.conv_stem", "_conv_stem"),
        ("backbone.model.bn1", "_bn0"),
        *(
            (f"backbone.model.blocks.{stage}.{block}.{ours}", f"_blocks.{index}.{theirs}")
            for index, (stage, block) in enumerate(places)
            for ours, theirs in (inverted if stage else shrinking).items()
        ),
    )


_TENSORFLOW = Normalization((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))

LAYOUTS: dict[str, KeyMap] = {
    "codo": KeyMap("CoDo", tuple((f"{part}.{{*}}",) * 2 for part in ("backbone", "fpn", "box_head", "projection"))),
    "torchvision": KeyMap("torchvision detector", _torchvision("{i}.{t}", "{i}.{t}")),
    "torchvision_0.12": KeyMap("torchvision detector up to 0.12", _torchvision("{i}.0", "{i}")),
    "torchvision_retinanet": KeyMap("torchvision RetinaNet or FCOS", _torchvision("{i+1}.{t}", "{i}.{t}")),
    "resnet": KeyMap("torchvision or timm ResNet", _resnet("")),
    "resnet_sequential": KeyMap("nn.Sequential of a ResNet", _SEQUENTIAL, anchor="backbone.layer1.0.conv1.weight"),
    "timm": KeyMap("timm model", _TIMM),
    "efficientnet_lite0": KeyMap(
        "EfficientNet-Lite0 of TensorFlow", _efficientnet((1, 2, 2, 3, 3, 4, 1)), normalization=_TENSORFLOW
    ),
    "detectron2": KeyMap("Detectron2", _detectron2("backbone.bottom_up.", "backbone.", "roi_heads.box_head.")),
    "detectron2_short": KeyMap("Detectron2 without prefixes", _detectron2("", "", "box_head.")),
    "mmdet": KeyMap("MMDetection", _MMDET),
}
"""Name -> layout. In RetinaNet and FCOS the pyramid begins at P3, so their block 0 is our block 1."""
