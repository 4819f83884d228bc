"""The weights that a detector starts from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from codo.core.config import resolve
from codo.core.errors import InputError
from codo.core.run import Run, start_run
from codo.detection.detector import Detector, DetectorSettings
from codo.detection.evaluate import evaluate
from codo.detection.finetune import finetune
from codo.detection.load_pretrained import architecture, load_weights, resumed_architecture
from codo.methods.registry import build_method
from codo.models.encoder import Encoder, ModelSettings
from codo.training import checkpoint
from codo.training.pretrain_settings import PretrainSettings, method_setup
from tests.annotations.synthetic import TINY
from tests.conftest import MakeData
from tests.detection.test_finetune import QUICK

MODEL = ModelSettings(**TINY["model"])


def detector(seed: int = 0) -> Detector:
    torch.manual_seed(seed)
    return Detector(MODEL, DetectorSettings(**TINY["detector"]), classes=2, masks=True)


@pytest.fixture
def encoder() -> Encoder:
    torch.manual_seed(7)
    return Encoder(MODEL)


@pytest.fixture
def pretrained(tmp_path: Path) -> Path:
    """A pretraining run with one checkpoint."""
    out = tmp_path / "pretrained"
    given = {"foregrounds": "a", "backgrounds": ["a"], "out": str(out), "steps": 1, "model": TINY["model"]}
    settings = resolve(PretrainSettings, None, {**given, "contrast.queue": 8, "contrast.bn_groups": 0})
    torch.manual_seed(7)
    method = build_method("codo", method_setup(settings))
    run = start_run(out, settings.model_dump(mode="json"), "pretrain")
    checkpoint.save(run, 1, {"method": method.state_dict()}, keep=1)
    run.unlock()
    return out


def trunk(source: Detector | Encoder) -> dict[str, torch.Tensor]:
    if isinstance(source, Encoder):
        modules = {"backbone": source.backbone, "fpn": source.fpn, "box_head": source.box_head}
    else:
        modules = source.exports()
    return torch.nn.ModuleDict(modules).state_dict()


def assert_equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_none_leaves_the_detector_alone() -> None:
    made = detector()
    before = {name: tensor.clone() for name, tensor in made.state_dict().items()}
    assert load_weights(made, "none", MODEL) is None
    assert_equal(before, made.state_dict())


@pytest.mark.parametrize("kind", ["pt", "safetensors", "torchvision"])
def test_a_file_brings_the_whole_trunk(kind: str, encoder: Encoder, tmp_path: Path) -> None:
    path = tmp_path / f"weights.{kind}"
    tensors = trunk(encoder)
    if kind == "safetensors":
        save_file(tensors, path)
    elif kind == "pt":
        torch.save({"state_dict": encoder.state_dict()}, path)
    else:
        names = {"backbone": "backbone.body", "fpn": "backbone.fpn", "box_head": "roi_heads.box_head"}
        torch.save({names[n.split(".")[0]] + "." + n.split(".", 1)[1]: t for n, t in tensors.items()}, path)
    made = detector()
    heads = made.detector.rpn.state_dict()
    report = load_weights(made, str(path), MODEL)
    assert report is not None
    assert not report.missing
    assert_equal(trunk(made), tensors)
    assert_equal(made.detector.rpn.state_dict(), heads)


def test_a_backbone_alone_leaves_the_rest_random(encoder: Encoder, tmp_path: Path) -> None:
    torch.save(encoder.backbone.state_dict(), tmp_path / "backbone.pth")
    made = detector()
    head = {n: t.clone() for n, t in made.exports()["box_head"].state_dict().items()}
    report = load_weights(made, str(tmp_path / "backbone.pth"), MODEL)
    assert report is not None
    assert report.counts()["fpn"][:2] == (0, report.counts()["fpn"][1])
    assert_equal(made.exports()["backbone"].state_dict(), encoder.backbone.state_dict())
    assert_equal(made.exports()["box_head"].state_dict(), head)


def test_a_part_that_fits_only_partly_is_refused(encoder: Encoder, tmp_path: Path) -> None:
    tensors = trunk(encoder)
    del tensors["box_head.4.weight" if "box_head.4.weight" in tensors else next(n for n in tensors if "box_head" in n)]
    torch.save(tensors, tmp_path / "torn.pth")
    with pytest.raises(InputError, match="tensors of the box_head match"):
        load_weights(detector(), str(tmp_path / "torn.pth"), MODEL)


@pytest.mark.parametrize("parts", [("backbone",), ("fpn", "box_head"), ("backbone", "box_head")])
def test_only_the_requested_parts_are_taken(parts: tuple[str, ...], pretrained: Path, tmp_path: Path) -> None:
    torch.manual_seed(7)
    encoder = Encoder(MODEL)
    torch.save(trunk(encoder), tmp_path / "trunk.pth")
    for source in (pretrained, tmp_path / "trunk.pth"):
        made, untouched = detector(), trunk(detector())
        report = load_weights(made, str(source), MODEL, parts=parts)
        taken = trunk(encoder)
        expected = {name: (taken if name.split(".")[0] in parts else untouched)[name] for name in taken}
        assert_equal(trunk(made), expected)
        assert report is not None
        left = [part for part in ("backbone", "fpn", "box_head") if part not in parts]
        assert list(report.left_out) == left
        assert {name.split(".")[0] for name in report.matched} - {"projection"} == set(parts)
        told = ", ".join(f"{part} ({report.left_out[part]} tensors)" for part in left)
        assert f"left out on request, stays random: {told}" in report.table()


def test_other_parts_of_the_weights_need_not_fit(encoder: Encoder, tmp_path: Path) -> None:
    tensors = trunk(encoder)
    torch.save(
        {n: t.flatten()[:1] if n.startswith(("fpn.", "box_head.")) else t for n, t in tensors.items()},
        tmp_path / "a.pth",
    )
    with pytest.raises(InputError, match="tensors of the fpn match"):
        load_weights(detector(), str(tmp_path / "a.pth"), MODEL, parts=("backbone", "fpn"))
    made = detector()
    report = load_weights(made, str(tmp_path / "a.pth"), MODEL, parts=("backbone",))
    assert report is not None
    assert torch.equal(trunk(made)["backbone.conv1.weight"], tensors["backbone.conv1.weight"])


def test_a_file_of_the_backbone_alone_leaves_pyramid_and_head_to_the_recipe(encoder: Encoder, tmp_path: Path) -> None:
    record = {"model": MODEL.model_dump_json()}
    other = MODEL.model_copy(update={"fpn_channels": 24, "width": 2 * MODEL.width})
    tensors = {name: tensor.contiguous() for name, tensor in trunk(encoder).items()}
    save_file(tensors, tmp_path / "trunk.safetensors", metadata=record)
    backbone = {name: tensor for name, tensor in tensors.items() if name.startswith("backbone.")}
    save_file(backbone, tmp_path / "backbone.safetensors", metadata=record)
    for name, channels in (("trunk", MODEL.fpn_channels), ("backbone", 24)):
        found = architecture(str(tmp_path / f"{name}.safetensors"), other, {})
        assert (found.width, found.fpn_channels) == (MODEL.width, channels)


def test_a_run_is_resumed_without_the_weights_that_it_started_from(tmp_path: Path) -> None:
    weights = tmp_path / "moved.safetensors"
    run = start_run(tmp_path / "run", {"weights": str(weights), "model": MODEL.model_dump(mode="json")}, "finetune")
    run.unlock()
    assert resumed_architecture(str(weights), str(run.path), MODEL, {}) == MODEL
    other = MODEL.model_copy(update={"width": 4.0})
    assert resumed_architecture(str(weights), str(run.path), other, {}) == MODEL  # that of a recipe
    assert resumed_architecture(str(weights), str(run.path), other, {"width": 4.0}) is None  # refused later
    assert resumed_architecture(str(tmp_path / "other.pth"), str(run.path), MODEL, {}) is None
    assert resumed_architecture(str(weights), str(tmp_path), MODEL, {}) is None


def test_parts_that_the_weights_lack_are_refused(encoder: Encoder, tmp_path: Path) -> None:
    torch.save(encoder.backbone.state_dict(), tmp_path / "backbone.pth")
    made = detector()
    before = {name: tensor.clone() for name, tensor in trunk(made).items()}
    with pytest.raises(InputError) as caught:
        load_weights(made, str(tmp_path / "backbone.pth"), MODEL, parts=("backbone", "fpn"))
    assert caught.value.lines() == [
        "the weights have no fpn",
        f"  where: parts=[backbone,fpn], weights={tmp_path / 'backbone.pth'}",
        "  fix:   choose from those that they have: backbone",
    ]
    assert_equal(trunk(made), before)


def test_parts_that_imagenet_weights_lack_are_refused(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codo.models.weights._imagenet", lambda name: encoder.backbone.state_dict())
    with pytest.raises(InputError, match="the weights have no box_head") as caught:
        load_weights(detector(), "imagenet", MODEL, parts=("box_head",))
    assert caught.value.where == "parts=[box_head], weights=imagenet"


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    wider = ModelSettings(**{**TINY["model"], "width": 0.5})
    torch.save(trunk(Encoder(wider)), tmp_path / "wide.pth")
    with pytest.raises(InputError, match="tensors of the backbone match") as caught:
        load_weights(detector(), str(tmp_path / "wide.pth"), MODEL)
    assert "wide.pth" in caught.value.where


def test_imagenet_weights_go_into_the_backbone(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codo.models.weights._imagenet", lambda name: encoder.backbone.state_dict())
    made = detector()
    assert load_weights(made, "imagenet", MODEL) is not None
    assert_equal(made.exports()["backbone"].state_dict(), encoder.backbone.state_dict())


def test_imagenet_weights_that_cannot_be_had_are_told_of_in_the_words_of_this_verb(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def offline(name: str) -> None:
        raise InputError("cannot download", where="model.init=imagenet", fix="download it and set model.init=FILE")

    monkeypatch.setattr("codo.models.weights._imagenet", offline)
    with pytest.raises(InputError) as caught:
        load_weights(detector(), "imagenet", MODEL)
    assert caught.value.lines()[1:] == ["  where: weights=imagenet", "  fix:   download it and set weights=FILE"]


def test_a_missing_file_is_refused() -> None:
    with pytest.raises(InputError, match="no such weight file"):
        load_weights(detector(), "nowhere.pth", MODEL)


def test_a_pretraining_run_brings_its_query_encoder(pretrained: Path) -> None:
    made = detector()
    report = load_weights(made, str(pretrained), MODEL)
    assert report is not None
    assert not report.missing
    torch.manual_seed(7)
    assert_equal(trunk(made), trunk(Encoder(MODEL)))


def test_the_trunk_of_a_run_goes_before_that_of_a_recipe_but_not_against_the_command(pretrained: Path) -> None:
    recipe = ModelSettings(backbone="resnet50")
    recorded = MODEL.normalized_for("none")  # what was trained before mean and std were recorded had ImageNet's
    assert architecture(str(pretrained), recipe, {}) == recorded
    assert architecture("none", recipe, {}) == recipe
    agreeing = recipe.model_copy(update={"width": 0.25, "embedding_dim": 3})  # dim is no part of a detector
    assert architecture(str(pretrained), agreeing, {"width": 0.25, "embedding_dim": 3}) == recorded
    with pytest.raises(InputError, match=r"model\.width=1\.0, but the weights were trained with 0\.25"):
        architecture(str(pretrained), recipe, {"width": 1.0})


def truncate_newest(run: Run) -> None:
    path = run.checkpoints()[-1]
    path.write_bytes(path.read_bytes()[:5000])


def test_a_damaged_newest_checkpoint_is_told_in_the_log_and_by_evaluate(
    pretrained: Path, make_data: MakeData, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The weights are then those of the checkpoint before, and the user knows."""
    state = checkpoint.load(Run(pretrained).checkpoints()[0])
    checkpoint.save(Run(pretrained), 2, {"method": state["method"]}, keep=2)
    truncate_newest(Run(pretrained))
    settings = {**QUICK, "data": make_data(images=2), "weights": str(pretrained), "out": tmp_path / "detector"}
    run = finetune(None, **{**settings, "device": "cpu", "batch_size": 2, "steps": 2, "checkpoint_every": 1})
    said = (run.path / "train.log").read_text()
    assert "WARNING the checkpoint is damaged" in said
    assert "using step-00000001.pt instead" in said
    truncate_newest(run)
    caplog.clear()
    evaluate(run, device="cpu", workers=0)
    assert [
        (record.levelname, "using step-00000001.pt instead" in record.message)
        for record in caplog.records
        if "is damaged:" in record.message
    ] == [("WARNING", True)]
