from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from codo.core.errors import CodoError
from codo.exporters.one_stage import OneStage
from codo.exporters.resnet import ResNet
from codo.exporters.target import Rebuilt
from codo.exporters.torchvision import Torchvision
from codo.exporters.trunk import TrunkWeights
from codo.exporters.verify import verify


class Spoilt(Torchvision):
    """Is rebuilt into something whose outputs are spoilt."""

    def __init__(self, spoil: Callable[[str, Tensor], Tensor | None]) -> None:
        super().__init__()
        self.spoil = spoil
        self.images: list[Tensor] = []

    def rebuild(self, trunk: TrunkWeights, path: Path) -> Rebuilt:
        rebuilt = super().rebuild(trunk, path)

        def features(images: Tensor, pooled: Tensor) -> dict[str, Tensor]:
            self.images.append(images)
            spoilt = {name: self.spoil(name, t) for name, t in rebuilt.features(images, pooled).items()}
            return {name: t for name, t in spoilt.items() if t is not None}

        return replace(rebuilt, features=features)


@pytest.fixture
def check(trunk: TrunkWeights, tmp_path: Path) -> Callable[..., Any]:
    """Writes, spoils the rebuilt outputs, and verifies."""

    def run(spoil: Callable[[str, Tensor], Tensor | None]) -> Any:
        target = Spoilt(spoil)
        target.write(trunk, tmp_path / "t.pth")
        return verify(trunk, target, tmp_path / "t.pth"), target

    return run


def test_everything_that_both_have_is_compared(check: Callable[..., Any]) -> None:
    verified, _ = check(lambda _, t: t)
    assert verified.outputs == ("C2", "C3", "C4", "C5", "P2", "P3", "P4", "P5", "box head")
    assert "`build_detector`" in verified.how


@pytest.mark.parametrize("name", ["C2", "P5", "box head"])
def test_a_difference_of_a_ten_thousandth_is_seen_and_one_of_a_millionth_is_not(
    name: str, check: Callable[..., Any]
) -> None:
    def shift(by: float) -> Callable[[str, Tensor], Tensor]:
        return lambda this, t: t + by * t.abs().max().clamp(min=1) if this == name else t

    check(shift(1e-6))
    with pytest.raises(CodoError, match=f"the rebuilt {name} differs by 1.0e-04"):
        check(shift(1e-4))


def test_not_a_number_other_shapes_and_nothing_at_all_are_seen(check: Callable[..., Any]) -> None:
    with pytest.raises(CodoError, match="rebuilt P3 differs by nan"):
        check(lambda name, t: t * float("nan") if name == "P3" else t)
    with pytest.raises(CodoError, match="rebuilt C4 has shape"):
        check(lambda name, t: t[:, :, ::2] if name == "C4" else t)
    with pytest.raises(CodoError, match="the rebuilt model has no box_head"):
        check(lambda name, t: None if name == "box head" else t)


def test_the_fixed_input_is_one_that_the_backbone_takes(
    check: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codo.exporters.verify.input_side", lambda name: 96 if name == "resnet50" else 0)
    _, target = check(lambda _, t: t)
    assert target.images[0].shape == (1, 3, 96, 96)
    again = check(lambda _, t: t)[1].images[0]
    assert torch.equal(again, target.images[0])


def test_one_stage_detectors_and_backbones_are_held_to_what_they_have(
    make_trunk: Callable[..., TrunkWeights], tmp_path: Path
) -> None:
    trunk = make_trunk()
    for target, outputs in (
        (OneStage("fcos"), ("C2", "C3", "C4", "C5", "P3", "P4", "P5")),
        (ResNet(), ("C2", "C3", "C4", "C5")),
    ):
        target.write(trunk, tmp_path / "t.pth")
        assert verify(trunk, target, tmp_path / "t.pth").outputs == outputs
