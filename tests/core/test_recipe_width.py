"""Recipes of small ResNets with a backbone of timm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import codo
from codo.core.config import resolve
from codo.core.errors import InputError
from codo.core.recipe_width import without_recipe_width
from codo.detection.finetune_settings import FinetuneSettings
from codo.training.pretrain_settings import PretrainSettings
from tests.training import tiny

CONVNEXT = "timm:test_convnext"


@pytest.mark.parametrize(
    ("schema", "recipe", "needed"),
    [
        (FinetuneSettings, "finetune_laptop", {"data": "labeled", "out": "run"}),
        (PretrainSettings, "laptop", {"foregrounds": "photos", "backgrounds": ["photos"], "out": "run"}),
    ],
)
def test_a_timm_backbone_of_the_command_has_no_width_of_the_recipe(schema: Any, recipe: str, needed: Any) -> None:
    def chosen(**model: Any) -> tuple[float, str]:
        overrides = {**needed, "model": model}
        settings, warning = without_recipe_width(resolve(schema, recipe, overrides), overrides)
        return settings.model.width, warning

    assert chosen(backbone="resnet34") == (0.5, "")
    assert chosen(backbone=CONVNEXT) == (1.0, f"model.width=0.5 of the recipe is for ResNets: not used with {CONVNEXT}")
    assert chosen(backbone=CONVNEXT, width=0.25) == (0.25, "")  # refused by the backbone


def test_the_log_of_the_run_tells(catalog: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("model: {width: 0.5, fpn_channels: 16, head: 1conv1fc, head_dim: 32}\n")
    arguments = tiny.settings(catalog, tmp_path / "run", model={"backbone": CONVNEXT}, steps=1, probe=None)
    run = codo.pretrain(recipe, **arguments)
    assert run.config["model"]["width"] == 1.0
    assert f"model.width=0.5 of the recipe is for ResNets: not used with {CONVNEXT}" in (
        run.path / "train.log"
    ).read_text(encoding="utf-8")
    with pytest.raises(InputError, match=r"width 0\.5 is not possible with a timm model"):
        codo.pretrain(recipe, **{**arguments, "out": str(tmp_path / "other"), "model.width": 0.5})
    assert not (tmp_path / "other").exists()


def test_a_plan_drops_it_too() -> None:
    estimate = codo.plan("laptop", images=1000, **{"model.backbone": CONVNEXT, "batch_size": 2, "canvas": 64})
    assert estimate.line("memory", "floor").value > 0
