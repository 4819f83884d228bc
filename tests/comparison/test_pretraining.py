"""Initializations that a comparison pretrains itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import codo
from codo.comparison.compare_settings import CompareSettings
from codo.comparison.comparison import Comparison
from codo.comparison.pretraining import pretrain_settings, pretrainings, restrict_to_available
from codo.comparison.pretraining_costs import COST
from codo.core.config import resolve
from codo.core.errors import CodoError, InputError
from codo.core.run import open_run
from codo.exporters.safetensors import Safetensors
from codo.exporters.trunk import pack_trunk
from codo.exporters.write import write_verified
from codo.models.encoder import Encoder, ModelSettings
from tests.training import tiny


@pytest.fixture
def experiment(catalog: Path, protocol: dict[str, Any]) -> dict[str, Any]:
    """Random weights and CoDo, one seed; everything but ``out``."""
    pretrain = tiny.settings(catalog, catalog, probe=None, steps=2)
    for name in ("out", "device", "foregrounds", "backgrounds", "model"):
        del pretrain[name]
    return {
        **protocol,
        "inits": {"random": "none", "codo": {"method": "codo"}},
        "pretrain": {**pretrain, "foregrounds": "{images}", "backgrounds": ["{images}@0.5", "{scenes}"]},
        "pools": {"images": str(catalog), "scenes": [str(catalog)]},
        "model": tiny.MODEL,
        "fractions": [1],
        "seeds": [0],
        "published": "table1",
    }


def read(experiment: dict[str, Any], out: Path, **changes: Any) -> CompareSettings:
    return resolve(CompareSettings, None, {**experiment, "out": str(out), **changes})


def test_pretrains_finetunes_and_tells_the_cost(experiment: dict[str, Any], catalog: Path, tmp_path: Path) -> None:
    done = codo.compare(out=str(tmp_path / "out"), **experiment)
    run = open_run(tmp_path / "out/pretraining/codo/seed-0")
    settings = tiny.settings(catalog, tmp_path / "alone", probe=None, steps=2)
    alone = codo.pretrain(**{**settings, "backgrounds": [f"{catalog}@0.5", catalog]})
    assert {**run.config, "out": ""} == {**alone.config, "out": ""}
    tiny.assert_same_state(tiny.final_state(run.path), tiny.final_state(alone.path))
    assert done.results.keys() == {("random", 1.0, 0), ("codo", 1.0, 0)}
    assert done.initializations["codo"].parts == ("backbone", "fpn", "box_head")
    assert set(done.costs) == {"codo"}
    assert (done.costs["codo"].samples, done.costs["codo"].views) == (16, 2)
    assert done.costs["codo"].seconds > 0
    table = " ".join((done.out / "table.md").read_text().split())
    assert "| codo | backbone, FPN, box head | 16 | 2 |" in table
    assert "the 1x half" not in table  # notes of methods that are not here
    assert "| CoDo | 200 | 41.2 |" in table
    before = {path: path.stat().st_mtime_ns for path in (done.out / "pretraining").rglob("*")}
    codo.compare(out=str(tmp_path / "out"), **experiment)
    assert before == {path: path.stat().st_mtime_ns for path in (done.out / "pretraining").rglob("*")}


def test_a_pretraining_that_fails_leaves_the_others(experiment: dict[str, Any], tmp_path: Path) -> None:
    broken = {"method": "codo", "optim": {"lr": 1e30}}
    inits = {"random": "none", "broken": broken, "moco": {"method": "moco_v2"}}
    with pytest.raises(CodoError, match=r"1 run failed\n  pretraining of broken, seed 0: the loss or its grad"):
        codo.compare(out=str(tmp_path / "out"), **{**experiment, "inits": inits})
    content = json.loads((tmp_path / "out/comparison.json").read_text())
    assert [trial["init"] for trial in content["trials"] if trial["state"] == "finished"] == ["random", "moco"]
    assert any("Failed: pretraining of broken" in sentence for sentence in content["sentences"])


def test_finished_seeds_of_a_pretraining_that_fails_stay(experiment: dict[str, Any], tmp_path: Path) -> None:
    """Seed 0 is pretrained and finetuned; seed 1 cannot be. The tables keep what there is of seed 0."""
    values = {**experiment, "inits": {"random": "none", "codo": {"method": "codo"}, "moco": {"method": "moco_v2"}}}
    codo.compare(out=str(tmp_path / "out"), **values)
    blocked = tmp_path / "out/pretraining/codo/seed-1"
    blocked.mkdir()
    (blocked / ".lock").mkdir()  # its run cannot be locked
    with pytest.raises(CodoError, match=r"1 run failed\n  pretraining of codo, seed 1"):
        codo.compare(out=str(tmp_path / "out"), **{**values, "seeds": [0, 1]})
    content = json.loads((tmp_path / "out/comparison.json").read_text())
    finished = [(trial["init"], trial["seed"]) for trial in content["trials"] if trial["state"] == "finished"]
    assert sorted(finished) == [("codo", 0), ("moco", 0), ("moco", 1), ("random", 0), ("random", 1)]
    assert list(content["initializations"]) == ["random", "moco", "codo"]


def test_trials_have_the_trunk_of_a_pretraining_that_failed(experiment: dict[str, Any], tmp_path: Path) -> None:
    """Its model is that of the pretraining only; the same command again finds the finished trial as it should be."""
    values = {**experiment, "inits": {"random": "none", "broken": {"method": "codo", "optim": {"lr": 1e30}}}}
    values["pretrain"] |= {"model": values.pop("model")}
    for _ in range(2):
        with pytest.raises(CodoError, match=r"1 run failed\n  pretraining of broken"):
            codo.compare(out=str(tmp_path / "out"), **values)
    trial = open_run(tmp_path / "out/trials/random/fraction-1/seed-0")
    names = tiny.MODEL.keys() - {"embedding_dim"}  # no part of a detector
    assert {name: trial.config["model"][name] for name in names} == {name: tiny.MODEL[name] for name in names}


def test_seeds_pretrain_anew_unless_settings_say_otherwise(experiment: dict[str, Any], tmp_path: Path) -> None:
    anew = pretrainings(read(experiment, tmp_path, seeds=[3, 5]), {})
    assert [(one.seed, one.settings.seed, one.path.name) for one in anew] == [(3, 3, "seed-3"), (5, 5, "seed-5")]
    once = read(experiment, tmp_path, seeds=[3, 5], repeat_pretraining=False, pretrained=str(tmp_path / "elsewhere"))
    assert [one.path for one in pretrainings(once, {})] == [tmp_path / "elsewhere/codo/seed-3"]
    assert once.source("codo", 5) == str(tmp_path / "elsewhere/codo/seed-3")
    assert once.source("random", 5) == "none"


def test_own_settings_stand_above_shared_ones_and_those_above_the_recipe(
    experiment: dict[str, Any], tmp_path: Path
) -> None:
    inits = {"simclr": {"method": "simclr", "steps": 5}, "moco": {"method": "moco_v2"}, "small": {"recipe": "laptop"}}
    settings = read({**experiment, "inits": inits}, tmp_path)
    simclr, moco, small = (pretrain_settings(settings, init, 0) for init in inits)
    assert (simclr.steps, moco.steps) == (5, 2)
    assert simclr.optim.kind == "lars"  # of its recipe
    assert simclr.backgrounds.query == ()  # it pastes nothing
    assert small.probe is None
    assert len(small.backgrounds.query) == 2
    assert small.model.init == "none"


@pytest.mark.parametrize(
    ("changes", "message", "fix"),
    [
        ({"pools": {"image": "x", "scenes": "x"}}, "there is no pool {images}", "did you mean 'image'"),
        ({"pools": {}}, "there is no pool {images}", "add pools.images=DIR"),
        ({"inits": {"codo": {"metod": "codo"}}}, "unknown setting 'metod'", "did you mean 'method'"),
        ({"inits": {"codo": {"method": "cobo"}}}, "unknown method 'cobo'", "did you mean 'codo'"),
        ({"inits": {"codo": {"batch_size": 9}}}, "9", ""),
        ({"inits": {"a": {"method": "codo"}, "b": {"method": "codo", "model": {"width": 0.25}}}}, "differ", ""),
        ({"only": ["coda"]}, "only= has 'coda'", ""),
    ],
)
def test_everything_is_checked_before_anything_is_written(
    changes: dict[str, Any], message: str, fix: str, experiment: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message) as error:
        codo.compare(out=str(tmp_path / "out"), **{**experiment, **changes})
    assert fix in error.value.fix
    assert not (tmp_path / "out").exists()


def test_a_run_of_other_settings_in_its_place_is_refused(experiment: dict[str, Any], tmp_path: Path) -> None:
    settings = read(experiment, tmp_path)
    folder = settings.pretraining_folder("codo", 0)
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(InputError) as error:
        pretrainings(settings, {})
    assert "for codo of inits=" in error.value.where


def test_available_initializations_are_checked_on_the_trunk_of_the_pretrainings(
    experiment: dict[str, Any], tmp_path: Path
) -> None:
    settings = read(experiment, tmp_path, model={"backbone": "resnet50"})
    jobs = pretrainings(settings, tiny.MODEL)
    now = restrict_to_available(settings, jobs, tiny.MODEL)
    assert now.inits == {"random": "none"}
    assert (now.model.backbone, now.model.width, now.model.fpn_channels) == ("resnet18", 0.125, 16)
    jobs[0].path.mkdir(parents=True)
    (jobs[0].path / COST).write_text("{}")
    jobs[0].path.rename(tmp_path / "other")
    wide = tmp_path / "wide.safetensors"
    encoder = Encoder(ModelSettings.model_validate({**tiny.MODEL, "width": 0.25}))
    parts = {name: encoder.get_submodule(name) for name in ("backbone", "fpn", "box_head")}
    model = ModelSettings.model_validate({**tiny.MODEL, "width": 0.25})
    write_verified(pack_trunk(model, parts, "codo", 1), Safetensors(), wide)
    both = read(experiment, tmp_path, inits={**experiment["inits"], "wide": str(wide)})
    with pytest.raises(InputError, match=r"trunks differ: model.width is 0.125 in codo, 0.25 in .*wide.safetensors"):
        restrict_to_available(both, jobs, {})


def test_weights_may_take_the_place_of_a_pretraining(experiment: dict[str, Any], tmp_path: Path) -> None:
    """``inits.codo=runs/mine`` over a recipe that would pretrain it, and ``inits.codo=null``."""
    assert read(experiment, tmp_path, inits={"codo": {"": "runs/mine", "method": "codo"}}).inits["codo"] == "runs/mine"
    assert list(read(experiment, tmp_path, inits={"a": "none", "codo": None}).inits) == ["a"]
    assert list(read(experiment, tmp_path, only=["random"]).inits) == ["random"]


def test_a_page_shows_costs_and_the_published_numbers(done: Comparison) -> None:
    page = (done.out / "report.html").read_text()
    assert "Cost of pretraining" in page  # the run that it was given
    assert "Published numbers" not in page
