from __future__ import annotations

from pathlib import Path
from urllib.error import URLError

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn

from codo.errors import InputError
from codo.models.encoder import Encoder, ModelSettings
from codo.models.weights import read_tensors, rename

SLIM = {"backbone": "resnet18", "width": 0.125, "fpn_channels": 8, "head": "1conv1fc", "head_dim": 16, "dim": 8}


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


def test_a_detector_of_torchvision_gives_its_trunk() -> None:
    with torch.device("meta"):
        detector = torchvision.models.detection.maskrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None)
        encoder = Encoder(ModelSettings())
    renamed = rename(encoder.state_dict(), detector.state_dict())
    trunk = [n for n in encoder.state_dict() if not n.startswith("projection") and "num_batches" not in n]
    assert all(renamed[name].shape == encoder.state_dict()[name].shape for name in trunk)


def test_a_classifier_gives_its_backbone_only(tmp_path: Path) -> None:
    classifier = torchvision.models.resnet18()
    torch.save(classifier.state_dict(), tmp_path / "resnet18.pth")
    encoder = Encoder(ModelSettings(**{**SLIM, "width": 1.0}, init=str(tmp_path / "resnet18.pth")))
    assert torch.equal(encoder.backbone.layer4[1].conv2.weight, classifier.layer4[1].conv2.weight)
    assert encoder.load_report.unexpected == ("backbone.fc.weight", "backbone.fc.bias")
    assert encoder.load_report.counts()["fpn"][0] == 0


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    torch.save(torchvision.models.resnet18().state_dict(), tmp_path / "wide.pth")
    with pytest.raises(InputError, match=r"tensors of the backbone match .*is 64x64x3x3, not 8x64x3x3"):
        slim(tmp_path / "wide.pth")
    torch.save(slim().state_dict(), tmp_path / "short.pth")
    with pytest.raises(InputError, match="tensors of the backbone match"):
        Encoder(ModelSettings(**{**SLIM, "backbone": "resnet34"}, init=str(tmp_path / "short.pth")))
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match="only 0 of"):
        slim(tmp_path / "other.pth")


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("exploded"),))


def test_files_that_are_no_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="no such weight file"):
        read_tensors(tmp_path / "absent.pth")
    (tmp_path / "text.pth").write_text("hello")
    (tmp_path / "text.safetensors").write_text("hello")
    torch.save({"weights": Bomb()}, tmp_path / "bomb.pth")
    for name in ("text.pth", "text.safetensors", "bomb.pth"):
        with pytest.raises(InputError, match="cannot read the weight file"):
            read_tensors(tmp_path / name)
    assert not (tmp_path / "exploded").exists()


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
