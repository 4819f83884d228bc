"""The detector as a method and as a predictor."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from codo.detection.dataset import DetectionBatch
from codo.detection.detector import LOSSES, Detector, DetectorSettings, paste
from codo.models.encoder import ModelSettings
from codo.models.normalization import PIXEL_MEAN, PIXEL_STD
from tests.annotations.synthetic import TINY

MODEL = ModelSettings(**TINY["model"])
SETTINGS = DetectorSettings(**TINY["detector"])


def build(*, masks: bool = False, **options: object) -> Detector:
    torch.manual_seed(0)
    return Detector(MODEL, SETTINGS, classes=2, masks=masks, **options)  # type: ignore[arg-type]


def picture(height: int, width: int) -> torch.Tensor:
    rng = np.random.default_rng(height * width)
    return torch.from_numpy(rng.integers(0, 256, (3, height, width), dtype=np.uint8))


def batch(step: int = 0, *, masks: bool = False) -> DetectionBatch:
    """Two images of unlike size, the second without objects."""
    target = {"boxes": torch.tensor([[4.0, 6, 40, 50], [30, 10, 60, 44]]), "labels": torch.tensor([1, 2])}
    empty = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    if masks:
        target["masks"] = torch.zeros(2, 64, 72, dtype=torch.uint8)
        target["masks"][0, 6:50, 4:40] = 1
        target["masks"][1, 10:44, 30:60] = 1
        empty["masks"] = torch.zeros(0, 48, 96, dtype=torch.uint8)
    return DetectionBatch([picture(64, 72), picture(48, 96)], [target, empty], step)


@pytest.mark.parametrize("masks", [False, True])
def test_a_step_trains_every_parameter(masks: bool) -> None:
    detector = build(masks=masks)
    output = detector(batch(masks=masks))
    names = set(LOSSES.values()) - (set() if masks else {"loss/mask"})
    assert output.stats.keys() == {"loss"} | names
    assert float(output.loss.detach()) == pytest.approx(sum(float(output.stats[name]) for name in names), rel=1e-5)
    assert not any(value.requires_grad for value in output.stats.values())
    output.loss.backward()
    assert all(parameter.grad is not None for parameter in detector.parameters())


def test_a_batch_without_objects_has_a_finite_loss() -> None:
    detector = build(masks=True)
    full = batch(masks=True)
    output = detector(DetectionBatch(full.images[1:], full.targets[1:], 0))
    output.loss.backward()
    assert torch.isfinite(output.loss)
    # None would stop DistributedDataParallel, which waits for every gradient.
    assert all(p.grad is not None and p.grad.isfinite().all() for p in detector.parameters())


def test_the_first_losses_are_those_of_guessing() -> None:
    # 3 classes with random weights near zero: cross-entropy ln 3; objectness of every anchor ln 2.
    stats = build()(batch()).stats
    assert float(stats["loss/class"]) == pytest.approx(np.log(3), abs=0.25)
    assert float(stats["loss/objectness"]) == pytest.approx(np.log(2), abs=0.05)


def test_sampling_depends_on_the_step_alone() -> None:
    detector = build().eval()  # without BatchNorm's batch statistics only the sampling can differ
    detector.detector.rpn.train()
    detector.detector.roi_heads.train()
    torch.manual_seed(1)
    first = detector(batch(7)).loss
    torch.manual_seed(2)
    before = torch.get_rng_state()
    again, other = detector(batch(7)).loss, detector(batch(8)).loss
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_any_seed_that_is_allowed_can_be_used() -> None:
    detector = build()
    detector.seed = 2**63 - 1
    assert detector(batch(2)).loss.isfinite()


def test_detections_equal_those_of_torchvisions_whole_detector() -> None:
    detector = build(masks=True).eval()
    detector.detector.roi_heads.score_thresh = 0.0
    image = picture(64, 96)
    ours = detector.detect([image], [(64, 96)])[0]
    detector.detector.transform.min_size, detector.detector.transform.max_size = (64,), 96  # it resizes by 1 then
    with torch.no_grad():
        theirs = detector.detector([image.float() / 255])[0]
    assert len(ours["boxes"]) > 10
    for name in ("boxes", "labels", "scores"):
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-4, atol=1e-3)
    masks = torch.stack([paste(*one, (64, 96)) for one in zip(ours["masks"], ours["boxes"], strict=True)])
    assert (masks == (theirs["masks"][:, 0] > 0.5)).float().mean() > 0.999


def test_detections_are_in_pixels_of_the_image_on_disk() -> None:
    detector = build(masks=True).eval()
    detector.detector.roi_heads.score_thresh = 0.0
    image = picture(64, 96)
    same, larger = (detector.detect([image], [size])[0] for size in ((64, 96), (128, 288)))
    torch.testing.assert_close(larger["boxes"], same["boxes"] * torch.tensor([3.0, 2, 3, 2]))
    assert torch.equal(larger["masks"], same["masks"])
    mask = paste(larger["masks"][0], larger["boxes"][0], (128, 288))
    assert mask.shape == (128, 288)
    assert mask.dtype == torch.bool
    assert (larger["scores"].diff() <= 0).all()


def test_pixels_are_normalized_and_padded_with_the_mean() -> None:
    detector = build()
    padded = detector.pad([torch.full((3, 40, 50), 255, dtype=torch.uint8), picture(64, 33)])
    assert padded.tensors.shape == (2, 3, 64, 64)
    assert padded.image_sizes == [(40, 50), (64, 33)]
    expected = (1 - torch.tensor(PIXEL_MEAN)) / torch.tensor(PIXEL_STD)
    torch.testing.assert_close(padded.tensors[0, :, 0, 0], expected)
    assert not padded.tensors[0, :, 40:].any()


def test_anchors_are_whole_pixels_under_bfloat16() -> None:
    detector = build()
    images = detector.pad([picture(64, 544)])  # bfloat16 has no 257
    with torch.autocast("cpu", torch.bfloat16):
        features = detector.features(images)
        anchors = detector.detector.rpn.anchor_generator(images, list(features.values()))[0]
    assert {feature.dtype for feature in features.values()} == {torch.float32}
    centers = (anchors[:, 0] + anchors[:, 2])[: 16 * 136 * 3 : 3] / 2
    torch.testing.assert_close(centers[:136], 4.0 * torch.arange(136))


def test_boxes_have_all_their_digits_under_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second stage learns the boxes that were given, on proposals of float32."""
    detector, seen = build(), []
    assign = detector.detector.roi_heads.assign_targets_to_proposals

    def look(proposals: list[torch.Tensor], boxes: list[torch.Tensor], labels: list[torch.Tensor]) -> object:
        seen.append((proposals[0], boxes[0]))
        return assign(proposals, boxes, labels)

    monkeypatch.setattr(detector.detector.roi_heads, "assign_targets_to_proposals", look)
    boxes = torch.tensor([[1001.3, 5, 1030.6, 41.2]])
    target = {"boxes": boxes, "labels": torch.tensor([1])}
    with torch.autocast("cpu", torch.bfloat16):
        detector(DetectionBatch([picture(64, 1088)], [target], 0))
    ((proposals, taught),) = seen
    assert torch.equal(taught, boxes)
    assert proposals.dtype == torch.float32
    assert not torch.equal(proposals, proposals.bfloat16().float())


def test_a_step_under_bfloat16_is_close_to_one_without() -> None:
    detector = build(masks=True)
    with torch.autocast("cpu", torch.bfloat16):
        half = detector(batch(masks=True))
    half.loss.backward()
    full = build(masks=True)(batch(masks=True))
    assert torch.isfinite(half.loss)
    for name in ("loss/objectness", "loss/rpn_box"):  # later losses depend on which proposals came first
        assert float(half.stats[name]) == pytest.approx(float(full.stats[name]), rel=0.03)


def test_frozen_stages_keep_weights_and_statistics() -> None:
    detector = build(freeze=2).train()
    body = detector.detector.backbone.body
    frozen = {n: t.clone() for n, t in body.state_dict().items() if n.startswith(("conv1", "bn1", "layer1"))}
    detector(batch()).loss.backward()
    for name, tensor in body.state_dict().items():
        if name in frozen:
            assert torch.equal(tensor, frozen[name]), name
    assert all(p.requires_grad != n.startswith(("conv1", "bn1", "layer1")) for n, p in body.named_parameters())
    assert body.layer2[0].bn1.num_batches_tracked == 1


def test_frozen_norms_keep_scales_and_statistics_but_convolutions_learn() -> None:
    detector = build(norm="frozen").train()
    before = {n: t.clone() for n, t in detector.detector.backbone.body.state_dict().items()}
    detector(batch()).loss.backward()
    after = detector.detector.backbone.body.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before if "running" in name)
    learned = {name for name, p in detector.detector.backbone.body.named_parameters() if p.grad is not None}
    assert "layer1.0.conv1.weight" in learned
    assert not any(".bn" in name or name.startswith("bn") for name in learned)
    assert detector.detector.backbone.fpn.training


@pytest.mark.parametrize("backbone", ["resnet18", "timm:test_resnet"])
def test_a_whole_backbone_is_frozen_of_any_kind(backbone: str) -> None:
    model = MODEL.model_copy(update={"backbone": backbone, "width": 1.0})
    torch.manual_seed(0)
    detector = Detector(model, SETTINGS, classes=2, masks=False, freeze="backbone").train()
    body = detector.detector.backbone.body
    before = {name: tensor.clone() for name, tensor in body.state_dict().items()}
    assert any("running_mean" in name for name in before)
    detector(batch()).loss.backward()
    assert all(torch.equal(tensor, before[name]) for name, tensor in body.state_dict().items())
    assert not any(parameter.requires_grad for parameter in body.parameters())
    assert all(p.grad is not None for n, p in detector.named_parameters() if ".body." not in n)


def test_synchronized_norms_keep_the_activations_of_timm() -> None:
    """In one process, and in evaluation mode, they compute what BatchNorm computes."""
    model = MODEL.model_copy(update={"backbone": "timm:regnety_002", "width": 1.0})
    detectors = [Detector(model, SETTINGS, classes=2, masks=False, norm=norm).eval() for norm in ("batch", "sync")]
    plain, converted = detectors
    converted.load_state_dict(plain.state_dict())
    pixels = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        maps, expected = converted.detector.backbone(pixels), plain.detector.backbone(pixels)
    assert any(isinstance(part, torch.nn.SyncBatchNorm) for part in converted.modules())
    for name, level in expected.items():
        assert torch.equal(maps[name], level)


def test_boxes_pool_from_the_level_of_their_size() -> None:
    """P4 from the canonical scale to its double, a level for each octave, by hand: sides 13 to 108 pixels."""
    sides = torch.tensor([13.0, 26, 27, 53, 54, 107, 108])
    boxes = [torch.stack([torch.zeros(7), torch.zeros(7), sides, sides], dim=1)]
    features = {str(i): torch.full((1, 1, 64 // 2**i, 64 // 2**i), float(i + 2)) for i in range(4)}
    by_scale = {53.76: [2, 2, 3, 3, 4, 4, 5], 224.0: [2] * 7, 27.0: [2, 3, 4, 4, 5, 5, 5]}
    for scale, levels in by_scale.items():
        settings = SETTINGS.model_copy(update={"canonical_scale": scale})
        heads = Detector(MODEL, settings, classes=2, masks=True).detector.roi_heads
        for pool in (heads.box_roi_pool, heads.mask_roi_pool):  # the value of a map is the number of its level
            assert pool(features, boxes, [(256, 256)])[:, 0, 0, 0].round().tolist() == levels
