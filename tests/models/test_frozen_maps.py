"""Maps in place of images: divided like them, and embedded to the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from codo.models.encoder import Encoder, ModelSettings
from codo.models.frozen_maps import FrozenMaps
from codo.models.image_encoder import ImageEncoder

B, S = 4, 32
MODEL = ModelSettings(backbone="resnet18", width=0.125, fpn_channels=8, head="1conv1fc", head_dim=16, embedding_dim=8)
BOXES = torch.tensor([[4.0, 4, 28, 20]]).repeat(B, 1)
pytestmark = pytest.mark.usefixtures("one_thread")


def test_maps_are_divided_like_images() -> None:
    levels = [torch.arange(B * side).view(B, 1, 1, side) for side in (4, 2)]
    maps = FrozenMaps(levels, "backbone")
    assert len(maps) == B
    for i, part in enumerate(maps.chunk(2)):
        assert part.part == "backbone"
        assert all(torch.equal(a, b[2 * i : 2 * i + 2]) for a, b in zip(part.levels, levels, strict=True))


@pytest.mark.parametrize("frozen", [("backbone",), ("backbone", "fpn")], ids="+".join)
def test_an_encoder_embeds_maps_as_it_does_images(frozen: tuple[str, ...]) -> None:
    torch.manual_seed(0)
    encoder = Encoder(MODEL).eval()
    images = torch.randn(B, 3, S, S)
    maps: Any = encoder.frozen_maps(images, frozen)
    assert maps.part == frozen[-1]
    assert torch.equal(encoder(maps, BOXES), encoder(images, BOXES))
    assert torch.allclose(encoder(maps, BOXES, groups=2), encoder(images, BOXES), atol=1e-6)
    assert encoder.frozen_maps(images, ()) is images


def test_an_image_encoder_embeds_maps_as_it_does_images() -> None:
    torch.manual_seed(0)
    encoder = ImageEncoder(MODEL, lambda channels: nn.Linear(channels, 4)).eval()
    images = torch.randn(B, 3, S, S)
    maps = encoder.frozen_maps(images, ("backbone",))
    assert isinstance(maps, FrozenMaps)
    assert torch.equal(encoder(maps), encoder(images))
    assert torch.allclose(encoder(maps, groups=2), encoder(images), atol=1e-6)
    assert encoder.frozen_maps(images, ()) is images
