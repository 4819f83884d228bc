"""Every registered method, and one of the user's: trains, is killed, goes on bit by bit, exports, initializes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

import codo
from codo.core.config import resolve
from codo.core.errors import InputError
from codo.exporters.trunk import read_trunk
from codo.methods import registry
from codo.methods.base import OPTIONAL
from codo.methods.registry import METHODS, find_method
from codo.models.encoder import Encoder, ModelSettings
from codo.training import checkpoint
from codo.training.pretrain_settings import PretrainSettings, method_setup
from tests.training import tiny

SMALL: dict[str, dict[str, Any]] = {
    "byol": {"hidden": 16},
    "swav": {"hidden": 16, "prototypes": 6, "small_views": 1, "small_side": 32, "queue": 8, "queue_from": 0.0},
    "barlow_twins": {"hidden": 16},
    "simsiam": {"hidden": 16, "bottleneck": 8},
    "infomin": {"cell": 40, "patch": 32},
    "detco": {"cell": 40, "patch": 32},
    "soco": {"hidden": 16},
    "orl": {"hidden": 16, "compared": 3, "neighbors": 2, "patch_side": 32},
    "self_emd": {"hidden": 16, "small_views": 1, "small_side": 32, "vector_weight": 1.0},
    "instdisc": {"negatives": 8},
    "colorization": {"width": 16},
    "inpainting": {"width": 16, "band": 2},
    "context": {"cell": 24, "patch": 16, "jitter": 3, "hidden": 16, "joined": 16},
    "jigsaw": {"cell": 18, "patch": 16, "hidden": 16, "joined": 16, "permutations": 5},
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures in two class folders."""
    folder = tmp_path_factory.mktemp("classes")
    rng = np.random.default_rng(0)
    for name in ("dark", "light"):
        (folder / name).mkdir()
        for i in range(6):
            image = rng.integers(0, 256, (60, 50, 3), dtype=np.uint8)
            cv2.imwrite(str(folder / name / f"{i}.png"), image)
    codo.prepare(folder, folder.parent / "catalog", propose=False, jobs=1)
    return folder.parent / "catalog"


def settings(name: str, catalog: Path, folders: Path, out: Path, **changes: Any) -> dict[str, Any]:
    made = tiny.settings(catalog, out, method=name, options=SMALL.get(name, {}), probe=None, canvas=32, steps=3)
    made |= {"checkpoint_every": 1, "batch_size": 4, "epochs": None, "optim": {"lr": 0.02, "warmup_epochs": 0}}
    if not find_method(name).needs_backgrounds:
        del made["backgrounds"]
    if name == "supervised":
        made["foregrounds"] = str(folders)
    return {**made, **changes}


@pytest.mark.parametrize("name", METHODS)
def test_stopped_and_started_again_it_ends_with_the_same_bits(
    name: str, catalog: Path, folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = codo.pretrain(**settings(name, catalog, folders, tmp_path / "whole"))
    monkeypatch.setattr("codo.reporting.report.write_report", lambda run: None)  # one page a method is enough
    with tiny.stopped_after(2, monkeypatch):
        codo.pretrain(**settings(name, catalog, folders, tmp_path / "broken"))
    broken = codo.pretrain(**settings(name, catalog, folders, tmp_path / "broken"))
    a, b = (checkpoint.load(run.checkpoints()[-1])["method"] for run in (whole, broken))
    assert a.keys() == b.keys()
    assert all(torch.equal(a[key], b[key]) for key in a)
    losses = [row["loss"] for row in whole.metrics() if "loss" in row]
    assert len(losses) == 3
    assert np.isfinite(losses).all()

    trunk = read_trunk(whole)
    assert "backbone" in trunk.parts
    path = codo.export(whole, to="safetensors")
    encoder = Encoder(ModelSettings.model_validate({**tiny.MODEL, "init": str(path)}))
    name_of = "backbone.conv1.weight"
    assert torch.equal(encoder.state_dict()[name_of], trunk.tensors[name_of])


def test_a_run_imports_its_own_method_only() -> None:
    code = "import sys; from codo.methods.registry import find_method; find_method('simsiam')\n"
    code += "assert 'codo.methods.simsiam' in sys.modules and 'codo.methods.soco' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


SIZES: dict[str, Any] = {"batch_size": 4, "world": 1, "seed": 0}

OWN = '''
from codo.methods.base import StepOutput
from codo.methods.image_level import ImageLevel
from codo.models.image_encoder import ImageEncoder
from torch import nn


class Mine(ImageLevel):
    """Two views of an image get the same embedding; it collapses, of course."""

    def __init__(self, setup):
        super().__init__(setup)
        self.encoder = ImageEncoder(setup.model, lambda channels: nn.Linear(channels, setup.model.embedding_dim))

    def forward(self, batch):
        first, second = (self.encoder.project(view) for view in self.views(batch))
        loss = (first - second).square().mean()
        self.store_embeddings(first)
        return StepOutput(loss, {"loss": loss.detach()})
'''


def test_a_method_of_the_user_is_pretrained_resumed_and_exported(catalog: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN)
    given = settings("simclr", catalog, catalog, tmp_path / "run", method=f"{tmp_path / 'mine.py'}:Mine")
    run = codo.pretrain(**given)
    assert run.config["method"] == f"{tmp_path / 'mine.py'}:Mine"
    assert codo.pretrain(**given).metrics() == run.metrics()
    assert read_trunk(run).parts == ("backbone",)


def test_wrong_names_are_explained(tmp_path: Path) -> None:
    (tmp_path / "empty.py").write_text("x = 1")
    (tmp_path / "broken.py").write_text("import nothing_of_this_name")
    for name, message in (
        ("mocov2", "unknown method 'mocov2'"),
        (f"{tmp_path}/absent.py:Mine", "no such file of a method"),
        (f"{tmp_path}/empty.py:Mine", "no class 'Mine' that derives from"),
        (f"{tmp_path}/empty.py:x", "no class 'x' that derives from"),
        (f"{tmp_path}/broken.py:Mine", "the file of the method fails: ModuleNotFoundError"),
    ):
        with pytest.raises(InputError, match=message):
            find_method(name)
    with pytest.raises(InputError, match=r"unknown setting 'options\.hiden'") as caught:
        registry.read_options("byol", {"hiden": 3})
    assert "did you mean 'options.hidden'?" in caught.value.fix
    with pytest.raises(InputError, match=r"unknown setting 'options\.contrast_weight'") as caught:
        registry.read_options("simclr", {"contrast_weight": 0.2})
    # It has no options that could be listed, and whoever changes the method of a recipe has not written this one.
    assert caught.value.fix == "remove it; or, if it comes from a recipe for another method, add options={}"
    with pytest.raises(InputError, match=r"options\.second_blur: Input should be less than or equal to 1"):
        registry.read_options("byol", {"second_blur": 3})


@pytest.mark.parametrize(
    ("name", "given", "unused"),
    [
        (
            "codo",
            {"views": 4, "cpj.jitter": 0, "contrast": {"queue": 4}, "augment.solarize": 0.1},
            ["augment.solarize"],
        ),
        ("insloc", {"cpj": {"jitter": 0}, "model.head": "2fc"}, []),
        (
            "moco_v2",
            {"views": 3, "contrast.queue": 4, "cpj.jitter": 0, "model.head": "2fc"},
            ["cpj.jitter", "model.head"],
        ),
        ("byol", {"views": 3, "contrast": {"queue": 4, "momentum_end": 1}}, ["views", "contrast.queue"]),
        ("simclr", {"contrast.temperature": 0.5, "model.embedding_dim": 64, "optim.lr": 1}, []),
        ("supervised", {"model": {"embedding_dim": 64, "backbone": "resnet18"}}, ["model.embedding_dim"]),
        ("rotation", {"canvas": 96}, []),
        (
            "jigsaw",
            {"canvas": 96, "views": 3},
            ["views", "canvas for training views (set options.cell and options.patch)"],
        ),
        ("context", {"options.cell": 96}, []),
    ],
)
def test_settings_without_effect_are_known(name: str, given: dict[str, Any], unused: list[str]) -> None:
    assert registry.unused_settings(name, given) == unused


@pytest.mark.parametrize(
    ("name", "given", "contradiction"),
    [
        ("codo_m", {}, "views=2"),
        ("codo_m", {"views": 4}, ""),
        ("codo", {}, ""),
        ("codo", {"views": 4}, ""),
        ("moco", {}, "options.projection=mlp"),
        ("moco", {"options": {"projection": "linear"}}, ""),
        ("moco_v2", {}, ""),
        ("moco_v2", {"options": {"projection": "linear"}}, "options.projection=linear"),
        ("dilo", {}, ""),
        ("simsiam", {}, ""),
    ],
)
def test_settings_that_contradict_the_name_are_told(name: str, given: dict[str, Any], contradiction: str) -> None:
    """As they do with a recipe that is not the one of this name, which has what makes the method."""
    backgrounds = ["-"] if find_method(name).needs_backgrounds else []
    values = {"foregrounds": "-", "out": "-", "backgrounds": backgrounds, "method": name, "model": tiny.MODEL, **given}
    setup = method_setup(PretrainSettings.model_validate({"contrast": {"queue": 8, "bn_groups": 0}, **values}))
    told = registry.build_method(name, setup).notes()
    wanted = f"method={name} with {contradiction} is another method: codo recipes {name} has the settings of {name}"
    assert told == ([wanted] if contradiction else [])


def test_a_contradicted_name_is_told_before_the_first_step(catalog: Path, tmp_path: Path) -> None:
    run = codo.pretrain(**settings("moco", catalog, catalog, tmp_path / "run", steps=1))
    before, first_step, _ = (run.path / "train.log").read_text().partition("step 1/1")
    assert first_step
    assert "method=moco with options.projection=mlp is another method" in before


@pytest.mark.parametrize("name", ["codo_m", "moco", "moco_v2"])
def test_the_recipe_of_a_name_makes_its_method(name: str) -> None:
    given = {"foregrounds": "-", "out": "-"} | ({"backgrounds": ["-"]} if name == "codo_m" else {})
    assert registry.name_notes(name, method_setup(resolve(PretrainSettings, name, given))) == []


def test_every_use_is_of_something_optional() -> None:
    for method in map(find_method, METHODS):
        assert all(any(use == one or use.startswith(f"{one}.") for one in OPTIONAL) for use in method.used_settings), (
            method
        )


def test_supervised_wants_class_folders(catalog: Path, folders: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="are not in a class folder"):
        codo.pretrain(**settings("supervised", catalog, catalog, tmp_path / "run"))
    assert not (tmp_path / "run").exists()
