"""Finding the pasted object: an optional part of CoDo's loss that is not in the paper (docs/method.md#localization).

Contrast teaches what an object is, not where it ends: the paper's loss even asks for the same embedding wherever the
jittered box lies. A detector with few labels and few steps lacks the second more than the first. But CPJ knows where it
has pasted, so the trunk can learn the tasks of a detector without labels:

* box: from the features of the jittered box, predict the pasted box (Fast R-CNN's regression);
* foreground: tell jittered boxes from boxes that show little of the object (Fast R-CNN's classification, one class);
* objectness: tell the locations of every map that lie in the middle of the pasted box from the others (as an RPN does).

The three small predictors are not exported.

Shapes: ``b`` samples, ``L`` levels, ``D`` embedding, ``R`` features of the box head, ``S`` side of the canvas.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from codo.models.backbone import STRIDES
from codo.models.encoder import Encoder, ModelSettings
from codo.models.frozen_maps import EncoderInput

TASKS = ("box", "foreground", "objectness")
WEIGHTS = (10.0, 10.0, 5.0, 5.0)
"""Fast R-CNN's factors on the four targets of the regression, which give them a standard deviation near 1."""
MIDDLE = 0.5
"""Sides of the middle of a box, as a share of the box's sides."""


class LocatingEncoder(Encoder):
    """An encoder that also predicts where the pasted object is, and how wrong that is.

    With boxes ``(b, 4)`` it is a plain `Encoder`. With boxes ``(b, 12)`` (see `codo.loading.located_views`) it returns
    ``(L, b, D + 3)``: embeddings, and the losses of the three `TASKS`, which are zero where no gradient is recorded.
    """

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        width, channels = settings.head_dim, settings.fpn_channels
        self.box_predictor = nn.Linear(width, 4)
        self.foreground = nn.Linear(width, 1)
        self.objectness = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(), nn.Conv2d(channels, 1, 1)
        )
        for layer in (self.box_predictor, self.foreground):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)

    def embed(self, images: EncoderInput, boxes: Tensor) -> Tensor:
        """See `Encoder.embed` and the class."""
        if boxes.shape[-1] == 4:
            return super().embed(images, boxes)
        jittered, pasted, background = boxes[..., :4], boxes[..., 4:8], boxes[..., 8:]
        maps = self.features(images)
        # One pass of the head for both kinds of boxes, so that they share BatchNorm statistics, as in a detector. Also
        # without a gradient: momentum keys must be normalized as the queries are (docs/method.md#localization).
        levels = len(maps)
        both = self.box_features([*maps, *maps], torch.stack([jittered] * levels + [background] * levels))
        objects, backgrounds = both[:levels], both[levels:]
        if not torch.is_grad_enabled():
            embeddings = self.project(objects)
            return torch.cat([embeddings, embeddings.new_zeros(*embeddings.shape[:2], len(TASKS))], dim=-1)
        offsets = box_loss(self.box_predictor(objects), box_targets(jittered, pasted))
        foreground = foreground_loss(self.foreground(objects)[..., 0], self.foreground(backgrounds)[..., 0])
        pairs = zip(maps, STRIDES, strict=True)
        objectness = torch.stack([objectness_loss(self.objectness(m)[:, 0], pasted, stride) for m, stride in pairs])
        losses = torch.stack([offsets, foreground, objectness], dim=-1)  # (L, b, 3)
        embeddings = self.project(objects)
        return torch.cat([embeddings, losses.to(embeddings.dtype)], dim=-1)


def box_targets(boxes: Tensor, targets: Tensor) -> Tensor:
    """Fast R-CNN's parametrization of ``targets`` relative to ``boxes``, times `WEIGHTS`; all ``(b, 4)``."""
    sizes, centers = boxes[:, 2:] - boxes[:, :2], (boxes[:, 2:] + boxes[:, :2]) / 2
    wanted, aims = targets[:, 2:] - targets[:, :2], (targets[:, 2:] + targets[:, :2]) / 2
    relative = torch.cat([(aims - centers) / sizes, (wanted / sizes).log()], dim=1)
    return relative * relative.new_tensor(WEIGHTS)


def box_loss(predicted: Tensor, targets: Tensor) -> Tensor:
    """Smooth L1 of predictions ``(L, b, 4)`` and targets ``(b, 4)``, mean over the four numbers: ``(L, b)``."""
    return F.smooth_l1_loss(predicted.float(), targets.float().expand_as(predicted), reduction="none").mean(-1)


def foreground_loss(objects: Tensor, backgrounds: Tensor) -> Tensor:
    """Binary cross-entropy of the logits of object and background boxes, mean over both: ``(L, b)`` each."""
    return (F.softplus(-objects.float()) + F.softplus(backgrounds.float())) / 2


def objectness_loss(logits: Tensor, pasted: Tensor, stride: int) -> Tensor:
    """Binary cross-entropy of a map's logits ``(b, h, w)``, mean over the locations: ``(b,)``.

    A location is positive if its center lies in the middle of the pasted box (see `MIDDLE`).
    """
    height, width = logits.shape[-2:]
    center, reach = (pasted[:, 2:] + pasted[:, :2]) / 2, (pasted[:, 2:] - pasted[:, :2]) * MIDDLE / 2
    x = (torch.arange(width, device=logits.device) + 0.5) * stride
    y = (torch.arange(height, device=logits.device) + 0.5) * stride
    inside_x = (x - center[:, :1]).abs() < reach[:, :1]  # (b, w)
    inside_y = (y - center[:, 1:]).abs() < reach[:, 1:]  # (b, h)
    positive = inside_y[:, :, None] & inside_x[:, None, :]
    losses = F.binary_cross_entropy_with_logits(logits.float(), positive.float(), reduction="none")
    return losses.mean(dim=(1, 2))
