from __future__ import annotations

import errno
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn

from codo.core.errors import InputError
from codo.models.encoder import Encoder, ModelSettings
from codo.models.key_maps import LAYOUTS
from codo.models.weights import load, recognize

SLIM = {
    "backbone": "resnet18",
    "width": 0.125,
    "fpn_channels": 8,
    "head": "1conv1fc",
    "head_dim": 16,
    "embedding_dim": 8,
}


def slim(init: str | Path = "none") -> Encoder:
    return Encoder(ModelSettings(**SLIM, init=str(init)))


def same(ours: dict[str, Tensor], theirs: dict[str, Tensor], component: str) -> bool:
    names = [n for n in ours if n.startswith(f"{component}.") and not n.endswith("num_batches_tracked")]
    return all(torch.equal(ours[n], theirs[n]) for n in names)


@pytest.mark.parametrize("prefix", ["", "module.", "method.query."])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_an_encoder_starts_from_another_one(prefix: str, suffix: str, tmp_path: Path) -> None:
    old = slim()
    file = tmp_path / f"weights{suffix}"
    tensors = {prefix + name: tensor.contiguous() for name, tensor in old.state_dict().items()}
    if suffix == ".pth":
        torch.save(tensors, file)
    else:
        save_file(tensors, file)
    new = slim(file)
    for component in ("backbone", "fpn", "box_head", "projection"):
        assert same(new.state_dict(), old.state_dict(), component)
    report = new.load_report
    assert report is not None
    assert [*report.missing, *report.unexpected, *report.mismatched] == []


NAMED = ["codo", "torchvision", "torchvision_0.12", "detectron2", "detectron2_short", "mmdet"]
OLD = ("torchvision_0.12", "2conv1fc")  # a pyramid with norm, which torchvision did not have then


@pytest.mark.parametrize(
    ("layout", "head"),
    [(layout, head) for layout in NAMED for head in ("2conv1fc", "2fc") if (layout, head) != OLD],
)
@pytest.mark.parametrize("prefix", ["", "model."])
def test_every_layout_is_recognized_and_gives_the_whole_trunk(layout: str, head: str, prefix: str) -> None:
    old, new = (Encoder(ModelSettings(**{**SLIM, "head": head})) for _ in range(2))
    named = {LAYOUTS[layout].foreign(name): tensor for name, tensor in old.state_dict().items()}
    source = {prefix + name: tensor for name, tensor in named.items() if name is not None}
    report = load(new, {**source, f"{prefix}rpn.conv.weight": torch.zeros(1)}, where="here")
    for component in ("backbone", "fpn", "box_head"):
        assert same(new.state_dict(), old.state_dict(), component)
    assert report.source == LAYOUTS[layout].title + (f" behind '{prefix}'" if prefix else "")
    assert f"read as: {report.source}" in report.table()
    assert report.unexpected == ("rpn.conv.weight",)
    assert ("stays random: projection" in report.table()) == (layout != "codo")


def test_a_checkpoint_gives_its_query_encoder(tmp_path: Path) -> None:
    query, key = slim(), slim()
    optimizer = torch.optim.SGD(query.parameters(), 0.1, momentum=0.9)
    sum(p.sum() for p in query.parameters()).backward()
    optimizer.step()
    method = nn.ModuleDict({"query": query, "key": key})
    torch.save({"step": 3, "method": method.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "c.pt")
    new = slim(tmp_path / "c.pt")
    assert same(new.state_dict(), query.state_dict(), "backbone")
    assert same(new.state_dict(), query.state_dict(), "projection")


@pytest.mark.parametrize(
    ("query", "key"),
    [("module.encoder_q.", "module.encoder_k."), ("query.", "key."), ("student.", "teacher."), ("", "ema.")],
)
@pytest.mark.parametrize("key_first", [False, True])
def test_the_encoder_that_is_trained_goes_before_its_momentum_copy(query: str, key: str, key_first: bool) -> None:
    """MoCo's checkpoints, and others', whichever of the two stands first."""
    trained, copy = torchvision.models.resnet18(), torchvision.models.resnet18()
    files = [
        {query + n: t for n, t in trained.state_dict().items()},
        {key + n: t for n, t in copy.state_dict().items()},
    ]
    tensors = {**files[key_first], **files[not key_first], "module.queue": torch.zeros(2, 3)}
    source = {f"state_dict.{name}": tensor for name, tensor in tensors.items()}
    encoder = Encoder(ModelSettings(**{**SLIM, "width": 1.0}))
    report = load(encoder, source, where="here")
    assert torch.equal(encoder.backbone.layer3[1].conv1.weight, trained.layer3[1].conv1.weight)
    assert report.source == f"torchvision or timm ResNet behind 'state_dict.{query}'"
    assert "stays random: fpn, box_head, projection" in report.table()


def tensors_of(prefixes: dict[str, str]) -> tuple[dict[str, Tensor], dict[str, Encoder]]:
    """The backbones of several encoders in one file, each behind its prefix."""
    encoders = {name: slim() for name in prefixes}
    parts = {name: encoder.backbone.state_dict() for name, encoder in encoders.items()}
    return {prefixes[name] + key: tensor for name, part in parts.items() for key, tensor in part.items()}, encoders


@pytest.mark.parametrize(
    ("taken", "other", "why"),
    [
        ("state_dict.student.backbone.", "state_dict.teacher.backbone.", "the trained encoder"),  # DINO, Lightning
        ("student.module.backbone.", "teacher.backbone.", "the trained encoder"),  # DINO's own
        ("state_dict.backbone.", "state_dict.momentum_backbone.", "the trained encoder"),  # solo-learn
        ("state_dict.module.encoder_q.", "state_dict.module.encoder_k.", "the trained encoder"),  # MoCo
        ("state_dict.backbone.", "state_dict.encoder_k.module.0.", "the trained encoder"),  # MMSelfSup
        ("state_dict.net.", "current_model_state.net.", "the first one"),  # Lightning's EMAWeightAveraging
    ],
)
def test_several_encoders_in_a_file_are_told(taken: str, other: str, why: str) -> None:
    source, encoders = tensors_of({"taken": taken, "other": other})
    new = slim()
    report = load(new, source, where="a")
    assert same(new.state_dict(), encoders["taken"].state_dict(), "backbone")
    assert f"behind '{other.removesuffix('backbone.')}" in report.note
    assert f"{why} was taken" in report.note


@pytest.mark.parametrize("prefix", ["state_dict.model.", "classy_state_dict.base_model.model.trunk._feature_blocks."])
def test_one_encoder_needs_no_choice(prefix: str) -> None:
    source, encoders = tensors_of({"only": prefix})
    new = slim()
    assert load(new, source, where="a").note == ""
    assert same(new.state_dict(), encoders["only"].state_dict(), "backbone")


def test_wrappers_inside_of_a_model_do_not_matter() -> None:
    """Lightning keeps the names that torch.compile and FSDP give to a layer that they wrap."""
    source, encoders = tensors_of({"only": "state_dict.net._orig_mod."})
    for stage, wrapper in (("layer1", "_orig_mod"), ("layer2.0", "_fsdp_wrapped_module._checkpoint_wrapped_module")):
        source = {name.replace(f".{stage}.", f".{stage}.{wrapper}."): tensor for name, tensor in source.items()}
    new = slim()
    assert "behind 'state_dict.net.'" in load(new, source, where="a").source
    assert same(new.state_dict(), encoders["only"].state_dict(), "backbone")


def test_another_width_names_both_shapes() -> None:
    source, _ = tensors_of({"only": "state_dict.net."})
    wide = Encoder(ModelSettings(**{**SLIM, "width": 0.25}))
    with pytest.raises(InputError, match=r"is 8x64x3x3, not 16x64x3x3\)"):
        load(wide, source, where="a")


def test_statistics_without_a_counter_are_enough() -> None:
    """Detectron2's FrozenBatchNorm2d and old files have no num_batches_tracked."""
    old, new = slim(), slim()
    source = {str(LAYOUTS["detectron2"].foreign(n)): t for n, t in old.state_dict().items() if "num_batches" not in n}
    report = load(new, source, where="here")
    assert same(new.state_dict(), old.state_dict(), "backbone")
    assert report.note == ""


def test_a_pyramid_or_head_of_another_kind_is_refused_by_its_names() -> None:
    """The file has both, so leaving ours random would be a surprise."""
    old = Encoder(ModelSettings(**{**SLIM, "head": "2fc"}))
    source = {str(LAYOUTS["torchvision"].foreign(n)): t for n, t in old.state_dict().items()}
    with pytest.raises(
        InputError, match=r"tensors of the fpn match \(fpn.inner_blocks.0.1.weight is missing"
    ) as caught:
        load(slim(), source, where="weights=f.pth")
    assert caught.value.where == "weights=f.pth, read as torchvision detector"
    assert "fpn_norm" in caught.value.fix
    normless = Encoder(ModelSettings(**{**SLIM, "fpn_norm": "none"}))
    with pytest.raises(InputError, match=r"only 0 of 7 tensors of the box_head .* the file has roi_heads.box_head.fc"):
        load(normless, source, where="weights=f.pth")


def test_a_retinanet_gives_its_backbone_for_its_pyramid_has_no_p2() -> None:
    with torch.device("meta"):
        detector = torchvision.models.detection.retinanet_resnet50_fpn_v2(weights=None, weights_backbone=None)
        encoder = Encoder(ModelSettings(head="2fc"))
    found = recognize(encoder.state_dict(), detector.state_dict())
    assert str(found) == "torchvision RetinaNet or FCOS"
    assert {name.split(".")[0] for name in found.tensors} == {"backbone", "head"}
    assert not any(name in encoder.state_dict() for name in found.tensors if "fpn" in name)
    backbone = [n for n in encoder.state_dict() if n.startswith("backbone.") and "num_batches" not in n]
    assert all(found.tensors[name].shape == encoder.state_dict()[name].shape for name in backbone)


def test_a_projection_of_another_size_stays_random_as_a_whole() -> None:
    old, new = Encoder(ModelSettings(**{**SLIM, "embedding_dim": 4})), slim()
    before = {name: tensor.clone() for name, tensor in new.projection.state_dict().items()}
    load(new, old.state_dict(), where="here")
    assert same(new.state_dict(), old.state_dict(), "box_head")
    assert all(torch.equal(tensor, before[name]) for name, tensor in new.projection.state_dict().items())


def test_weights_of_caffe2_are_called_by_name() -> None:
    with pytest.raises(InputError, match="they hold conv1_w, res_conv1_bn_s") as caught:
        load(slim(), {"conv1_w": torch.zeros(64, 3, 7, 7), "res_conv1_bn_s": torch.zeros(64)}, where="here")
    assert "Caffe2" in caught.value.fix


def test_a_detector_of_torchvision_gives_its_trunk() -> None:
    with torch.device("meta"):
        detector = torchvision.models.detection.maskrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None)
        encoder = Encoder(ModelSettings())
    renamed = recognize(encoder.state_dict(), detector.state_dict()).tensors
    trunk = [n for n in encoder.state_dict() if not n.startswith("projection") and "num_batches" not in n]
    assert all(renamed[name].shape == encoder.state_dict()[name].shape for name in trunk)


def test_a_classifier_gives_its_backbone_only(tmp_path: Path) -> None:
    classifier = torchvision.models.resnet18()
    torch.save(classifier.state_dict(), tmp_path / "resnet18.pth")
    encoder = Encoder(ModelSettings(**{**SLIM, "width": 1.0}, init=str(tmp_path / "resnet18.pth")))
    assert torch.equal(encoder.backbone.layer4[1].conv2.weight, classifier.layer4[1].conv2.weight)
    assert encoder.load_report.unexpected == ("fc.weight", "fc.bias")
    assert encoder.load_report.counts()["fpn"][0] == 0


@pytest.mark.parametrize("prefix", ["", "backbone.", "state_dict.model.0."])
@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_a_sequential_of_torchvisions_children_gives_its_backbone(name: str, prefix: str) -> None:
    """As Lightly and fastai save it; two numbers stand for layers without tensors."""
    network = torchvision.models.get_model(name)
    saved = nn.Sequential(*list(network.children())[:-2]).state_dict()
    momentum = {f"backbone_momentum.{key}": torch.zeros_like(tensor) for key, tensor in saved.items()}
    new = Encoder(ModelSettings(backbone=name, fpn_channels=8, head="1conv1fc", head_dim=16))
    report = load(new, {**momentum, **{prefix + key: tensor for key, tensor in saved.items()}}, where="here")
    assert report.source.startswith("nn.Sequential of a ResNet")
    assert report.counts()["backbone"][1:] == (0, 0, 0)
    assert same(new.state_dict(), {f"backbone.{key}": t for key, t in network.state_dict().items()}, "backbone")
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(new.eval().backbone(image)[-1], nn.Sequential(*list(network.children())[:-2]).eval()(image))


def test_a_sequential_of_another_resnet_names_the_setting() -> None:
    saved = nn.Sequential(*list(torchvision.models.resnet18().children())[:-1]).state_dict()
    with pytest.raises(InputError) as caught:
        load(Encoder(ModelSettings(backbone="resnet34")), saved, where="here")
    assert "of the backbone match" in caught.value.what
    assert "model.backbone=resnet18" in caught.value.fix


def test_a_sequential_of_something_else_is_no_resnet() -> None:
    for network in (torchvision.models.vgg11(), nn.Sequential(nn.Conv2d(3, 64, 7), nn.BatchNorm2d(64))):
        with pytest.raises(InputError, match="no backbone like the model's in the weights"):
            load(slim(), network.state_dict(), where="here")


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    torch.save(torchvision.models.resnet18().state_dict(), tmp_path / "wide.pth")
    with pytest.raises(InputError, match=r"tensors of the backbone match .*is 64x64x3x3, not 8x64x3x3"):
        slim(tmp_path / "wide.pth")
    torch.save(slim().state_dict(), tmp_path / "short.pth")
    with pytest.raises(InputError, match="tensors of the backbone match"):
        Encoder(ModelSettings(**{**SLIM, "backbone": "resnet34"}, init=str(tmp_path / "short.pth")))
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match=r"no backbone like the model's .*hold a\)"):
        slim(tmp_path / "other.pth")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_of_a_run_that_diverged_are_refused(value: float) -> None:
    old, new = slim(), slim()
    source = {f"model.{name}": tensor.clone() for name, tensor in old.state_dict().items()}
    source["model.fpn.inner_blocks.0.0.weight"][0] = value
    before = {name: tensor.clone() for name, tensor in new.state_dict().items()}
    with pytest.raises(InputError, match=r"model\.fpn\.inner_blocks\.0\.0\.weight is not finite"):
        load(new, source, where="here")
    assert all(torch.equal(tensor, before[name]) for name, tensor in new.state_dict().items())


def test_imagenet_weights_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = torchvision.models.resnet18()
    enum = type(torchvision.models.ResNet18_Weights.IMAGENET1K_V1)
    monkeypatch.setattr(enum, "get_state_dict", lambda *_, **__: classifier.state_dict())
    encoder = Encoder(ModelSettings(**{**SLIM, "width": 1.0}, init="imagenet"))
    assert torch.equal(encoder.backbone.conv1.weight, classifier.conv1.weight)


def test_a_failed_download_tells_where_the_file_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object, **__: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr(type(torchvision.models.ResNet18_Weights.IMAGENET1K_V1), "get_state_dict", offline)
    with pytest.raises(InputError, match=r"(?s)no network.*resnet18-\w+\.pth.*model.init=FILE"):
        Encoder(ModelSettings(**{**SLIM, "width": 1.0}, init="imagenet"))


def test_weights_that_cannot_be_kept_name_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container with a read-only home."""

    def unwritable(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", "/home/torch")

    monkeypatch.setattr(type(torchvision.models.ResNet18_Weights.IMAGENET1K_V1), "get_state_dict", unwritable)
    with pytest.raises(InputError, match="Read-only file system: '/home/torch'") as caught:
        Encoder(ModelSettings(**{**SLIM, "width": 1.0}, init="imagenet"))
    assert len(caught.value.lines()) == 3
    assert "TORCH_HOME" in caught.value.fix
