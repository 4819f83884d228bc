"""Every shipped recipe loads, and says what the paper says."""

from __future__ import annotations

import pytest

from codo.config import read_recipe, resolve, shipped_recipes
from codo.detection.finetune import FinetuneSettings
from codo.training.optim import Schedule
from codo.training.settings import PretrainSettings, length

FINETUNE = [name for name in shipped_recipes() if "finetune" in name]
PRETRAIN = [name for name in shipped_recipes() if name not in FINETUNE]
# What a user adds to a recipe that leaves it open.
GIVEN = {"foregrounds": "photos", "backgrounds": ["photos"], "out": "run"}


def load(name: str) -> PretrainSettings:
    values = read_recipe(name)
    return resolve(PretrainSettings, name, {key: value for key, value in GIVEN.items() if key not in values})


@pytest.mark.parametrize("name", PRETRAIN)
def test_pretraining_recipes_load(name: str) -> None:
    settings = load(name)
    assert length(settings, 1_281_167)[0] > 0
    assert settings.batch_size % max(1, settings.contrast.shuffle) == 0


@pytest.mark.parametrize("name", FINETUNE)
def test_finetuning_recipes_load(name: str) -> None:
    resolve(FinetuneSettings, name, {"data": "labelled", "out": "run"})


@pytest.mark.parametrize(
    ("name", "epochs", "views"), [("codo_200ep", 200, 2), ("codo_400ep", 400, 2), ("codo_m_400ep", 400, 4)]
)
def test_the_paper(name: str, epochs: int, views: int) -> None:
    """Section 4.2 and METHOD 1.3."""
    settings = load(name)
    assert (settings.epochs, settings.views, settings.batch_size, settings.canvas) == (epochs, views, 1024, 224)
    assert (
        settings.backgrounds.query == settings.backgrounds.key == ("catalogs/imagenet", "catalogs/coco", "catalogs/voc")
    )
    steps, per_epoch = length(settings, 1_281_167)
    assert (steps, per_epoch) == (epochs * 1251, 1251)
    course = Schedule(settings.optim, batch_size=1024, steps=steps, per_epoch=per_epoch)
    assert course(0) == course(1250) == pytest.approx(0.06)  # as published, no scaling, no warm-up
    assert course(steps // 2) == pytest.approx(0.03, rel=0.01)
    contrast = settings.contrast
    assert (contrast.queue, contrast.temperature, contrast.momentum, contrast.shuffle) == (65536, 0.2, 0.999, 8)
    assert (settings.model.backbone, settings.model.head, settings.model.dim) == ("resnet50", "4conv1fc", 128)
    assert (settings.cpj.jitter, settings.cpj.min_iou, settings.cpj.photometric) == (0.2, 0.6, "separate")


@pytest.mark.parametrize(
    ("name", "epochs", "query", "key"),
    [
        ("table2_imagenet_vs_coco_200ep", 200, ["imagenet"], ["coco"]),
        ("table2_imagenet_coco_200ep", 200, ["imagenet", "coco"], ["imagenet", "coco"]),
        ("table2_all_200ep", 200, ["imagenet", "coco", "voc"], ["imagenet", "coco", "voc"]),
        ("table2_imagenet_vs_all_400ep", 400, ["imagenet"], ["imagenet", "coco", "voc"]),
        ("table2_all_400ep", 400, ["imagenet", "coco", "voc"], ["imagenet", "coco", "voc"]),
    ],
)
def test_the_rows_of_table_2(name: str, epochs: int, query: list[str], key: list[str]) -> None:
    settings = load(name)
    assert settings.epochs == epochs
    assert list(settings.backgrounds.query) == [f"catalogs/{one}" for one in query]
    assert list(settings.backgrounds.key) == [f"catalogs/{one}" for one in key]
