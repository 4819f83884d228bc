"""The grid: every trial there is, with its own data, in whole seeds; what cannot be done is refused at once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import codo.detection.task
from codo.comparison.compare_settings import CompareSettings
from codo.comparison.comparison import Comparison
from codo.comparison.grid import make_grid
from codo.core.config import resolve
from codo.core.errors import InputError
from codo.detection.finetune import resolve_settings
from codo.exporters.safetensors import Safetensors
from codo.exporters.trunk import pack_trunk
from codo.exporters.write import write_verified
from codo.models.encoder import Encoder, ModelSettings
from codo.models.normalization import IMAGENET
from tests.annotations.synthetic import coco, write
from tests.training import tiny


def settings(protocol: dict[str, Any], out: Path, **changes: Any) -> CompareSettings:
    return resolve(CompareSettings, None, {**protocol, "out": str(out), **changes})


def test_seeds_come_outermost_and_each_trial_has_its_own_draw(protocol: dict[str, Any], tmp_path: Path) -> None:
    trials = make_grid(settings(protocol, tmp_path / "out"), {}).trials
    assert [trial.key for trial in trials][:5] == [
        ("none", 0.5, 0),
        ("codo", 0.5, 0),
        ("none", 1.0, 0),
        ("codo", 1.0, 0),
        ("none", 0.5, 1),
    ]
    last = trials[-1]
    assert last.path == tmp_path / "out/trials/codo/fraction-1/seed-1"
    assert (last.settings.seed, last.settings.data.fraction, last.settings.data.fraction_seed) == (1, 1.0, 1)
    assert not (tmp_path / "out").exists()
    one = make_grid(settings(protocol, tmp_path / "out", redraw=False), {}).trials[-1]
    assert (one.settings.seed, one.settings.data.fraction_seed) == (1, 0)


def test_trials_are_planned_as_finetune_resolves_them(done: Comparison) -> None:
    for trial in done.trials:
        recorded = codo.open_run(trial.path).config
        assert recorded == json.loads(json.dumps(trial.settings.model_dump(mode="json")))


def test_images_are_counted_for_each_draw_and_data_read_once(
    protocol: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth, pictures = coco(12)
    empty = {image["id"] for image in truth["images"][::2]}
    truth["annotations"] = [row for row in truth["annotations"] if row["image_id"] not in empty]
    write(tmp_path / "data", truth, pictures, "train")
    write(tmp_path / "data", *coco(4, seed=1), "val")
    read: list[str] = []
    actual = codo.detection.task.read_annotations
    monkeypatch.setattr("codo.detection.task.read_annotations", lambda *a, **k: read.append(a[1]) or actual(*a, **k))
    some = settings(protocol, tmp_path / "out", data=str(tmp_path / "data"), fractions=[0.4], seeds=list(range(6)))
    trials = make_grid(some, {}).trials
    assert read == ["train", "val"]
    counts = {trial.seed: trial.images for trial in trials}
    assert len(set(counts.values())) > 1  # 5 images are drawn, of which 2 or 3 have objects
    run = codo.finetune(**{**trials[0].settings.model_dump(), "out": str(tmp_path / "run")})
    assert len((run.path / "labeled_images.txt").read_text().split()) == counts[0]


def test_a_batch_too_large_for_the_draw_of_any_seed_is_found(protocol: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="batch_size=5 is larger than the 4 images"):
        make_grid(settings(protocol, tmp_path / "out", fractions=[1, 0.5], batch_size=5), {})


def test_frozen_norm_is_refused_for_random_weights_alone(protocol: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="norm=frozen needs weights"):
        make_grid(settings(protocol, tmp_path / "out", norm="frozen"), {})
    with pytest.raises(InputError, match="for none of inits="):
        make_grid(settings(protocol, tmp_path / "out", norm="frozen", inits=protocol["inits"][::-1]), {})
    assert make_grid(settings(protocol, tmp_path / "out", norm="frozen", inits=protocol["inits"][1:]), {}).trials


def test_trunks_must_agree_with_each_other_and_with_the_command(
    protocol: dict[str, Any], place: Path, catalog: Path, tmp_path: Path
) -> None:
    wide = tiny.settings(catalog, tmp_path / "wide", probe=None, steps=1, model={**tiny.MODEL, "width": 0.25})
    codo.pretrain(**wide)
    both = [str(place / "run"), str(tmp_path / "wide")]
    with pytest.raises(InputError, match=r"the trunks differ: model.width is 0.125 in .*run, 0.25 in .*wide"):
        make_grid(settings(protocol, tmp_path / "out", inits=both), {})
    with pytest.raises(InputError, match=r"model.width=1.0, but the weights were trained with 0.125"):
        make_grid(settings(protocol, tmp_path / "out"), {"width": 1.0})


def test_labels_that_have_changed_are_refused(
    done: Comparison, copied: Path, protocol: dict[str, Any], tmp_path: Path
) -> None:
    """Trials of two data sets have no common mean; those that have not begun mix with none."""
    truth, pictures = coco(8)
    truth["annotations"][0]["bbox"][2] += 1
    write(tmp_path / "data", truth, pictures, "train")
    write(tmp_path / "data", *coco(4, seed=1), "val")
    shutil.rmtree(copied / "trials/codo")
    for path in copied.rglob("config.yaml"):  # as if data and results had always been there
        text = path.read_text().replace(protocol["data"], str(tmp_path / "data"))
        path.write_text(text.replace(str(done.out), str(copied)))
    given = settings(protocol, copied, data=str(tmp_path / "data"), seeds=[0, 1, 2])
    with pytest.raises(InputError, match=r"begun with other images or labels as train: 8 images, 16 obj") as error:
        make_grid(given, {})
    assert "trials of one comparison need the same data" in error.value.fix
    write(tmp_path / "data", *coco(8), "train")
    assert len(make_grid(given, {}).trials) == 12


def test_rules_for_pixels_may_differ_from_those_of_the_weights(protocol: dict[str, Any], tmp_path: Path) -> None:
    """Each trial is resolved as ``codo finetune`` resolves the same settings, which warns."""
    some = settings(protocol, tmp_path / "out", data={"folder": protocol["data"], "value_range": [0, 4000]})
    for trial in make_grid(some, {}).trials:
        values = trial.settings.model_dump()
        assert resolve_settings(None, values).model_dump() == values


def test_ap_by_size_needs_objects_of_the_size(protocol: dict[str, Any], tmp_path: Path) -> None:
    """The pictures have 64 x 96 pixels."""
    assert make_grid(settings(protocol, tmp_path / "out", judge={"metric": "APm"}), {}).trials
    with pytest.raises(InputError, match=r"judge.metric=APl, but the val split has no object of this size"):
        make_grid(settings(protocol, tmp_path / "out", judge={"metric": "APl"}), {})


def test_each_initialization_has_its_own_normalization_and_the_report_says_so(
    protocol: dict[str, Any], place: Path, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    model = ModelSettings.model_validate({**tiny.MODEL, "mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)})
    encoder = Encoder(model)
    parts = {name: encoder.get_submodule(name) for name in ("backbone", "fpn", "box_head")}
    write_verified(pack_trunk(model, parts, "codo", 1), Safetensors(), tmp_path / "half.safetensors")
    inits = {"none": "none", "codo": str(place / "run"), "half": str(tmp_path / "half.safetensors")}
    grid = make_grid(settings(protocol, tmp_path / "out", inits=inits), {})
    found = {trial.init: trial.settings.model.normalization for trial in grid.trials}
    assert found["none"] == found["codo"] == IMAGENET
    assert found["half"].mean == (0.5, 0.5, 0.5)
    assert [note for note in grid.notes if "normalized" in note] == [
        "Images are normalized as the weights of each initialization were trained (none, codo: ImageNet; half: mean "
        "0.5, 0.5, 0.5, standard deviation 0.5, 0.5, 0.5)."
    ]
    assert not any("normalized" in note for note in make_grid(settings(protocol, tmp_path / "out"), {}).notes)
