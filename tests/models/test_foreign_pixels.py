"""What names and values of other tools' weights tell about their images."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import timm
import torch
from torch import Tensor
from torchvision.models import resnet18
from torchvision.ops import FrozenBatchNorm2d

from codo.core.errors import InputError
from codo.models.backbone import build_backbone
from codo.models.encoder import Encoder, ModelSettings
from codo.models.foreign_pixels import CAFFE, file_normalization, is_caffe, tensors_normalization
from codo.models.key_maps import LAYOUTS
from codo.models.normalization import Normalization, start_normalization
from codo.models.weights import load

LITE0 = "timm:efficientnet_lite0"
HALF = Normalization((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def tensorflow_names(seed: int = 0) -> tuple[dict[str, Tensor], torch.nn.Module]:
    """An EfficientNet-Lite0 of timm, and its tensors as TensorFlow orders and names them."""
    torch.manual_seed(seed)
    model = timm.create_model("efficientnet_lite0").eval()
    named: dict[str, Tensor] = {}
    blocks = [block for stage in model.blocks for block in stage]

    def add(name: str, module: torch.nn.Module) -> None:
        named.update({f"{name}.{leaf}": tensor for leaf, tensor in module.state_dict().items()})

    add("_conv_stem", model.conv_stem)
    add("_bn0", model.bn1)
    for index, block in enumerate(blocks):
        if index:
            names = ("_expand_conv", "_bn0", "_depthwise_conv", "_bn1", "_project_conv", "_bn2")
            modules = (block.conv_pw, block.bn1, block.conv_dw, block.bn2, block.conv_pwl, block.bn3)
        else:
            names = ("_depthwise_conv", "_bn1", "_project_conv", "_bn2")
            modules = (block.conv_dw, block.bn1, block.conv_pw, block.bn2)
        for name, module in zip(names, modules, strict=True):
            add(f"_blocks.{index}.{name}", module)
    add("_conv_head", model.conv_head)
    add("_bn1", model.bn2)
    add("_fc", model.classifier)
    return named, model


def test_tensorflows_efficientnet_lite_is_read_and_its_images_are_known(tmp_path: Path) -> None:
    named, model = tensorflow_names()
    torch.save({"state_dict": named}, tmp_path / "lite0.pth")
    assert file_normalization(tmp_path / "lite0.pth") == HALF
    assert start_normalization(str(tmp_path / "lite0.pth"), LITE0) == HALF  # timm's own for this model is ImageNet's
    small = {"fpn_channels": 8, "head": "2fc", "head_dim": 8}
    encoder = Encoder(ModelSettings(backbone=LITE0, init=str(tmp_path / "lite0.pth"), **small)).eval()
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        expected = model.forward_intermediates(images, intermediates_only=True)[-4:]
        assert all(torch.equal(a, b) for a, b in zip(encoder.backbone(images), expected, strict=True))
    report = encoder.load_report
    assert report is not None
    assert report.counts()["backbone"][1:] == (0, 0, 0)
    assert "EfficientNet-Lite0 of TensorFlow behind 'state_dict.'" in report.source
    assert set(report.unexpected) == {name for name in named if name.startswith(("_conv_head", "_bn1", "_fc"))} - {
        "_bn1.num_batches_tracked"
    }


def test_a_folder_of_timm_tells_its_normalization(tmp_path: Path) -> None:
    """As hubs have it: ``config.json`` beside the weights, here not with the values of the model's default tag."""
    model = timm.create_model("resnet18", pretrained_cfg_overlay={"mean": (0.4, 0.5, 0.6), "std": (0.2, 0.25, 0.3)})
    timm.models.save_for_hf(model, tmp_path, safe_serialization=True)
    theirs = Normalization((0.4, 0.5, 0.6), (0.2, 0.25, 0.3))
    for source in (tmp_path, tmp_path / "model.safetensors"):
        assert start_normalization(str(source), "timm:resnet18") == theirs
        assert start_normalization(str(source), "resnet18") == theirs
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config.pop("pretrained_cfg"), **config}))  # the early form
    assert start_normalization(str(tmp_path), "resnet18") == theirs
    (tmp_path / "config.json").write_text('{"mean": [0.4, 0.5, 0.6], "std": [1, 1, 1]}')  # of something else
    assert start_normalization(str(tmp_path), "resnet18") == Normalization()


def test_names_alone_do_not_make_an_efficientnet_lite(tmp_path: Path) -> None:
    named, _ = tensorflow_names()
    del named["_blocks.7._expand_conv.weight"]
    assert tensors_normalization(named) is None
    assert file_normalization(tmp_path / "nowhere.pth") is None
    with pytest.raises(InputError, match=r"only \d+ of \d+ tensors of the backbone match .*conv_pw.weight is missing"):
        load(Encoder(ModelSettings(backbone=LITE0, fpn_channels=8, head="2fc", head_dim=8)), named, where="here")


def caffe2(width: float = 0.125) -> dict[str, Tensor]:
    """A ResNet-18 as Detectron2 keeps it after Caffe2: BatchNorm is scale and shift alone."""
    torch.manual_seed(0)
    backbone = build_backbone("resnet18", width)
    for name, tensor in backbone.state_dict().items():
        if name.endswith("running_var"):
            tensor.fill_(1 - 1e-5)
        elif "bn" in name and name.endswith("bias"):
            tensor.copy_(torch.randn_like(tensor))
    names = LAYOUTS["detectron2"].foreign
    tensors = {names(f"backbone.{name}"): tensor for name, tensor in backbone.state_dict().items()}
    return {name: tensor for name, tensor in tensors.items() if name and "num_batches" not in name}


def test_weights_of_caffe2_are_turned_to_rgb_and_keep_their_scale() -> None:
    tensors = caffe2()
    assert is_caffe(tensors)
    assert tensors_normalization(tensors) == CAFFE
    model = ModelSettings(backbone="resnet18", width=0.125, fpn_channels=8, head="2fc", head_dim=8)
    encoder = Encoder(model)
    report = load(encoder, tensors, where="here")
    assert "turned from BGR to RGB" in report.note
    first = tensors["backbone.bottom_up.stem.conv1.weight"]
    assert torch.equal(encoder.backbone.conv1.weight, first[:, [2, 1, 0]])
    # A uint8 image as Detectron2 prepares it (BGR, minus the mean in 0..255), and as CoDo does.
    image = torch.randint(0, 256, (3, 32, 32)).float()
    mean, std = CAFFE.tensors()
    bgr = image.flip(0) - torch.tensor([103.53, 116.28, 123.675]).view(3, 1, 1)
    theirs = torch.nn.functional.conv2d(bgr[None], first, stride=2, padding=3)
    ours = encoder.backbone.conv1(((image - mean) / std)[None])
    assert torch.allclose(theirs, ours, atol=1e-3)


def test_a_detector_of_mmdetection_with_weights_of_caffe2_is_too() -> None:
    backbone = {name: tensor for one, tensor in caffe2().items() if (name := LAYOUTS["detectron2"].ours(one))}
    assert "backbone.bn1.running_mean" in backbone
    assert not is_caffe(backbone)  # of our own, turned before
    detector = {**backbone, "rpn_head.rpn_conv.weight": torch.zeros(1), "neck.bn.running_mean": torch.ones(1)}
    assert is_caffe(detector)
    assert tensors_normalization({f"state_dict.{name}": tensor for name, tensor in detector.items()}) == CAFFE
    detector["backbone.layer1.0.bn1.running_mean"] += 0.1
    assert not is_caffe(detector)


def test_a_new_network_in_detectron2s_names_is_not_taken_for_one_of_caffe2() -> None:
    tensors = {name: torch.zeros_like(t) if name.endswith("bias") else t for name, t in caffe2().items()}
    assert not is_caffe(tensors)


def test_weights_with_statistics_of_their_own_are_left_as_they_are() -> None:
    tensors = caffe2()
    tensors["backbone.bottom_up.stem.conv1.norm.running_mean"] += 0.1
    assert not is_caffe(tensors)
    assert tensors_normalization(tensors) is None
    encoder = Encoder(ModelSettings(backbone="resnet18", width=0.125, fpn_channels=8, head="2fc", head_dim=8))
    report = load(encoder, tensors, where="here")
    assert report.note == ""
    assert torch.equal(encoder.backbone.conv1.weight, tensors["backbone.bottom_up.stem.conv1.weight"])


def test_frozen_batchnorm_computes_the_same_as_batchnorm() -> None:
    """Pretrained detectors of torchvision and Detectron2 have it: the same tensors but the counter."""
    torch.manual_seed(0)
    theirs = resnet18(norm_layer=FrozenBatchNorm2d).eval()
    for name, tensor in theirs.state_dict().items():
        if name.endswith(("running_mean", "bn1.bias")):
            tensor.copy_(torch.randn_like(tensor) / 10)
        elif name.endswith("running_var"):
            tensor.copy_(torch.rand_like(tensor) + 0.5)
    named = {f"backbone.body.{name}": tensor for name, tensor in theirs.state_dict().items()}
    encoder = Encoder(ModelSettings(backbone="resnet18", fpn_channels=8, head="2fc", head_dim=8)).eval()
    load(encoder, named, where="here")
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        x = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(images))))
        last = theirs.layer4(theirs.layer3(theirs.layer2(theirs.layer1(x))))
        assert torch.allclose(encoder.backbone(images)[-1], last, rtol=1e-4, atol=1e-5)
