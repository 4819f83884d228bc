from __future__ import annotations

import torch

from codo.models.encoder import Encoder, ModelSettings
from codo.models.normalization import IMAGENET, Normalization
from codo.probes.features import main_part, part_features, trunk_features
from tests.training import tiny


def test_a_whole_trunk_gives_what_pretraining_pools_and_a_backbone_its_mean() -> None:
    torch.manual_seed(0)
    encoder = Encoder(ModelSettings.model_validate(tiny.MODEL)).eval()
    parts = {name: encoder.get_submodule(name) for name in ("backbone", "fpn", "box_head")}
    images = torch.randint(0, 256, (3, 64, 64, 3), dtype=torch.uint8)
    boxes = torch.tensor([[8.0, 8, 56, 60], [0, 0, 64, 64], [10, 20, 30, 40]])
    own = Normalization((0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
    mean, std = torch.tensor(own.mean), torch.tensor(own.std)
    pixels = ((images / 255 - mean) / std).permute(0, 3, 1, 2)
    with torch.no_grad():
        found = trunk_features(parts, torch.device("cpu"), own)(images, boxes)
        expected = encoder.box_features(encoder.features(pixels), boxes)  # (L, B, R)
        assert torch.allclose(found, expected.transpose(0, 1).flatten(1), atol=1e-5)
        whole = torch.tensor([[0.0, 0, 64, 64]]).expand(3, 4)
        alone = trunk_features({"backbone": parts["backbone"]}, torch.device("cpu"), own)(images, whole)
        assert torch.equal(trunk_features(parts, torch.device("cpu"), own, whole=True)(images, whole), alone)
        assert alone.shape == (3, encoder.backbone.channels[-1])
        # A map of 2 x 2 under 7 x 7 bins: the bins lean on the four values alike.
        assert torch.allclose(alone, encoder.backbone(pixels)[-1].mean(dim=(2, 3)), atol=1e-5)


def test_every_part_apart() -> None:
    torch.manual_seed(0)
    encoder = Encoder(ModelSettings.model_validate(tiny.MODEL)).eval()
    parts = {name: encoder.get_submodule(name) for name in ("backbone", "fpn", "box_head")}
    images = torch.randint(0, 256, (3, 64, 64, 3), dtype=torch.uint8)
    boxes = torch.tensor([[0.0, 0, 64, 64], [16, 16, 48, 48], [0, 0, 32, 64]])
    device = torch.device("cpu")
    with torch.no_grad():
        found = part_features(parts, device, IMAGENET)(images, boxes)
        assert list(found) == ["backbone", "fpn", "box_head"]
        assert torch.equal(found["box_head"], trunk_features(parts, device, IMAGENET)(images, boxes))
        assert torch.equal(found["backbone"], trunk_features(parts, device, IMAGENET, whole=True)(images, boxes))
        pixels = (images.permute(0, 3, 1, 2) - encoder_mean()) / encoder_std()
        levels = encoder.fpn(encoder.backbone(pixels))
        assert found["fpn"].shape == (3, 4 * 16)
        # Of P2, with stride 4, the box of the second canvas covers the cells 4 to 12: exactly, up to interpolation at
        # the borders of the box. The whole canvas is closer to the mean of the map the finer the level.
        whole = levels[0][0].mean(dim=(1, 2))
        assert torch.allclose(found["fpn"][0, :16], whole, atol=0.1 * float(whole.abs().max()))
        assert list(part_features({"backbone": parts["backbone"]}, device, IMAGENET)(images, boxes)) == ["backbone"]
    assert main_part(parts) == "box_head"
    assert main_part({"backbone": 0, "fpn": 0}) == "backbone"


def encoder_mean() -> torch.Tensor:
    return 255 * torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)


def encoder_std() -> torch.Tensor:
    return 255 * torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
