"""What all image-level methods share: what is exported, how boxes are embedded, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from codo.contrast.infonce import ContrastSettings
from codo.core.errors import InputError
from codo.methods.base import Setup
from codo.methods.registry import find_method
from codo.methods.simclr import SimCLR
from tests.methods.compiling import check_compiled_step
from tests.methods.crops import MODEL, batch, build


@pytest.mark.parametrize("name", ["simclr", "byol", "swav", "barlow_twins", "simsiam", "supervised"])
def test_only_the_backbone_is_exported_and_boxes_are_embedded(name: str) -> None:
    method = build(find_method(name), classes=3).eval()
    assert method.exports().keys() == {"backbone"}
    images = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8)
    boxes = torch.tensor([[0.0, 0, 64, 64], [0, 0, 32, 64]])
    with torch.no_grad():
        maps = method.encoder.backbone(method.pixels(images))[-1]  # 2 x 2
        found = method.embed_boxes(images, boxes)
    assert torch.allclose(found[0], maps[0].mean(dim=(1, 2)), atol=1e-5)
    assert not torch.allclose(found[1], maps[1].mean(dim=(1, 2)), atol=1e-3)


def test_a_process_with_one_sample_is_refused() -> None:
    with pytest.raises(InputError, match="two samples on each process"):
        SimCLR(Setup(MODEL, ContrastSettings(), batch_size=2, world=2))


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(
    ("name", "options", "passes"),
    [
        ("simclr", {}, 2),
        ("byol", {"hidden": 16}, 4),
        ("self_emd", {"hidden": 16}, 4),
        ("self_emd", {"hidden": 16, "vector_weight": 1.0}, 4),
    ],
)
def test_a_compiled_step_runs_compiled_code(name: str, options: dict[str, Any], passes: int) -> None:
    """Of the target, too; whichever way a method takes through its encoder."""
    check_compiled_step(lambda: build(find_method(name), **options), batch(), passes)
