from __future__ import annotations

from typing import Any

import pytest

from codo.exporters.mmdet_config import config
from codo.models.encoder import ModelSettings


def read(text: str) -> dict[str, Any]:
    """The configuration as mmengine reads it: Python that defines names."""
    scope: dict[str, Any] = {}
    exec(text.replace("{{ fileDirname }}", "/somewhere"), scope)
    return scope


def test_the_protocol_of_method_1_8() -> None:
    values = read(config(ModelSettings(), "m.pth", masks=True))
    assert values["load_from"] == "/somewhere/m.pth"
    model = values["model"]
    assert model["data_preprocessor"] == {
        "mean": [123.675, 116.28, 103.53],
        "std": [58.395, 57.12, 57.375],
        "bgr_to_rgb": True,
    }
    backbone = model["backbone"]
    assert (backbone["depth"], backbone["frozen_stages"], backbone["norm_eval"]) == (50, -1, False)
    assert (backbone["style"], backbone["init_cfg"], backbone["norm_cfg"]["type"]) == ("pytorch", None, "SyncBN")
    assert model["neck"]["in_channels"] == [256, 512, 1024, 2048]
    assert model["neck"]["norm_cfg"]["type"] == "SyncBN"
    head, mask = model["roi_head"]["bbox_head"], model["roi_head"]["mask_head"]
    assert (head["type"], head["norm_cfg"]["type"]) == ("Shared4Conv1FCBBoxHead", "SyncBN")
    assert (head["fc_out_channels"], mask["norm_cfg"]["type"]) == (1024, "SyncBN")
    assert values["train_pipeline"][2]["scales"] == [(1333, side) for side in (640, 672, 704, 736, 768, 800)]
    assert values["optim_wrapper"]["optimizer"] == {"type": "SGD", "lr": 0.02, "momentum": 0.9, "weight_decay": 1e-4}
    warm_up, steps = values["param_scheduler"]
    assert (warm_up["start_factor"], warm_up["end"]) == (0.001, 1000)
    assert (steps["milestones"], steps["gamma"]) == ([8, 11], 0.1)
    assert values["auto_scale_lr"] == {"enable": True, "base_batch_size": 16}


@pytest.mark.parametrize("masks", [True, False])
@pytest.mark.parametrize("head", ["4conv1fc", "2conv1fc", "2fc"])
def test_every_head_gives_python_that_runs(head: str, masks: bool) -> None:
    settings = ModelSettings.model_validate({"backbone": "resnet18", "head": head, "fpn_channels": 64, "head_dim": 96})
    values = read(config(settings, "m.pth", masks=masks))
    assert ("mask_head" in values["model"]["roi_head"]) == masks
    assert values["_base_"][0].endswith("mask-rcnn_r50_fpn.py" if masks else "faster-rcnn_r50_fpn.py")
    assert values["train_pipeline"][1].get("with_mask", False) == masks
    box_head, neck = values["model"]["roi_head"]["bbox_head"], values["model"]["neck"]
    assert (box_head["in_channels"], box_head["fc_out_channels"]) == (64, 96)
    assert ("norm_cfg" in box_head) == (head != "2fc") == (neck["norm_cfg"] is not None)
    assert box_head.get("num_shared_convs") == (2 if head == "2conv1fc" else None)  # else the type says it
    assert neck["in_channels"] == [64, 128, 256, 512]
