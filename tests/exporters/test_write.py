from __future__ import annotations

import hashlib
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import codo
from codo.cli import main
from codo.core.errors import CodoError, InputError
from codo.core.io import temporary_path
from codo.core.run import Run
from codo.exporters.torchvision import Torchvision, build_detector
from codo.exporters.trunk import TrunkWeights, read_trunk
from codo.exporters.write import TARGETS, export, write_verified
from codo.models.encoder import Encoder
from codo.models.weights import read_tensors


@pytest.mark.parametrize(
    ("to", "model"),
    [*((to, "mask_rcnn") for to in TARGETS if to != "hub"), ("detectron2", "faster_rcnn"), ("mmdet", "faster_rcnn")],
)
def test_every_target_is_written_with_its_page(to: str, model: Any, run: Run) -> None:
    path = export(run, to, model=model)
    beside = {"detectron2": [f"{path.stem}_1x.yaml", f"{path.stem}_2x.yaml"], "mmdet": [f"{path.stem}.py"]}
    expected = [path.name, f"{path.stem}.md", *beside.get(to, [])]
    assert sorted(file.name for file in run.exports_dir.iterdir()) == sorted(expected)
    page = path.with_suffix(".md").read_text()
    assert "```python" in page
    assert all(name in page for name in expected if not name.endswith(".md"))
    assert "6 steps" in page
    assert hashlib.sha256(path.read_bytes()).hexdigest() in page
    assert str(run.path.parent) not in page  # a page may be published, paths are nobody's business


def test_the_key_encoder_has_files_of_its_own(run: Run) -> None:
    query, key = export(run, "safetensors"), export(run, "safetensors", encoder="key")
    assert (query.name, key.name) == ("trunk.safetensors", "trunk_key.safetensors")
    name = "backbone.conv1.weight"
    assert not torch.equal(read_tensors(query)[name], read_tensors(key)[name])
    assert "momentum encoder" in key.with_suffix(".md").read_text()


def test_torchvision_file_has_no_unexpected_name(run: Run, tmp_path: Path) -> None:
    path = export(str(run.path), "torchvision", out=tmp_path / "deep" / "trunk.pth")
    assert path == tmp_path / "deep" / "trunk.pth"
    detector = build_detector(read_trunk(run).model, 4, masks=True)
    _, unexpected = detector.load_state_dict(torch.load(path, weights_only=True), strict=False)
    assert unexpected == []


def test_codo_export_is_callable_whatever_was_imported(run: Run) -> None:
    # importing codo.exporters.torchvision binds the name codo.export to the package
    assert codo.export(run, to="safetensors").name == "trunk.safetensors"


def test_unknown_names_are_refused(run: Run) -> None:
    with pytest.raises(InputError, match="did you mean 'torchvision'"):
        export(run, "torchvison")
    with pytest.raises(InputError, match="one of: torchvision, detectron2, mmdet, timm, resnet, safetensors, hub"):
        export(run, "onnx")
    with pytest.raises(InputError, match="one of: mask_rcnn, faster_rcnn, retinanet, fcos"):
        export(run, "torchvision", model="yolo")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="exports do not support 'fcos'"):
        export(run, "detectron2", model="fcos")
    with pytest.raises(InputError, match="unknown encoder 'keys'"):
        export(run, "torchvision", encoder="keys")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="not a run directory"):
        export(run.path / "exports", "torchvision")
    assert list(run.exports_dir.iterdir()) == []


@pytest.mark.parametrize("to", TARGETS)
def test_places_that_cannot_be_written_are_refused(to: str, trunk: TrunkWeights, tmp_path: Path) -> None:
    target = TARGETS[to]("mask_rcnn")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match=r"cannot write the export: (Not a directory|File exists)"):
        write_verified(trunk, target, tmp_path / "file" / target.filename)
    (tmp_path / target.filename / "below").mkdir(parents=True)
    with pytest.raises(InputError, match=r"would replace a folder|the folder is not empty"):
        write_verified(trunk, target, tmp_path / target.filename)
    assert (tmp_path / "file").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted(["file", target.filename, "below"])


def test_an_ending_that_readers_would_not_know_is_refused(trunk: TrunkWeights, tmp_path: Path) -> None:
    for to, name in (("detectron2", "d.pth"), ("safetensors", "trunk"), ("timm", "t.pth")):
        with pytest.raises(InputError, match="the file name must end in"):
            write_verified(trunk, TARGETS[to]("mask_rcnn"), tmp_path / name)
    with pytest.raises(InputError, match="another file of the export would have the same name"):
        write_verified(trunk, TARGETS["mmdet"]("mask_rcnn"), tmp_path / "m.py")
    with pytest.raises(InputError, match="another file of the export would have the same name"):
        write_verified(trunk, TARGETS["torchvision"]("mask_rcnn"), tmp_path / "m.md")
    assert list(tmp_path.iterdir()) == []


def test_an_export_replaces_an_earlier_one_but_no_configuration_that_was_changed(run: Run) -> None:
    path = export(run, "detectron2")
    before = path.read_bytes()
    path.write_bytes(b"an earlier one")
    export(run, "detectron2")
    assert path.read_bytes() == before
    config = path.with_name("detectron2_mask_rcnn_1x.yaml")
    config.write_text(config.read_text().replace("NUM_CLASSES: 80", "NUM_CLASSES: 3"))
    path.write_bytes(b"an earlier one")
    with pytest.raises(InputError, match="another configuration of that name exists") as caught:
        export(run, "detectron2")
    assert caught.value.where == str(config)
    assert "NUM_CLASSES: 3" in config.read_text()
    assert path.read_bytes() == b"an earlier one"


@pytest.mark.parametrize("lost", ["t.pth", "t.md"])
def test_what_is_no_earlier_export_is_not_replaced(lost: str, trunk: TrunkWeights, tmp_path: Path) -> None:
    (tmp_path / lost).write_text("mine")
    with pytest.raises(InputError, match="not an earlier export, or was changed") as caught:
        write_verified(trunk, Torchvision(), tmp_path / "t.pth")
    assert caught.value.where == str(tmp_path / "t.md")
    assert contents(tmp_path) == {lost: b"mine"}


def test_a_wrong_file_is_refused_and_not_left_behind(trunk: TrunkWeights, tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep" / "trunk.pth"

    class Changed(Torchvision):
        """Writes other weights than it was given."""

        def write(self, trunk: TrunkWeights, path: Path) -> None:
            other = {n: t * 1.001 if n == "box_head.0.0.weight" else t for n, t in trunk.tensors.items()}
            super().write(replace(trunk, tensors=other), path)

    class Forgetful(Torchvision):
        """Leaves a tensor out."""

        def write(self, trunk: TrunkWeights, path: Path) -> None:
            fewer = {n: t for n, t in trunk.tensors.items() if n != "fpn.inner_blocks.0.0.weight"}
            super().write(replace(trunk, tensors=fewer), path)

    class Chatty(Torchvision):
        """Writes something that no detector has."""

        def state(self, trunk: TrunkWeights) -> dict[str, Tensor]:
            return {**super().state(trunk), "backbone.fpn.extra": torch.zeros(1)}

    for target, message in (
        (Changed(), "rebuilt box head differs by"),
        (Forgetful(), "tensors of the fpn match"),
        (Chatty(), "backbone.fpn.extra"),
    ):
        with pytest.raises(CodoError, match=message):
            write_verified(trunk, target, path)
        assert list(tmp_path.iterdir()) == []  # nor the folders made for it


def test_an_export_starts_the_next_pretraining(trunk: TrunkWeights, tmp_path: Path) -> None:
    for to in ("detectron2", "timm", "safetensors"):
        target = TARGETS[to]("mask_rcnn")
        path = tmp_path / target.filename
        target.write(trunk, path)
        encoder = Encoder(trunk.model.model_copy(update={"init": str(path)}))
        taken = trunk.tensors if to != "timm" else backbone_of(trunk)
        assert taken
        for name, tensor in taken.items():
            assert name.endswith("num_batches_tracked") or torch.equal(encoder.state_dict()[name], tensor)


def backbone_of(trunk: TrunkWeights) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in trunk.tensors.items() if name.startswith("backbone.")}


def test_a_backbone_alone_is_exported_and_the_page_says_what_is_random(trunk: TrunkWeights, tmp_path: Path) -> None:
    """As methods that contrast whole images leave it."""
    alone = replace(trunk, tensors=backbone_of(trunk), method="moco_v2")
    for to, make in TARGETS.items():
        target = make("mask_rcnn")
        write_verified(alone, target, tmp_path / to / target.filename)
        page = next((tmp_path / to).rglob("*.md")).read_text()
        assert "Backbone (resnet50" in page
        assert ("`fpn`" in page) == (to not in ("timm", "resnet"))
        assert ("method `moco_v2` does not pretrain it" in page) == (to not in ("timm", "resnet"))


@pytest.mark.parametrize(
    ("to", "which"),
    [("torchvision", "weights"), ("detectron2", "weights"), ("safetensors", "weights"), ("mmdet", "page")],
)
def test_a_full_disk_leaves_the_earlier_export_as_it_was(
    to: str, which: str, trunk: TrunkWeights, tmp_path: Path
) -> None:
    """The file that is being written is /dev/full, on which every write fails as on a full disk."""
    target = TARGETS[to]("mask_rcnn")
    write_verified(trunk, target, tmp_path / target.filename)
    before = contents(tmp_path)
    weights = target.weights(tmp_path / target.filename)
    final = weights if which == "weights" else weights.with_name(target.page_name(weights))
    temporary_path(final, ending=final.suffix).symlink_to("/dev/full")
    with pytest.raises(CodoError, match="cannot write the export: No space left on device") as caught:
        write_verified(trunk, target, tmp_path / target.filename)
    assert caught.value.exit_code == 1
    assert contents(tmp_path) == before


def test_ctrl_c_leaves_nothing_half_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Stopped(Torchvision):
        """Is interrupted half way through its file."""

        def write(self, trunk: TrunkWeights, path: Path) -> None:
            super().write(trunk, path)
            path.write_bytes(path.read_bytes()[:1000])
            os.kill(os.getpid(), signal.SIGINT)
            signal.sigtimedwait([], 5)  # Python raises KeyboardInterrupt on the way here
            raise AssertionError("no Ctrl-C")

    monkeypatch.setitem(TARGETS, "torchvision", Stopped)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background ignore it
    try:
        code = main(["export", str(run.path), "--to", "torchvision", "--out", str(tmp_path / "new" / "t.pth")])
    finally:
        signal.signal(signal.SIGINT, before)
    assert code == 130
    assert "stopped by Ctrl-C" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (["--to", "torchvison"], ["unknown export target 'torchvison'", "--to", "did you mean 'torchvision'?"]),
        (
            ["--to", "detectron2", "--model", "retinanet"],
            ["do not support 'retinanet'", "--model", "mask_rcnn, faster"],
        ),
        (["--to", "timm", "--encoder", "kye"], ["unknown encoder 'kye'", "--encoder", "did you mean 'key'?"]),
    ],
)
def test_mistakes_get_three_lines_and_exit_code_2(
    arguments: list[str], lines: list[str], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(run.path), *arguments]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 3
    assert all(part in line for part, line in zip(lines, told, strict=True))
    assert list(run.exports_dir.iterdir()) == []


def test_the_command_prints_where_the_file_is(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(run.path), "--to", "resnet"]) == 0
    assert capsys.readouterr().out == f"{run.exports_dir / 'resnet.pth'}\n"
