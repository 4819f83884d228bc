from __future__ import annotations

import pickle
import pickletools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from codo.errors import CodoError, InputError
from codo.export.detectron2 import Detectron2
from codo.export.detectron2_config import config
from codo.export.trunk import Trunk
from codo.export.write import write_verified
from codo.models.encoder import ModelSettings


def test_the_pickle_is_what_detectron2_takes_for_its_own(trunk: Trunk, tmp_path: Path) -> None:
    path = tmp_path / "d.pkl"
    Detectron2().write(trunk, path)
    content = pickle.loads(path.read_bytes(), encoding="latin1")
    assert content["__author__"] == "CoDo"  # with "model": Detectron2's own format (METHOD 1.7)
    assert content["matching_heuristics"] is True
    assert all(isinstance(array, np.ndarray) and array.flags.writeable for array in content["model"].values())
    assert np.array_equal(
        content["model"]["backbone.bottom_up.stem.conv1.weight"], trunk.tensors["backbone.conv1.weight"]
    )


def test_the_pickle_names_public_numpy_alone(trunk: Trunk, tmp_path: Path) -> None:
    path = tmp_path / "d.pkl"
    Detectron2().write(trunk, path)
    strings = {arg for _, arg, _ in pickletools.genops(path.read_bytes()) if isinstance(arg, str)}
    assert {"numpy", "ndarray"} <= strings
    assert not any("_core" in text or "multiarray" in text for text in strings)


def test_configuration_is_the_protocol_of_method_1_8() -> None:
    values = yaml.safe_load(config(ModelSettings(), "w.pkl", masks=True, length=1))
    model = values["MODEL"]
    assert model["WEIGHTS"] == "w.pkl"
    assert model["PIXEL_MEAN"] == [123.675, 116.28, 103.53]
    assert model["PIXEL_STD"] == [58.395, 57.12, 57.375]
    assert model["BACKBONE"]["FREEZE_AT"] == 0
    resnet = model["RESNETS"]
    assert (resnet["DEPTH"], resnet["NORM"], resnet["STRIDE_IN_1X1"]) == (50, "SyncBN", False)
    assert (resnet["RES2_OUT_CHANNELS"], resnet["WIDTH_PER_GROUP"]) == (256, 64)
    assert model["FPN"]["NORM"] == "SyncBN"
    box = model["ROI_BOX_HEAD"]
    assert (box["NAME"], box["NUM_CONV"], box["NUM_FC"]) == ("FastRCNNConvFCHead", 4, 1)
    assert (box["NORM"], box["POOLER_RESOLUTION"], box["FC_DIM"]) == ("SyncBN", 7, 1024)
    mask = model["ROI_MASK_HEAD"]
    assert (mask["NAME"], mask["NUM_CONV"], mask["NORM"], mask["POOLER_RESOLUTION"]) == (
        "MaskRCNNConvUpsampleHead",
        4,
        "SyncBN",
        14,
    )
    solver = values["SOLVER"]
    assert (solver["IMS_PER_BATCH"], solver["BASE_LR"], solver["WARMUP_ITERS"]) == (16, 0.02, 1000)
    assert (solver["STEPS"], solver["MAX_ITER"]) == ([60_000, 80_000], 90_000)
    assert values["INPUT"] == {"FORMAT": "RGB", "MIN_SIZE_TRAIN": [640, 672, 704, 736, 768, 800]}
    assert values["TEST"]["PRECISE_BN"]["ENABLED"] is True


def test_twice_as_long_and_on_one_gpu() -> None:
    text = config(ModelSettings(), "w.pkl", masks=False, length=2)
    values = yaml.safe_load(text)
    assert (values["SOLVER"]["STEPS"], values["SOLVER"]["MAX_ITER"]) == ([120_000, 160_000], 180_000)
    assert "ROI_MASK_HEAD" not in values["MODEL"]
    assert "BASE_LR 0.0025" in text  # 0.02 * 2 / 16
    assert "MAX_ITER 1,440,000" in text or "MAX_ITER 1440000" in text
    assert "MODEL.FPN.NORM BN" in text


def test_the_head_without_convolutions_has_two_layers_and_no_norm() -> None:
    model = yaml.safe_load(config(ModelSettings(head="2fc"), "w.pkl", masks=True, length=1))["MODEL"]
    assert (model["ROI_BOX_HEAD"]["NUM_CONV"], model["ROI_BOX_HEAD"]["NUM_FC"]) == (0, 2)
    assert model["ROI_BOX_HEAD"]["NORM"] == model["ROI_MASK_HEAD"]["NORM"] == ""


def test_a_forgotten_tensor_and_a_changed_one_are_caught(make_trunk: Callable[..., Trunk], tmp_path: Path) -> None:
    trunk = make_trunk(head="4conv1fc")

    class Forgetful(Detectron2):
        def state(self, trunk: Trunk) -> dict[str, torch.Tensor]:
            return {n: t for n, t in super().state(trunk).items() if n != "roi_heads.box_head.fc1.bias"}

    class Changed(Detectron2):
        def write(self, trunk: Trunk, path: Path) -> None:
            name = "fpn.layer_blocks.3.0.weight"
            other = {**trunk.tensors, name: trunk.tensors[name] + 0.1}
            super().write(Trunk(trunk.model, other, "codo", 0), path)

    for target, message in ((Forgetful(), "rebuilt box head differs by nan"), (Changed(), "rebuilt P5 differs")):
        with pytest.raises(CodoError, match=message):
            write_verified(trunk, target, tmp_path / "d.pkl")
        assert list(tmp_path.iterdir()) == []


def test_backbones_that_detectron2_does_not_have_are_refused(trunk: Trunk) -> None:
    foreign = Trunk(trunk.model.model_copy(update={"backbone": "timm:convnext_tiny"}), trunk.tensors, "codo", 0)
    with pytest.raises(InputError, match="Detectron2 has no backbone 'timm:convnext_tiny'"):
        Detectron2().state(foreign)
