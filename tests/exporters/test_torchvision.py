from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torchvision.models import detection

from codo.exporters.target import encoder_features
from codo.exporters.torchvision import CONSTRUCTORS, PyramidBackbone, Torchvision, build_detector, constructor
from codo.exporters.trunk import TrunkWeights
from codo.models.encoder import ModelSettings
from tests.exporters.detectors import train_step
from tests.exporters.oracle import assert_same
from tests.exporters.usage import run_usage


def shapes(module: nn.Module) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in module.state_dict().items()}


@pytest.mark.parametrize(
    ("head", "masks", "constructor"),
    [
        ("4conv1fc", True, detection.maskrcnn_resnet50_fpn_v2),
        ("4conv1fc", False, detection.fasterrcnn_resnet50_fpn_v2),
        ("2fc", True, detection.maskrcnn_resnet50_fpn),
        ("2fc", False, detection.fasterrcnn_resnet50_fpn),
    ],
)
def test_detector_is_torchvisions_own(head: str, masks: bool, constructor: Any) -> None:
    with torch.device("meta"):
        ours = build_detector(ModelSettings(head=head), 7, masks)
        theirs = constructor(weights=None, weights_backbone=None, num_classes=7)
    assert shapes(ours) == shapes(theirs)
    assert ours.transform.image_mean == theirs.transform.image_mean
    assert ours.transform.image_std == theirs.transform.image_std
    for name in ("sizes", "aspect_ratios"):
        assert getattr(ours.rpn.anchor_generator, name) == getattr(theirs.rpn.anchor_generator, name)


def test_detector_of_equal_weights_finds_what_torchvisions_finds() -> None:
    settings = {
        "num_classes": 3,
        "min_size": 64,
        "max_size": 64,
        "box_score_thresh": 0.0,
        "rpn_post_nms_top_n_test": 20,
    }
    theirs = detection.fasterrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None, **settings).eval()
    classes = settings.pop("num_classes")
    ours = build_detector(ModelSettings(), classes, masks=False, **settings).eval()
    ours.load_state_dict(theirs.state_dict())
    image = torch.rand(3, 64, 64)
    with torch.no_grad():
        found, expected = ours([image])[0], theirs([image])[0]
    assert len(expected["boxes"]) > 0
    for key, value in expected.items():
        assert torch.equal(found[key], value)


@pytest.mark.parametrize(
    "model",
    [
        ModelSettings(backbone="resnet18", width=0.25, fpn_channels=32, head_dim=64, head="1conv1fc"),
        ModelSettings(backbone="resnet34", width=0.125, fpn_channels=16, head_dim=32, head="2fc"),
        ModelSettings(
            backbone="resnet101", width=0.125, fpn_channels=16, head_dim=32, head="2conv1fc", fpn_norm="none"
        ),
    ],
)
@pytest.mark.parametrize("masks", [True, False])
def test_slim_detectors_train_and_detect(model: ModelSettings, masks: bool) -> None:
    torch.manual_seed(0)
    options = {"min_size": 64, "max_size": 64, "rpn_post_nms_top_n_train": 20, "rpn_post_nms_top_n_test": 20}
    detector = build_detector(model, 3, masks, **options)
    target = {"boxes": torch.tensor([[5.0, 5.0, 40.0, 50.0]]), "labels": torch.tensor([1])}
    if masks:
        target["masks"] = torch.ones(1, 64, 64, dtype=torch.uint8)
    losses = detector([torch.rand(3, 64, 64)] * 2, [target] * 2)
    sum(losses.values()).backward()
    assert ("loss_mask" in losses) == masks
    assert all(p.grad is not None for name, p in detector.named_parameters() if "backbone" in name)
    detections = detector.eval()([torch.rand(3, 64, 64)])[0]
    assert ("masks" in detections) == masks


def test_pyramid_ends_with_p6() -> None:
    maps = PyramidBackbone(ModelSettings(backbone="resnet18", width=0.125, fpn_channels=8))(torch.randn(1, 3, 64, 64))
    assert list(maps) == ["0", "1", "2", "3", "pool"]
    assert torch.equal(maps["pool"], maps["3"][:, :, ::2, ::2])


def test_rebuilt_report_has_the_whole_trunk_and_nothing_else(trunk: TrunkWeights, tmp_path: Path) -> None:
    target = Torchvision("mask_rcnn")
    target.write(trunk, tmp_path / "t.pth")
    counts = target.rebuild(trunk, tmp_path / "t.pth").report.counts()
    assert all(counts[part][0] and counts[part][1:] == (0, 0, 0) for part in ("backbone", "fpn", "box_head"))
    assert all(counts[part][0] == 0 for part in ("rpn", "box_predictor", "mask_head", "mask_predictor"))
    assert "other" not in counts


def test_torchvisions_own_constructor_where_there_is_one() -> None:
    for detector, head in CONSTRUCTORS:
        assert constructor(ModelSettings(head=head, embedding_dim=64), detector) is CONSTRUCTORS[detector, head]
    assert constructor(ModelSettings(fpn_norm="bn"), "mask_rcnn") is CONSTRUCTORS["mask_rcnn", "4conv1fc"]
    others = {"width": 0.5, "head": "2conv1fc", "head_dim": 9, "fpn_norm": "none", "backbone": "resnet18"}
    for key, value in others.items():
        assert constructor(ModelSettings.model_validate({key: value}), "mask_rcnn") is None


@pytest.mark.parametrize(
    ("detector", "head"), [("mask_rcnn", "4conv1fc"), ("faster_rcnn", "4conv1fc"), ("mask_rcnn", "2fc")]
)
def test_torchvisions_own_detector_has_our_features_and_trains(
    detector: Any, head: str, full_trunk: Callable[[str], TrunkWeights], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The code of the page, as it stands, builds v2 or v1 without a line of ours."""
    trunk = full_trunk(head)
    code, scope = run_usage(trunk, Torchvision(detector), tmp_path, monkeypatch)
    assert "codo" not in code
    assert type(scope["detector"]).__name__ == {"mask_rcnn": "MaskRCNN", "faster_rcnn": "FasterRCNN"}[detector]
    assert_our_features(scope["detector"], trunk)
    moved = train_step(scope["detector"], masks=detector == "mask_rcnn")
    assert {"backbone.body.conv1.weight", "backbone.fpn.inner_blocks.0.0.weight"} <= moved.keys()
    assert any(name.startswith("roi_heads.box_head") for name in moved)


@pytest.mark.parametrize("settings", [{}, {"head": "2fc"}, {"fpn_norm": "none"}, {"backbone": "timm:test_convnext"}])
def test_other_trunks_are_loaded_into_what_build_detector_builds(
    settings: dict[str, Any], make_trunk: Callable[..., TrunkWeights], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    width = {"width": 1.0} if "timm" in str(settings) else {}
    trunk = make_trunk(**settings, **width)
    _, scope = run_usage(trunk, Torchvision("mask_rcnn"), tmp_path, monkeypatch)
    assert_our_features(scope["detector"], trunk)


@torch.no_grad()
def assert_our_features(detector: Any, trunk: TrunkWeights) -> None:
    detector.eval()
    images, pooled = torch.randn(1, 3, 96, 64), torch.rand(2, trunk.model.fpn_channels, 7, 7)
    found = dict(zip(("P2", "P3", "P4", "P5"), list(detector.backbone(images).values())[:4], strict=True))
    found["box head"] = detector.roi_heads.box_head(pooled)
    assert_same(encoder_features(trunk.encoder())(images, pooled), found, tuple(found))


@torch.no_grad()
@pytest.mark.parametrize("seen", [(40, 320), (320, 40)])
def test_boxes_are_pooled_where_they_are_whatever_was_seen_first(seen: tuple[int, int]) -> None:
    """Torchvision guesses the strides from the first height: 40 pixels, padded to 64, would give 2, 4, 8 and 16."""
    model = ModelSettings(backbone="resnet18", width=0.125, fpn_channels=16, head_dim=32)
    torch.manual_seed(0)
    detector = build_detector(model, 3, masks=True, min_size=128, max_size=320, box_score_thresh=0.0).eval()
    image = torch.rand(3, 128, 160)
    expected = detector([image])[0]
    fresh = build_detector(model, 3, masks=True, min_size=128, max_size=320, box_score_thresh=0.0).eval()
    fresh.load_state_dict(detector.state_dict())
    fresh([torch.rand(3, *seen)])
    found = fresh([image])[0]
    assert len(expected["boxes"]) > 0
    for key, value in expected.items():
        assert torch.equal(found[key], value)
