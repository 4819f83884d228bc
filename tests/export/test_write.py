from __future__ import annotations

import errno
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import codo
from codo.errors import CodoError, InputError
from codo.export.target import Features
from codo.export.torchvision import Torchvision, build_detector
from codo.export.trunk import Trunk, read_trunk
from codo.export.write import TARGETS, export, write_verified
from codo.models.encoder import Encoder
from codo.models.load_report import LoadReport
from codo.models.weights import read_tensors
from codo.run import Run


@pytest.mark.parametrize("to", [to for to in TARGETS if to != "hub"])
@pytest.mark.parametrize("model", ["mask_rcnn", "faster_rcnn"])
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
    assert "momentum copy" in key.with_suffix(".md").read_text()


def test_torchvision_file_has_no_unexpected_name(run: Run, tmp_path: Path) -> None:
    path = export(str(run.path), "torchvision", out=tmp_path / "deep" / "trunk.pth")
    assert path == tmp_path / "deep" / "trunk.pth"
    detector = build_detector(read_trunk(run).model, 4, masks=True)
    _, unexpected = detector.load_state_dict(torch.load(path, weights_only=True), strict=False)
    assert unexpected == []


def test_codo_export_is_callable_whatever_was_imported(run: Run) -> None:
    # importing codo.export.torchvision binds the name codo.export to the package
    assert codo.export(run, to="safetensors").name == "trunk.safetensors"


def test_unknown_names_are_refused(run: Run) -> None:
    with pytest.raises(InputError, match="did you mean 'torchvision'"):
        export(run, "torchvison")
    with pytest.raises(InputError, match="one of: torchvision, detectron2, mmdet, timm, resnet, safetensors, hub"):
        export(run, "onnx")
    with pytest.raises(InputError, match="one of: mask_rcnn, faster_rcnn, retinanet, fcos"):
        export(run, "torchvision", model="yolo")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="exports are not made for 'fcos'"):
        export(run, "detectron2", model="fcos")
    with pytest.raises(InputError, match="unknown encoder 'keys'"):
        export(run, "torchvision", encoder="keys")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="not a run directory"):
        export(run.path / "exports", "torchvision")
    assert list(run.exports_dir.iterdir()) == []


def test_places_that_cannot_be_written_are_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for to in TARGETS:
        with pytest.raises(InputError, match="cannot write the export"):
            export(run, to, out=tmp_path / "file" / "below")
        with pytest.raises(InputError, match=r"would replace a folder|the folder is not empty"):
            export(run, to, out=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "run"]


def test_a_wrong_file_is_refused_and_not_left_behind(trunk: Trunk, tmp_path: Path) -> None:
    path = tmp_path / "trunk.pth"

    class Changed(Torchvision):
        """Writes other weights than it was given."""

        def write(self, trunk: Trunk, path: Path) -> None:
            other = {n: t * 1.001 if n == "box_head.0.0.weight" else t for n, t in trunk.tensors.items()}
            super().write(replace(trunk, tensors=other), path)

    class Forgetful(Torchvision):
        """Leaves a tensor out."""

        def write(self, trunk: Trunk, path: Path) -> None:
            fewer = {n: t for n, t in trunk.tensors.items() if n != "fpn.inner_blocks.0.0.weight"}
            super().write(replace(trunk, tensors=fewer), path)

    class Chatty(Torchvision):
        """Writes something that no detector has."""

        def state(self, trunk: Trunk) -> dict[str, Tensor]:
            return {**super().state(trunk), "backbone.fpn.extra": torch.zeros(1)}

    class Blank(Torchvision):
        """Is rebuilt into something that computes not-a-number."""

        def rebuild(self, trunk: Trunk, path: Path) -> tuple[Features, LoadReport]:
            features, report = super().rebuild(trunk, path)

            def blank(images: Tensor, pooled: Tensor) -> dict[str, Tensor]:
                return {name: t * float("nan") for name, t in features(images, pooled).items()}

            return blank, report

    for target, message in (
        (Changed(), "rebuilt box head differs by"),
        (Forgetful(), "tensors of the fpn match"),
        (Chatty(), "backbone.fpn.extra"),
        (Blank(), "rebuilt C2 differs by nan"),
    ):
        with pytest.raises(CodoError, match=message):
            write_verified(trunk, target, path)
        assert list(tmp_path.iterdir()) == []


def test_an_export_starts_the_next_pretraining(run: Run) -> None:
    trunk = read_trunk(run)
    for to in TARGETS:
        path = export(run, to)
        encoder = Encoder(trunk.model.model_copy(update={"init": str(path)}))
        taken = trunk.tensors if to not in ("timm", "resnet") else backbone_of(trunk)
        assert taken
        for name, tensor in taken.items():
            assert name.endswith("num_batches_tracked") or torch.equal(encoder.state_dict()[name], tensor)


def backbone_of(trunk: Trunk) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in trunk.tensors.items() if name.startswith("backbone.")}


def test_a_backbone_alone_is_exported_and_the_page_says_what_is_random(trunk: Trunk, tmp_path: Path) -> None:
    """As methods that contrast whole images leave it."""
    alone = replace(trunk, tensors=backbone_of(trunk), method="moco_v2")
    for to, make in TARGETS.items():
        target = make("mask_rcnn")
        write_verified(alone, target, tmp_path / to / target.filename)
        page = next((tmp_path / to).rglob("*.md")).read_text()
        assert "Backbone (resnet18" in page
        assert ("`fpn`" in page) == (to not in ("timm", "resnet"))
        assert ("method `moco_v2` does not pretrain it" in page) == (to not in ("timm", "resnet"))


def test_a_full_disk_leaves_the_earlier_export_as_it_was(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    path = export(run, "safetensors")
    before = {file: file.read_bytes() for file in run.exports_dir.iterdir()}

    def full(self: Path, *_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(CodoError, match="No space left") as caught:
        export(run, "safetensors")
    assert caught.value.exit_code == 1
    assert {file: file.read_bytes() for file in path.parent.iterdir()} == before
