"""Every shipped recipe loads, and says what the paper says."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from codo.comparison.compare_settings import CompareSettings
from codo.comparison.pretraining import pretrain_settings
from codo.core.config import differences, parse_assignments, read_recipe, resolve, shipped_recipes
from codo.detection.finetune import FinetuneSettings
from codo.methods.registry import METHODS, find_method
from codo.optim.optimizer import Schedule
from codo.training.pretrain_settings import PretrainSettings, length, with_absolute_paths

FINETUNE = [name for name in shipped_recipes() if "finetune" in name or "rcnn" in name]
COMPARE = [name for name in shipped_recipes() if "inits" in read_recipe(name)]
PRETRAIN = [name for name in shipped_recipes() if name not in (*FINETUNE, *COMPARE)]
# What a user adds to a recipe that leaves it open.
GIVEN = {"foregrounds": "photos", "backgrounds": ["photos"], "out": "run"}


def load(name: str) -> PretrainSettings:
    values = read_recipe(name)
    given = {key: value for key, value in GIVEN.items() if key not in values}
    if not find_method(values.get("method", "codo")).needs_backgrounds:
        del given["backgrounds"]
    return resolve(PretrainSettings, name, given)


@pytest.mark.parametrize("name", PRETRAIN)
def test_pretraining_recipes_load(name: str) -> None:
    settings = load(name)
    assert length(settings, 1_281_167)[0] > 0
    assert settings.batch_size % max(1, settings.contrast.bn_groups) == 0


@pytest.mark.parametrize("name", FINETUNE)
def test_finetuning_recipes_load(name: str) -> None:
    resolve(FinetuneSettings, name, {"data": "labeled", "out": "run"})


@pytest.mark.parametrize("name", COMPARE)
def test_every_pretraining_of_a_comparison_loads(name: str) -> None:
    pools = {pool: pool for pool in ("images", "scenes", "more", "labeled", "pictures", "imagenet", "coco", "voc")}
    settings = resolve(CompareSettings, name, {"data": "labeled", "out": "out", "pools": pools})
    inits = [init for init, source in settings.inits.items() if not isinstance(source, str)]
    own = [pretrain_settings(settings, init, 0) for init in inits]
    assert len(inits) >= 4
    trunks = {(one.model.backbone, one.model.width, one.model.fpn_channels, one.model.head) for one in own}
    assert len(trunks) == 1
    if name.endswith("laptop") and "table2" not in name:  # at equal samples seen
        assert len({(one.steps, one.batch_size, one.canvas) for one in own}) == 1


@pytest.mark.parametrize("name", ["table2", "table2_laptop"])
def test_the_rows_of_table_2_as_a_comparison(name: str) -> None:
    """Pools, epochs and everything else of the five rows are those of the single recipes."""
    pools = {"images": "catalogs/imagenet", "scenes": "catalogs/coco", "more": "catalogs/voc"}
    settings = resolve(CompareSettings, name, {"data": "labeled", "out": "out", "pools": pools})
    rows = {init: pretrain_settings(settings, init, 0) for init in settings.inits}
    single = ("imagenet_vs_coco_200ep", "imagenet_coco_200ep", "all_200ep", "imagenet_vs_all_400ep", "all_400ep")
    for one, recipe in zip(rows.values(), single, strict=True):
        alone = with_absolute_paths(load(f"table2_{recipe}").model_copy(update={"out": one.out}))
        assert one.backgrounds == alone.backgrounds
        assert one == alone or name == "table2_laptop"


def test_ablations_change_one_thing_each() -> None:
    settings = resolve(CompareSettings, "ablations", {"data": "labeled", "out": "out"})
    rows = {init: pretrain_settings(settings, init, 0).model_dump(mode="json") for init in settings.inits}
    changed = {init: differences(rows["codo"], row, ignore=["out"]) for init, row in rows.items()}
    assert changed.pop("codo") == []
    assert {init: len(found) for init, found in changed.items()} == dict.fromkeys(changed, 1)
    assert changed["no_jitter"] == ["cpj.jitter: 0.2 -> 0.0"]
    assert changed["no_shuffle"] == ["contrast.bn_groups: 8 -> 0"]
    assert changed["only_P5"] == ["options.levels: ['P2', 'P3', 'P4', 'P5'] -> ['P5']"]


def test_short_runs_are_the_rows_of_the_lab_log() -> None:
    """Each differs from plain end-to-end keys in what its name says, and all have a probe on the labeled boxes."""
    pools = {"images": "photos", "scenes": "scenes", "labeled": "labeled"}
    settings = resolve(CompareSettings, "short_runs", {"data": "labeled", "out": "out", "pools": pools})
    inits = [init for init in settings.inits if init != "random"]
    pretrained = {init: pretrain_settings(settings, init, 0) for init in inits}
    rows = {init: one.model_dump(mode="json") for init, one in pretrained.items()}
    changed = {init: set(differences(rows["end_to_end"], row, ignore=["out"])) for init, row in rows.items()}
    strong = changed["colors"]
    assert len(strong) == 5
    assert all(one.startswith("augment.") for one in strong)
    longer, pasted = {"steps: 400 -> 1600"}, changed["boxes"] - strong
    assert {one.split(":")[0] for one in pasted} == {"cpj.size", "cpj.jitter", "cpj.min_iou"}
    assert changed == {
        "momentum_2400": {
            "steps: 400 -> 2400",
            "contrast.keys: end_to_end -> momentum",
            "contrast.momentum: 0.999 -> auto",
        },
        "end_to_end_lr_0.12": {"optim.lr: 0.03 -> 0.12"},
        "end_to_end": set(),
        "end_to_end_1600": longer,
        "colors": strong,
        "colors_1600": strong | longer,
        "boxes": strong | pasted,
        "localization": strong | pasted | {"localization: 0.0 -> 1.0"},
        "localization_alone": strong | pasted | {"localization: 0.0 -> 1.0", "options.contrast_weight: 1.0 -> 0.0"},
        "localization_1600": strong | pasted | longer | {"localization: 0.0 -> 1.0"},
    }
    first = pretrained["end_to_end"]
    assert (first.contrast.negatives, first.cpj.size, first.augment.blur) == ("batch", (0.5, 1.0), 0)
    assert first.probe.data is not None
    assert str(first.probe.data.folder).endswith("labeled")
    assert (settings.seeds, settings.repeat_pretraining) == ((0, 1), False)


@pytest.mark.parametrize(
    ("name", "epochs", "views"), [("codo_200ep", 200, 2), ("codo_400ep", 400, 2), ("codo_m_400ep", 400, 4)]
)
def test_the_paper(name: str, epochs: int, views: int) -> None:
    """Section 4.2 and docs/method.md#at-a-glance."""
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
    assert (contrast.queue, contrast.temperature, contrast.momentum, contrast.bn_groups) == (65536, 0.2, 0.999, 8)
    assert (settings.model.backbone, settings.model.head, settings.model.embedding_dim) == ("resnet50", "4conv1fc", 128)
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


PROTOCOLS = {
    # steps, warm-up, drops: Detectron2's 1x and 2x of COCO and its VOC R50-FPN (docs/method.md#coco-finetuning)
    "coco_mask_rcnn_r50_fpn_1x": (90_000, 1000, (60_000, 80_000)),
    "coco_mask_rcnn_r50_fpn_2x": (180_000, 1000, (120_000, 160_000)),
    "voc_faster_rcnn_r50_fpn": (18_000, 100, (12_000, 16_000)),
}


def course_of(settings: FinetuneSettings) -> Schedule:
    assert settings.steps is not None
    return Schedule(
        settings.optim,
        batch_size=settings.batch_size,
        steps=settings.steps,
        per_epoch=1000,
        reference=settings.optim.reference_batch,
    )


@pytest.mark.parametrize("name", PROTOCOLS)
def test_learning_rates_of_the_detection_protocols(name: str) -> None:
    """Warm-up from a thousandth, 0.02, drops by ten to the step; computed by hand."""
    steps, warmup, (first, second) = PROTOCOLS[name]
    settings = resolve(FinetuneSettings, name, {"data": "d", "out": "o"})
    course = course_of(settings)
    assert settings.steps == steps
    by_hand = {
        0: 0.00002,
        1: 0.00002 + 0.01998 / warmup,
        warmup // 2: 0.01001,  # half-way between 0.00002 and 0.02
        warmup: 0.02,
        first - 1: 0.02,
        first: 0.002,
        second - 1: 0.002,
        second: 0.0002,
        steps - 1: 0.0002,
    }
    assert {step: course(step) for step in by_hand} == pytest.approx(by_hand, rel=1e-12)
    table_of_1x = {1: 0.00003998, 500: 0.01001, 999: 0.01998002, 59_999: 0.02, 60_000: 0.002, 79_999: 0.002}
    if name == "coco_mask_rcnn_r50_fpn_1x":  # once more as plain numbers
        assert {step: course(step) for step in table_of_1x} == pytest.approx(table_of_1x, rel=1e-12)
    last_of_warmup = {1000: 0.01998002, 100: 0.0198002}[warmup]
    assert course(warmup - 1) == pytest.approx(last_of_warmup, rel=1e-12)
    quarter = course_of(settings.model_copy(update={"batch_size": 4}))  # one GPU: the rule says 0.005
    assert [quarter(step) for step in (0, warmup, first, second)] == pytest.approx([5e-6, 5e-3, 5e-4, 5e-5], rel=1e-12)
    # As long in images, with a warm-up as long: what the recipe's comment says for one GPU.
    longer = {"steps": 4 * steps, "optim": settings.optim.model_copy(update={"warmup_steps": 4 * warmup})}
    as_long = course_of(settings.model_copy(update={"batch_size": 4, **longer}))
    four_times = (0, 4 * warmup, 4 * first - 1, 4 * first, 4 * second - 1, 4 * second)
    assert [as_long(step) for step in four_times] == pytest.approx([5e-6, 5e-3, 5e-3, 5e-4, 5e-4, 5e-5], rel=1e-12)


def test_the_rest_of_the_detection_protocols() -> None:
    once, twice, voc = (resolve(FinetuneSettings, name, {"data": "d", "out": "o"}) for name in PROTOCOLS)
    assert once.short_sides == twice.short_sides == (640, 672, 704, 736, 768, 800)
    assert voc.short_sides == (480, 512, 544, 576, 608, 640, 672, 704, 736, 768, 800)
    assert (once.masks, twice.masks, voc.masks) == (True, True, False)
    assert (once.learn_difficult, voc.learn_difficult) == (False, True)
    for settings in (once, twice, voc):
        assert (settings.batch_size, settings.max_size, settings.flip, settings.freeze) == (16, 1333, 0.5, 0)
        assert (settings.norm, settings.precise_bn, settings.early_stop) == ("auto", 200, None)
        assert (settings.model.backbone, settings.model.head) == ("resnet50", "4conv1fc")
        assert settings.model.pyramid_norm
        optim = settings.optim
        assert (optim.momentum, optim.nesterov, optim.weight_decay, optim.norm_weight_decay) == (0.9, False, 1e-4, 0)
        assert (settings.detector.score_threshold, settings.detector.detections) == (0.05, 100)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_a_recipe_of_its_own(name: str) -> None:
    assert name == "codo" or load(name).method == name


def test_adapt_freezes_the_backbone_as_its_comment_says() -> None:
    text = next(
        line for line in files("codo.recipes").joinpath("adapt.yaml").read_text().splitlines() if "freeze it" in line
    )
    given = [word.strip("'") for word in re.findall(r"'[^']+'|\S+=\S+", text.partition("freeze it: ")[2])]
    assert len(given) == 3
    settings = resolve(PretrainSettings, "adapt", GIVEN | parse_assignments([one.rstrip(".") for one in given]))
    assert (settings.model.freeze, settings.optim.lr_factors, settings.anchor.on) == (("backbone",), {}, False)
