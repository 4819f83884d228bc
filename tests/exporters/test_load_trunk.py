from __future__ import annotations

import copy
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torchvision.ops import MultiScaleRoIAlign

from codo.core.errors import InputError
from codo.core.run import Run
from codo.exporters.hub import Hub
from codo.exporters.load_trunk import Trunk, load_trunk
from codo.exporters.safetensors import Safetensors
from codo.exporters.torchvision import Torchvision, build_detector
from codo.exporters.trunk import TrunkWeights, read_trunk
from codo.exporters.write import export, write_verified
from codo.methods.base import Method
from codo.models.backbone import STRIDES
from codo.models.box_levels import detector_levels
from tests.exporters.conftest import SLIM, leave_run

BOXES = torch.tensor([[3.0, 5, 60, 40], [10, 8, 31, 44], [0, 0, 128, 96]])
SIZES = torch.tensor(
    [[0.0, 0, 500, 460], [10, 30, 240, 260], [40, 20, 180, 200], [64, 64, 100, 128], [300, 280, 420, 300]]
)
ARCHITECTURE = {name: value for name, value in SLIM.items() if name != "embedding_dim"}


def images(count: int = 3, height: int = 96, width: int = 128) -> Tensor:
    return torch.randn(count, 3, height, width, generator=torch.Generator().manual_seed(0))


def close(a: Tensor, b: Tensor) -> bool:
    """Equal to five digits of the largest value."""
    return a.shape == b.shape and bool((a - b).abs().max() <= 1e-5 * b.abs().max())


def assert_same(ours: Trunk, weights: TrunkWeights, leaving_out: str = "-") -> None:
    """The same parts with the same weights."""
    state = ours.state_dict()
    assert ours.parts == weights.parts
    assert state.keys() == weights.tensors.keys()
    assert all(torch.equal(state[name], weights.tensors[name]) for name in state if leaving_out not in name)
    assert not any(module.training for module in ours.modules())


@torch.no_grad()
def test_a_run_gives_what_its_encoder_computes(run: Run) -> None:
    trunk, encoder = load_trunk(run.path), read_trunk(run).encoder()
    assert_same(trunk, read_trunk(run))
    assert (trunk.method, trunk.step, trunk.load_report) == ("codo", 6, None)
    maps, right = trunk.features(images()), encoder.features(images())
    assert all(torch.equal(a, b) for a, b in zip(maps, right, strict=True))
    assert [level.shape[1] for level in maps] == list(trunk.channels)
    assert [128 / level.shape[3] for level in maps] == list(trunk.strides)
    boxes = [box[None] for box in BOXES]  # one an image, as pretraining has them
    assert close(trunk.box_features(maps, boxes, "all"), encoder.box_features(right, BOXES))
    assert_same(load_trunk(run), read_trunk(run))


def test_the_momentum_copy_is_had_by_its_name(run: Run, tmp_path: Path) -> None:
    assert_same(load_trunk(run.path, encoder="key"), read_trunk(run, "key"))
    with pytest.raises(InputError, match="unknown encoder 'keys'"):
        load_trunk(run.path, encoder="keys")  # type: ignore[arg-type]
    file = export(run, "safetensors", out=tmp_path / "t.safetensors")
    with pytest.raises(InputError, match="encoder='key' applies to runs only"):
        load_trunk(file, encoder="key")


def test_every_export_that_holds_a_trunk_comes_back(trunk: TrunkWeights, tmp_path: Path) -> None:
    write_verified(trunk, Safetensors(), tmp_path / "t.safetensors")
    write_verified(trunk, Hub(), tmp_path / "hub")
    Torchvision().write(trunk, tmp_path / "t.pth")
    for source in ("t.safetensors", "hub", "hub/model.safetensors"):
        loaded = load_trunk(tmp_path / source)
        assert_same(loaded, trunk)
        assert (loaded.method, loaded.step) == ("codo", 12)
    loaded = load_trunk(str(tmp_path / "t.pth"), model=ARCHITECTURE)
    assert_same(loaded, trunk, leaving_out="num_batches_tracked")  # read by nothing, and never taken over
    assert loaded.method == "unknown"
    assert loaded.load_report is not None
    assert "torchvision" in loaded.load_report.source


def test_the_architecture_is_asked_for_where_the_file_does_not_say(trunk: TrunkWeights, tmp_path: Path) -> None:
    write_verified(trunk, Safetensors(), tmp_path / "t.safetensors")
    Torchvision().write(trunk, tmp_path / "t.pth")
    with pytest.raises(InputError, match=r"only \d+ of \d+ tensors of the backbone match"):
        load_trunk(tmp_path / "t.pth")
    with pytest.raises(InputError, match="backbon"):
        load_trunk(tmp_path / "t.pth", model={"backbon": "resnet50"})
    with pytest.raises(InputError, match="the file already records its architecture"):
        load_trunk(tmp_path / "t.safetensors", model=ARCHITECTURE)
    with pytest.raises(InputError, match="no such weight file"):
        load_trunk(tmp_path / "absent.pth")


def test_a_backbone_alone_has_maps_and_no_box_features(tmp_path: Path) -> None:
    run = leave_run(tmp_path / "moco", "moco_v2", backgrounds=[])
    trunk = load_trunk(run)
    assert (trunk.parts, trunk.fpn, trunk.box_head) == (("backbone",), None, None)
    with torch.no_grad():
        maps = trunk(images(1))
    assert [level.shape[1] for level in maps] == list(trunk.channels) == list(trunk.backbone.channels)
    with pytest.raises(InputError, match=r"no box head: its parts are backbone \(method 'moco_v2'\)"):
        trunk.box_features(maps, [BOXES])


@torch.no_grad()
def test_boxes_are_pooled_as_by_the_exported_detector(make_trunk: Callable[..., TrunkWeights], tmp_path: Path) -> None:
    """Torchvision's pooler lies half a cell aside and samples otherwise; with both made alike, features are equal."""
    weights = make_trunk()
    Torchvision().write(weights, tmp_path / "t.pth")
    detector = build_detector(weights.model, 2, masks=False).eval()
    detector.load_state_dict(torch.load(tmp_path / "t.pth", weights_only=True), strict=False)
    trunk, pixels = Trunk(weights), images(2, 320, 512)
    assert detector_levels(SIZES).tolist() == [3, 2, 1, 0, 0]
    cells = torch.tensor(STRIDES)[detector_levels(SIZES)][:, None]
    shifted = SIZES - cells / 2
    pooler = MultiScaleRoIAlign(["0", "1", "2", "3"], 7, sampling_ratio=-1)
    pooled = pooler(detector.backbone(pixels), [shifted[:2], shifted[2:]], [(320, 512)] * 2)
    right = detector.roi_heads.box_head(pooled)
    maps = trunk.features(pixels)
    assert close(trunk.box_features(maps, [SIZES[:2], SIZES[2:]]), right)


@torch.no_grad()
def test_both_forms_of_boxes_and_both_levels_agree(trunk: TrunkWeights) -> None:
    module = Trunk(trunk)
    maps = module.features(images(2))
    first, second = BOXES[:2], BOXES[2:]
    numbered = torch.cat([torch.tensor([[0.0], [0], [1]]), BOXES], dim=1)
    by_size = module.box_features(maps, [first, second])
    assert by_size.shape == (3, SLIM["head_dim"])
    assert torch.equal(by_size, module.box_features(maps, numbered))
    backwards = module.box_features(maps, numbered.flip(0))
    assert close(backwards.flip(0), by_size)
    every = module.box_features(maps, numbered, levels="all")
    assert every.shape == (4, 3, SLIM["head_dim"])
    assert close(every[detector_levels(BOXES), torch.arange(3)], by_size)
    empty = torch.zeros(0, 4)
    assert module.box_features(maps, [empty, empty]).shape == (0, SLIM["head_dim"])
    assert close(module.box_features(maps, [empty, second]), by_size[2:])
    doubled = module.double()
    precise = doubled.box_features([level.double() for level in maps], [first, second])
    assert precise.dtype == torch.float64
    assert close(precise.float(), by_size)


@pytest.mark.parametrize(
    "boxes", [BOXES, [BOXES], [BOXES, BOXES, BOXES], [BOXES[0], BOXES[1]], torch.zeros(2, 3, 5)], ids=str
)
def test_boxes_of_another_form_are_refused(boxes: Any, trunk: TrunkWeights) -> None:
    module = Trunk(trunk)
    maps = module.features(images(2))
    with pytest.raises(InputError, match="boxes of shape"):
        module.box_features(maps, boxes)
    with pytest.raises(InputError, match="unknown levels 'P3'"):
        module.box_features(maps, [BOXES, BOXES], levels="P3")  # type: ignore[arg-type]


def test_normalize_is_what_pretraining_does(trunk: TrunkWeights) -> None:
    module = Trunk(trunk)
    pixels = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))

    class Any_(Method):
        def forward(self, batch: Any) -> Any: ...

        def exports(self) -> dict[str, Any]:
            return {}

    assert torch.equal(module.normalize(pixels), Any_().pixels(pixels.permute(0, 2, 3, 1)))
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (module.mean, module.std))
    assert torch.allclose(module.normalize(pixels), (pixels / 255 - mean) / std, atol=1e-5)


def test_it_trains_and_is_copied_as_any_module(trunk: TrunkWeights) -> None:
    module = copy.deepcopy(Trunk(trunk)).train()
    module.box_features(module.features(images(2)), [BOXES, BOXES]).sum().backward()
    names = {name.split(".")[0] for name, parameter in module.named_parameters() if parameter.grad is not None}
    assert names == {"backbone", "fpn", "box_head"}


def hub_cache(folder: Path, cache: Path) -> None:
    """Put a hub folder where huggingface_hub keeps what it has downloaded as USER/NAME."""
    commit = "0" * 40
    model = cache / "models--USER--NAME"
    (model / "refs").mkdir(parents=True)
    (model / "refs" / "main").write_text(commit)
    shutil.copytree(folder, model / "snapshots" / commit)


def test_the_model_card_loads_it_offline_through_huggingface_hub(run: Run, tmp_path: Path) -> None:
    """The two lines of the card as they stand, in a process that may not use the network."""
    folder = export(run, "hub", out=tmp_path / "hub")
    code = (folder / "README.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    lines = [line for line in code.splitlines() if line.strip()]
    assert len(lines) == 2
    hub_cache(folder, tmp_path / "cache")
    offline = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(tmp_path / "cache")}
    check = f"{code}\nimport sys; assert 'huggingface_hub' in sys.modules\nprint(trunk.method, trunk.step, trunk.parts)"
    done = subprocess.run([sys.executable, "-c", check], env=offline, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "codo 6 ('backbone', 'fpn', 'box_head')"


def test_from_pretrained_takes_a_folder_and_says_what_is_wrong_with_a_name(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = export(run, "hub", out=tmp_path / "hub")
    assert_same(Trunk.from_pretrained(folder), read_trunk(run))
    options = {"cache_dir": tmp_path / "cache", "local_files_only": True}
    with pytest.raises(InputError, match="cannot get the model from the hub") as caught:
        Trunk.from_pretrained("USER/OTHER", **options)
    assert caught.value.where == "USER/OTHER"
    with pytest.raises(InputError, match="cannot get the model from the hub"):
        Trunk.from_pretrained("no/such/folder", **options)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert_same(Trunk.from_pretrained(str(folder)), read_trunk(run))  # a folder needs no package
    with pytest.raises(InputError, match="huggingface_hub is not installed"):
        Trunk.from_pretrained("USER/NAME")


def test_a_folder_without_a_trunk_is_refused(trunk: TrunkWeights, tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    save_file({"a": torch.zeros(1)}, tmp_path / "hub" / "model.safetensors")
    with pytest.raises(InputError, match="no backbone like the model's in the weights"):
        Trunk.from_pretrained(tmp_path / "hub")
    fewer = {name: tensor for name, tensor in trunk.tensors.items() if name != "fpn.layer_blocks.0.0.weight"}
    Safetensors().write(replace(trunk, tensors=fewer), tmp_path / "hub" / "model.safetensors")
    with pytest.raises(Exception, match=r"fpn\.layer_blocks\.0\.0\.weight"):  # never loaded with a part of it random
        Trunk.from_pretrained(tmp_path / "hub")
