"""Detectron2's configuration for a trunk: the common finetuning protocol (docs/method.md#coco-finetuning).

The files are self-contained (no ``_BASE_``), so they work in any folder.
"""

from __future__ import annotations

from typing import Any

import yaml

from codo.models.backbone import resnet_channels, scale_channels
from codo.models.box_head import POOL, count_convolutions
from codo.models.encoder import ModelSettings

_STEPS = {1: (60_000, 80_000, 90_000), 2: (120_000, 160_000, 180_000)}
_BLOCKS = ("res2", "res3", "res4", "res5")
_LEVELS = ("p2", "p3", "p4", "p5")

_HEAD = """\
# {detector} with the trunk in {weights}, {length}x: {max_iter:,} steps of 16 images at a learning rate of 0.02.
# MODEL.WEIGHTS is relative to the folder in which training is started.
#
# On one GPU: SyncBN needs several processes, so replace it by BN everywhere, and scale the rate with the batch:
#   SOLVER.IMS_PER_BATCH 2 SOLVER.BASE_LR 0.0025 SOLVER.MAX_ITER {one_gpu} SOLVER.STEPS "{one_gpu_steps}"
#   SOLVER.WARMUP_ITERS 8000 MODEL.RESNETS.NORM BN{norms}
"""


def config(model: ModelSettings, weights: str, masks: bool, length: int) -> str:
    """The YAML configuration of one detector.

    Args:
        model: Settings of the trunk, a ResNet.
        weights: Name of the file with the weights.
        masks: Mask R-CNN if true, else Faster R-CNN.
        length: 1 or 2, for 90k or 180k steps.
    """
    *steps, max_iter = _STEPS[length]
    pyramid_norm = "SyncBN" if model.pyramid_norm else ""
    head_norm = "SyncBN" if count_convolutions(model.head) else ""
    norms = [f" MODEL.{group}.NORM BN" for group, norm in (("FPN", pyramid_norm), ("ROI_BOX_HEAD", head_norm)) if norm]
    norms += [" MODEL.ROI_MASK_HEAD.NORM BN"] if masks and head_norm else []
    head = _HEAD.format(
        detector="Mask R-CNN" if masks else "Faster R-CNN",
        weights=weights,
        length=length,
        max_iter=max_iter,
        one_gpu=8 * max_iter,
        one_gpu_steps=tuple(8 * step for step in steps),
        norms="".join(norms),
    )
    values = {
        "VERSION": 2,
        "MODEL": _model(model, weights, masks, pyramid_norm, head_norm),
        "DATASETS": {"TRAIN": ["coco_2017_train"], "TEST": ["coco_2017_val"]},
        "SOLVER": {"IMS_PER_BATCH": 16, "BASE_LR": 0.02, "STEPS": steps, "MAX_ITER": max_iter, "WARMUP_ITERS": 1000},
        "INPUT": {"FORMAT": "RGB", "MIN_SIZE_TRAIN": list(range(640, 801, 32))},
        "TEST": {"PRECISE_BN": {"ENABLED": True}},
    }
    return head + yaml.safe_dump(values, sort_keys=False, default_flow_style=None, width=110)


def _model(model: ModelSettings, weights: str, masks: bool, pyramid_norm: str, head_norm: str) -> dict[str, Any]:
    convolutions = count_convolutions(model.head)
    values: dict[str, Any] = {
        "META_ARCHITECTURE": "GeneralizedRCNN",
        "WEIGHTS": weights,
        "MASK_ON": masks,
        # Images are RGB in 0..255 here: the normalization of pretraining, times 255.
        "PIXEL_MEAN": [round(255 * value, 3) for value in model.normalization.mean],
        "PIXEL_STD": [round(255 * value, 3) for value in model.normalization.std],
        "BACKBONE": {"NAME": "build_resnet_fpn_backbone", "FREEZE_AT": 0},
        "RESNETS": {
            "DEPTH": int(model.backbone.removeprefix("resnet")),
            "OUT_FEATURES": list(_BLOCKS),
            "NORM": "SyncBN",
            "STRIDE_IN_1X1": False,  # torchvision's ResNets have the stride in the 3x3 convolution
            "STEM_OUT_CHANNELS": 64,
            "RES2_OUT_CHANNELS": resnet_channels(model.backbone, model.width)[0],
            "WIDTH_PER_GROUP": scale_channels(64, model.width),
        },
        "FPN": {"IN_FEATURES": list(_BLOCKS), "OUT_CHANNELS": model.fpn_channels, "NORM": pyramid_norm},
        "ANCHOR_GENERATOR": {"SIZES": [[32], [64], [128], [256], [512]], "ASPECT_RATIOS": [[0.5, 1.0, 2.0]]},
        "RPN": {
            "IN_FEATURES": [*_LEVELS, "p6"],
            "PRE_NMS_TOPK_TRAIN": 2000,  # per level
            "PRE_NMS_TOPK_TEST": 1000,
            "POST_NMS_TOPK_TRAIN": 1000,
            "POST_NMS_TOPK_TEST": 1000,
        },
        "ROI_HEADS": {"NAME": "StandardROIHeads", "IN_FEATURES": list(_LEVELS), "NUM_CLASSES": 80},
        "ROI_BOX_HEAD": {
            "NAME": "FastRCNNConvFCHead",
            "NUM_CONV": convolutions,
            "CONV_DIM": model.fpn_channels,
            "NUM_FC": 1 if convolutions else 2,
            "FC_DIM": model.head_dim,
            "NORM": head_norm,
            "POOLER_RESOLUTION": POOL,  # Detectron2's default of 14 changes the shape of fc1
        },
    }
    if masks:
        values["ROI_MASK_HEAD"] = {
            "NAME": "MaskRCNNConvUpsampleHead",
            "NUM_CONV": 4,
            "NORM": head_norm,
            "POOLER_RESOLUTION": 14,
        }
    return values
