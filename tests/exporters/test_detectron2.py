from __future__ import annotations

import pickle
import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from codo.core.errors import InputError
from codo.exporters.detectron2 import Detectron2
from codo.exporters.target import encoder_features
from codo.exporters.trunk import TrunkWeights
from tests.exporters.oracle import DETECTRON2, Oracle, assert_same

TRUNKS: list[dict[str, Any]] = [
    {"head": "4conv1fc"},
    {"head": "2fc"},
    {"head": "2conv1fc", "fpn_norm": "none"},
    {"backbone": "resnet18", "width": 1.0},
]


def content(path: Path) -> dict[str, Any]:
    """What Detectron2's checkpointer unpickles."""
    loaded: dict[str, Any] = pickle.loads(path.read_bytes(), encoding="latin1")
    return loaded


def test_the_pickle_is_what_detectron2_takes_for_its_own(trunk: TrunkWeights, tmp_path: Path) -> None:
    path = tmp_path / "d.pkl"
    Detectron2().write(trunk, path)
    found = content(path)
    assert found["__author__"] == "CoDo"  # with "model": Detectron2's own format (docs/method.md#export)
    assert found["matching_heuristics"] is True
    assert all(isinstance(array, np.ndarray) and array.flags.writeable for array in found["model"].values())
    assert np.array_equal(
        found["model"]["backbone.bottom_up.stem.conv1.weight"], trunk.tensors["backbone.conv1.weight"]
    )


def test_the_pickle_names_public_numpy_alone(trunk: TrunkWeights, tmp_path: Path) -> None:
    path = tmp_path / "d.pkl"
    Detectron2().write(trunk, path)
    strings = {arg for _, arg, _ in pickletools.genops(path.read_bytes()) if isinstance(arg, str)}
    assert {"numpy", "ndarray"} <= strings
    assert not any("_core" in text or "multiarray" in text for text in strings)


@pytest.mark.parametrize("settings", TRUNKS, ids=lambda s: "-".join(map(str, s.values())))
@torch.no_grad()
def test_the_detector_of_the_configuration_computes_our_features(
    settings: dict[str, Any], make_trunk: Callable[..., TrunkWeights], tmp_path: Path
) -> None:
    trunk, target = make_trunk(**settings), Detectron2()
    target.write(trunk, tmp_path / "d.pkl")
    arrays = content(tmp_path / "d.pkl")["model"]
    model = yaml.safe_load(target.companions(trunk, "d.pkl")["d_1x.yaml"])["MODEL"]
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    oracle = Oracle(tensors, DETECTRON2, model["RESNETS"]["DEPTH"], model["RESNETS"]["STRIDE_IN_1X1"], set())
    images, pooled = torch.randn(1, 3, 96, 64), torch.rand(3, trunk.model.fpn_channels, 7, 7)
    head = model["ROI_BOX_HEAD"]
    found = oracle.run(images, pooled, head["NUM_CONV"], head["NUM_FC"])
    expected = encoder_features(trunk.encoder())(images, pooled)
    assert_same(expected, found, tuple(expected))
    assert oracle.read == {name for name in tensors if not name.endswith("num_batches_tracked")}


def test_a_narrow_resnet18_is_refused_because_detectron2_cannot_build_it(
    make_trunk: Callable[..., TrunkWeights],
) -> None:
    with pytest.raises(InputError, match="builds resnet18 in full width only"):
        Detectron2().state(make_trunk(backbone="resnet18", width=0.5))


def test_the_name_has_to_tell_detectron2_what_it_is() -> None:
    """It takes every file but .pkl for one of torch.save."""
    assert Detectron2().weights(Path("a/b.pkl")) == Path("a/b.pkl")
    with pytest.raises(InputError, match=r"must end in \.pkl") as caught:
        Detectron2().weights(Path("a/b.pth"))
    assert caught.value.fix == "name it b.pkl"
