from __future__ import annotations

from functools import cache

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from codo.models.encoder import Encoder, ModelSettings
from codo.models.key_maps import LAYOUTS

# Names as they stand in checkpoints of the real libraries.
PAIRS = {
    "torchvision": {
        "backbone.layer2.0.downsample.1.running_var": "backbone.body.layer2.0.downsample.1.running_var",
        "fpn.inner_blocks.3.1.weight": "backbone.fpn.inner_blocks.3.1.weight",
        "box_head.5.bias": "roi_heads.box_head.5.bias",
        "box_head.fc6.weight": "roi_heads.box_head.fc6.weight",
    },
    "torchvision_0.12": {"fpn.layer_blocks.2.0.bias": "backbone.fpn.layer_blocks.2.bias"},
    "torchvision_retinanet": {"fpn.inner_blocks.1.0.weight": "backbone.fpn.inner_blocks.0.0.weight"},
    "resnet": {"backbone.bn1.weight": "bn1.weight", "backbone.layer4.1.conv2.weight": "layer4.1.conv2.weight"},
    "resnet_sequential": {
        "backbone.conv1.weight": "0.weight",
        "backbone.bn1.running_mean": "1.running_mean",
        "backbone.layer1.0.conv1.weight": "4.0.conv1.weight",
        "backbone.layer4.2.bn3.bias": "7.2.bn3.bias",
        "backbone.layer3.0.downsample.1.weight": "6.0.downsample.1.weight",
    },
    "timm": {"backbone.model.stages_3.blocks.0.gamma": "stages.3.blocks.0.gamma"},
    "detectron2": {
        "backbone.conv1.weight": "backbone.bottom_up.stem.conv1.weight",
        "backbone.bn1.running_mean": "backbone.bottom_up.stem.conv1.norm.running_mean",
        "backbone.layer1.0.conv1.weight": "backbone.bottom_up.res2.0.conv1.weight",
        "backbone.layer4.2.bn3.bias": "backbone.bottom_up.res5.2.conv3.norm.bias",
        "backbone.layer3.0.downsample.0.weight": "backbone.bottom_up.res4.0.shortcut.weight",
        "backbone.layer3.0.downsample.1.weight": "backbone.bottom_up.res4.0.shortcut.norm.weight",
        "fpn.inner_blocks.0.0.weight": "backbone.fpn_lateral2.weight",
        "fpn.layer_blocks.3.1.bias": "backbone.fpn_output5.norm.bias",
        "box_head.0.0.weight": "roi_heads.box_head.conv1.weight",
        "box_head.3.1.weight": "roi_heads.box_head.conv4.norm.weight",
        "box_head.5.weight": "roi_heads.box_head.fc1.weight",
    },
    "detectron2_short": {
        "backbone.conv1.weight": "stem.conv1.weight",
        "backbone.layer1.0.bn2.weight": "res2.0.conv2.norm.weight",
        "fpn.layer_blocks.0.0.weight": "fpn_output2.weight",
        "box_head.0.1.weight": "box_head.conv1.norm.weight",
    },
    "mmdet": {
        "backbone.layer1.0.downsample.0.weight": "backbone.layer1.0.downsample.0.weight",
        "fpn.inner_blocks.2.1.weight": "neck.lateral_convs.2.bn.weight",
        "fpn.layer_blocks.0.0.weight": "neck.fpn_convs.0.conv.weight",
        "box_head.3.0.weight": "roi_head.bbox_head.shared_convs.3.conv.weight",
        "box_head.5.bias": "roi_head.bbox_head.shared_fcs.0.bias",
    },
}


@pytest.mark.parametrize(("layout", "ours"), [(layout, name) for layout, names in PAIRS.items() for name in names])
def test_names_of_real_checkpoints_in_both_directions(layout: str, ours: str) -> None:
    assert LAYOUTS[layout].foreign(ours) == PAIRS[layout][ours]
    assert LAYOUTS[layout].ours(PAIRS[layout][ours]) == ours


@pytest.mark.parametrize("layout", ["detectron2", "mmdet"])
def test_the_first_fully_connected_layer_depends_on_the_head(layout: str) -> None:
    fc1 = LAYOUTS[layout].foreign("box_head.fc6.weight")
    assert fc1 == LAYOUTS[layout].foreign("box_head.2.weight")
    assert LAYOUTS[layout].ours(str(fc1), convolutions=0) == "box_head.fc6.weight"
    assert LAYOUTS[layout].ours(str(fc1), convolutions=1) == "box_head.2.weight"


@cache
def names(backbone: str, head: str) -> list[str]:
    with torch.device("meta"):
        return list(Encoder(ModelSettings(backbone=backbone, head=head)).state_dict())


@given(
    backbone=st.sampled_from(["resnet18", "resnet50"]),
    head=st.sampled_from(["4conv1fc", "1conv1fc", "2fc"]),
    layout=st.sampled_from(["codo", "torchvision", "detectron2", "detectron2_short", "mmdet"]),
    share=st.floats(0, 1, exclude_max=True),
)
def test_the_whole_trunk_goes_there_and_back(backbone: str, head: str, layout: str, share: float) -> None:
    trunk = [name for name in names(backbone, head) if not name.startswith("projection.")]
    theirs = [LAYOUTS[layout].foreign(name) for name in trunk]
    assert None not in theirs
    assert len(set(theirs)) == len(trunk)
    i = int(share * len(trunk))
    assert LAYOUTS[layout].ours(str(theirs[i]), 0 if head == "2fc" else int(head[0])) == trunk[i]


def test_the_backbone_alone_has_a_place_in_a_resnet() -> None:
    for name in names("resnet50", "2fc"):
        theirs = LAYOUTS["resnet"].foreign(name)
        assert theirs == (name.removeprefix("backbone.") if name.startswith("backbone.") else None)


@pytest.mark.parametrize(
    ("layout", "name"),
    [
        ("torchvision", "roi_heads.box_predictor.cls_score.weight"),
        ("torchvision", "backbone.fpn.extra_blocks.p6.weight"),
        ("resnet", "fc.weight"),
        ("resnet_sequential", "9.weight"),  # the classifier
        ("detectron2", "proposal_generator.rpn_head.conv.weight"),
        ("detectron2", "backbone.fpn_lateral1.weight"),  # our blocks count from 2
        ("detectron2", "backbone.bottom_up.res02.0.conv1.weight"),
        ("detectron2", "pixel_mean"),
        ("mmdet", "roi_head.bbox_head.fc_cls.weight"),
    ],
)
def test_what_is_not_part_of_a_trunk_has_no_name_here(layout: str, name: str) -> None:
    assert LAYOUTS[layout].ours(name) is None


def test_a_projection_goes_nowhere_else_and_retinanet_has_no_p2() -> None:
    for name in ("torchvision", "detectron2", "mmdet", "resnet"):
        assert LAYOUTS[name].foreign("projection.0.weight") is None
    assert LAYOUTS["torchvision_retinanet"].foreign("fpn.inner_blocks.0.0.weight") is None
