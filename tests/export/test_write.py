from __future__ import annotations

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
from codo.models.load_report import LoadReport
from codo.models.weights import read_tensors
from codo.run import Run


@pytest.mark.parametrize("to", list(TARGETS))
@pytest.mark.parametrize("model", ["mask_rcnn", "faster_rcnn"])
def test_every_target_is_written_with_its_page(to: str, model: Any, run: Run) -> None:
    path = export(run, to, model=model)
    assert path.parent == run.exports_dir
    assert sorted(file.name for file in run.exports_dir.iterdir()) == sorted([path.name, f"{path.stem}.md"])
    page = path.with_suffix(".md").read_text()
    assert "```python" in page
    assert path.name in page
    assert "6 steps" in page


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
    with pytest.raises(InputError, match="one of: torchvision, safetensors"):
        export(run, "onnx")
    with pytest.raises(InputError, match="one of: mask_rcnn, faster_rcnn"):
        export(run, "torchvision", model="yolo")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="not a run directory"):
        export(run.path / "exports", "torchvision")
    assert list(run.exports_dir.iterdir()) == []


def test_places_that_cannot_be_written_are_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for to in TARGETS:
        with pytest.raises(InputError, match="cannot write the export"):
            export(run, to, out=tmp_path / "file" / "below")
        with pytest.raises(InputError, match="would replace a folder"):
            export(run, to, out=tmp_path)


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

        def write(self, trunk: Trunk, path: Path) -> None:
            super().write(replace(trunk, tensors={**trunk.tensors, "fpn.extra": torch.zeros(1)}), path)

    class Blank(Torchvision):
        """Is rebuilt into something that computes not-a-number."""

        def rebuild(self, trunk: Trunk, path: Path) -> tuple[Features, LoadReport]:
            features, report = super().rebuild(trunk, path)

            def blank(images: Tensor, pooled: Tensor) -> list[Tensor]:
                return [t * float("nan") for t in features(images, pooled)]

            return blank, report

    for target, message in (
        (Changed(), "rebuilt box head differs by"),
        (Forgetful(), "tensors of the fpn match"),
        (Chatty(), "backbone.fpn.extra"),
        (Blank(), "rebuilt P2 differs by nan"),
    ):
        with pytest.raises(CodoError, match=message):
            write_verified(trunk, target, path)
        assert list(tmp_path.iterdir()) == []


def test_an_export_starts_the_next_pretraining(run: Run) -> None:
    from codo.models.encoder import Encoder

    trunk = read_trunk(run)
    for to in TARGETS:
        path = export(run, to)
        assert read_tensors(path)
        encoder = Encoder(trunk.model.model_copy(update={"init": str(path)}))
        assert all(
            torch.equal(encoder.state_dict()[name], tensor)
            for name, tensor in trunk.tensors.items()
            if not name.endswith("num_batches_tracked")
        )
