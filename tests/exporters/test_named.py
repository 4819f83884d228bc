"""How Detectron2's and mmdet's files are checked, with the library and without."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from codo.core.errors import CodoError, InputError
from codo.exporters.detectron2 import Detectron2
from codo.exporters.keys import read_keys
from codo.exporters.mmdet import MMDet
from codo.exporters.named import NamedTarget
from codo.exporters.target import Features, encoder_features
from codo.exporters.trunk import PARTS, TrunkWeights
from codo.exporters.verify import verify
from codo.exporters.write import write_verified
from codo.models.encoder import Encoder, ModelSettings
from codo.models.load_report import IGNORED

TARGETS = [Detectron2(), MMDet()]
LISTS = [(target, head) for target in TARGETS for head in target.key_lists]


def ids(value: Any) -> str:
    return type(value).__name__ if isinstance(value, NamedTarget) else str(value)


@pytest.fixture(autouse=True)
def without_the_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """As most users have it; also where they happen to be installed."""
    for name in ("detectron2", "mmdet"):
        monkeypatch.setitem(sys.modules, name, None)


def on_paper(**settings: Any) -> TrunkWeights:
    """A trunk of names and shapes only."""
    model = ModelSettings.model_validate(settings)
    with torch.device("meta"):
        state = Encoder(model).state_dict()
    return TrunkWeights(model, {name: t for name, t in state.items() if name.split(".")[0] in PARTS}, "codo", 0)


@pytest.mark.parametrize(("target", "head"), LISTS, ids=ids)
def test_the_model_of_a_list_is_the_list(target: NamedTarget, head: str) -> None:
    assert target.model_keys(on_paper(head=head)) == read_keys(target.key_lists[head])


@pytest.mark.parametrize(("target", "head"), LISTS, ids=ids)
def test_other_widths_have_the_names_of_the_list(target: NamedTarget, head: str) -> None:
    slim = target.model_keys(on_paper(head=head, width=0.25, fpn_channels=64, head_dim=96))
    listed = read_keys(target.key_lists[head])
    slim, listed = ({n: s for n, s in keys.items() if not n.endswith(IGNORED)} for keys in (slim, listed))
    # The stem keeps 64 channels, and a quarter of 256 is as many: the first block then needs no shortcut.
    first = {name for name in listed if "res2.0.shortcut" in name or "layer1.0.downsample" in name}
    assert slim.keys() == listed.keys() - first
    assert slim["roi_heads.box_head.fc1.bias" if target is TARGETS[0] else "roi_head.bbox_head.shared_fcs.0.bias"] == (
        96,
    )


@pytest.mark.parametrize("target", TARGETS, ids=ids)
@pytest.mark.parametrize(
    "settings",
    [{"head": "4conv1fc"}, {"head": "2fc"}, {"head": "1conv1fc", "fpn_norm": "none"}, {"backbone": "resnet18"}],
    ids=lambda s: "-".join(s.values()),
)
def test_every_trunk_is_complete_and_the_page_says_how_that_is_known(
    target: NamedTarget, settings: dict[str, Any], make_trunk: Callable[..., TrunkWeights], tmp_path: Path
) -> None:
    width = {"width": 1.0} if "backbone" in settings and target is TARGETS[0] else {}
    trunk = make_trunk(**settings, **width)
    target.write(trunk, tmp_path / target.filename)
    verified = verify(trunk, target, tmp_path / target.filename)
    ours = [name for name in trunk.tensors if not name.endswith(IGNORED)]
    for part in PARTS:
        whole = sum(name.startswith(f"{part}.") for name in ours)
        assert verified.report.counts()[part] == (whole, 0, 0, 0)
    assert len(verified.outputs) == 9
    assert "is not installed here" in verified.how
    assert "those that follow its R-50-FPN's" in verified.how  # none of these is a model of a list


def test_a_forgotten_tensor_and_a_changed_one_are_caught(
    make_trunk: Callable[..., TrunkWeights], tmp_path: Path
) -> None:
    trunk = make_trunk(head="4conv1fc")

    class Forgetful(Detectron2):
        def state(self, trunk: TrunkWeights) -> dict[str, Tensor]:
            return {n: t for n, t in super().state(trunk).items() if n != "roi_heads.box_head.fc1.bias"}

    class Misnamed(MMDet):
        def state(self, trunk: TrunkWeights) -> dict[str, Tensor]:
            return {n.replace("shared_fcs", "shared_fc"): t for n, t in super().state(trunk).items()}

    class Changed(Detectron2):
        def write(self, trunk: TrunkWeights, path: Path) -> None:
            name = "fpn.layer_blocks.3.0.weight"
            other = {**trunk.tensors, name: trunk.tensors[name] + 0.1}
            super().write(TrunkWeights(trunk.model, other, "codo", 0), path)

    for target, message in (
        (Forgetful(), "rebuilt box head differs by nan"),
        (Misnamed(), "rebuilt box head differs by nan"),
        (Changed(), "rebuilt P5 differs"),
    ):
        with pytest.raises(CodoError, match=message):
            write_verified(trunk, target, tmp_path / target.filename)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("target", TARGETS, ids=ids)
def test_backbones_that_the_library_does_not_have_are_refused_before_anything_is_written(
    target: NamedTarget, make_trunk: Callable[..., TrunkWeights], tmp_path: Path
) -> None:
    foreign = make_trunk(backbone="timm:test_efficientnet", width=1.0)
    with pytest.raises(InputError, match="has no backbone 'timm:test_efficientnet'"):
        write_verified(foreign, target, tmp_path / "new" / target.filename)
    uneven = make_trunk(width=0.15)  # 8, 16, 40 and 80 channels, of which every stage has four times as many
    with pytest.raises(InputError, match=r"doubles the channels .*\(32, 64, 160, 320\)"):
        write_verified(uneven, target, tmp_path / "new" / target.filename)
    assert list(tmp_path.iterdir()) == []


class Installed(Detectron2):
    """Detectron2 as if its library were there; what it builds is ours, under its names."""

    library = "json"  # something that can be imported

    def __init__(self, trunk: TrunkWeights, fault: Exception | None = None) -> None:
        super().__init__()
        self.trunk, self.fault = trunk, fault

    def build(self, config: Path, weights: Path) -> tuple[nn.Module, Features]:
        print("missing keys: …")
        if self.fault is not None:
            raise self.fault
        assert "FastRCNNConvFCHead" in config.read_text()
        assert weights.suffix == ".pkl"  # by which Detectron2 knows its own files
        assert weights.is_absolute()
        model = nn.Module()
        model.state_dict = lambda: {**self.state(self.trunk), "proposal_generator.x": torch.zeros(1)}  # type: ignore[method-assign, assignment]
        return model, encoder_features(self.trunk.encoder())


def test_an_installed_library_builds_its_model_itself(
    trunk: TrunkWeights, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = write_verified(trunk, Installed(trunk), tmp_path / "d.pkl").counts()
    assert counts["rpn"] == (0, 1, 0, 0)  # of the model that was built, not of the list
    assert "The detector was built by Detectron2 from the exported configuration" in (tmp_path / "d.md").read_text()
    assert capsys.readouterr().out == ""


def test_an_installed_library_that_computes_something_else_is_an_error(
    trunk: TrunkWeights, make_trunk: Callable[..., TrunkWeights], tmp_path: Path
) -> None:
    other = {n: t * 1.01 if n == "backbone.conv1.weight" else t for n, t in trunk.tensors.items()}
    with pytest.raises(CodoError, match="the rebuilt C2 differs"):
        write_verified(trunk, Installed(TrunkWeights(trunk.model, other, "codo", 0)), tmp_path / "d.pkl")


def test_a_broken_installation_is_said_and_the_names_are_held_instead(trunk: TrunkWeights, tmp_path: Path) -> None:
    fault = AssertionError("MMCV==2.2.0 is used but incompatible.\nPlease install another")
    write_verified(trunk, Installed(trunk, fault), tmp_path / "d.pkl")
    page = (tmp_path / "d.md").read_text()
    assert "could not be used here (MMCV==2.2.0 is used but incompatible.)" in page
    assert "filled by name alone" in page


@pytest.mark.parametrize("name", ["mmdet", "detectron2"])
def test_the_real_library_where_it_is_installed(
    name: str, make_trunk: Callable[..., TrunkWeights], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    pytest.importorskip(name)
    target: NamedTarget = {"mmdet": MMDet, "detectron2": Detectron2}[name]()
    write_verified(make_trunk(), target, tmp_path / target.filename)
    assert "The detector was built by" in (tmp_path / target.filename).with_suffix(".md").read_text()
