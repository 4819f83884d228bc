"""SGD for detectors with the defaults of Detectron2 (docs/method.md#coco-finetuning), unlike those of pretraining."""

from __future__ import annotations

from typing import Any, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import nn

from codo.core.errors import InputError
from codo.optim.lr_factors import factor_by_parameter, split_groups
from codo.optim.optimizer import OptimSettings

NORMS = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm)


class DetectorOptimSettings(OptimSettings):
    """The optimizer and its learning-rate schedule, with the defaults of the COCO protocol."""

    kind: Literal["sgd"] = Field("sgd", description="SGD; LARS is for pretraining")
    lr: float = Field(0.02, gt=0, description="learning rate (after warm-up, before decay), for reference_batch images")
    lr_scaling: Literal["none", "linear", "sqrt"] = Field(
        "linear", description="multiply lr by batch_size / reference_batch, by its square root, or not at all"
    )
    reference_batch: int = Field(16, ge=1, description="batch size that lr refers to")
    norm_weight_decay: float = Field(0.0, ge=0, description="weight decay on the parameters of normalization layers")
    warmup_steps: int = Field(1000, ge=0, description="steps of linear warm-up")
    schedule: Literal["cosine", "cosine_step", "multistep", "constant"] = Field(
        "multistep", description="drops at milestones (the COCO protocol), cosine per epoch or per step, or constant"
    )

    @model_validator(mode="after")
    def _without_lars(self) -> Self:
        if self.lars_biases or self.lars_bias_lr_factor != 1:
            what = "detectors are trained by SGD, on which settings of LARS have no effect"
            raise InputError(what, where="optim.lars_biases, optim.lars_bias_lr_factor", fix="leave them out")
        return self


def build_detector_optimizer(
    detector: nn.Module, settings: DetectorOptimSettings, device: torch.device
) -> torch.optim.SGD:
    """SGD over all parameters that require gradients; normalization layers have their own weight decay.

    Raises:
        InputError: ``lr_factors`` of unknown or frozen parts.
    """
    norms = {id(p) for module in detector.modules() if isinstance(module, NORMS) for p in module.parameters()}
    trained = [parameter for parameter in detector.parameters() if parameter.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in trained if id(p) not in norms], "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if id(p) in norms], "weight_decay": settings.norm_weight_decay},
    ]
    groups = [group for group in groups if group["params"]]
    return torch.optim.SGD(
        split_groups(groups, factor_by_parameter(detector, settings.lr_factors)),
        lr=settings.lr,
        momentum=settings.momentum,
        nesterov=settings.nesterov,
        fused=device.type == "cuda",
    )
