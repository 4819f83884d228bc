#!/usr/bin/env bash
# segmentation-models-pytorch 0.6.0: SoftCrossEntropyLoss and SoftBCEWithLogitsLoss count ignored pixels in their means.
#
# SoftCrossEntropyLoss calls itself a drop-in replacement for torch's CrossEntropyLoss with label smoothing. torch divides by
# the number of pixels that count. Here the losses of ignored pixels are set to 0, and the mean is taken over all pixels
# (`label_smoothed_nll_loss` in losses/_functional.py; the same in losses/soft_bce.py). So loss and gradients fall with the
# share of ignored pixels: padding, unlabeled images or sparse annotations act like a lower learning rate, another one for each
# batch. FocalLoss of the same package leaves ignored pixels out, so that the balance of a sum of the two depends on the batch
# as well. Issue 852 of the repository tells it; it was closed as stale.
#
# Sum the losses (reduction="sum") and divide by the number of pixels that count, or take torch's loss.
#
# Nor can it replace torch's loss with its defaults: without smooth_factor each call raises a TypeError, and reduction="none"
# gives losses of shape (N, 1, H, W) rather than (N, H, W).
#
# Below ten rows of the same ten pixels, none, five or nine of which are ignored, so that the mean of the others stays the same.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   0% ignored: SoftCE 0.905, torch 0.905, its gradients 1.00 of torch's; SoftBCE 0.591, Focal 0.163
#   50% ignored: SoftCE 0.453, torch 0.905, its gradients 0.50 of torch's; SoftBCE 0.296, Focal 0.163
#   90% ignored: SoftCE 0.091, torch 0.905, its gradients 0.10 of torch's; SoftBCE 0.059, Focal 0.163
#   without smooth_factor: TypeError; without reduction: shape (1, 1, 10, 10), torch (1, 10, 10)
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check segmentation-models-pytorch==0.6.0 timm==1.0.31 \
  torch==2.15.0 torchvision==0.29.2 numpy==2.4.6

cat > "$work/ignored.py" <<'PYTHON'
import torch
from segmentation_models_pytorch.losses import FocalLoss, SoftBCEWithLogitsLoss, SoftCrossEntropyLoss
from torch.nn.functional import cross_entropy

IGNORED = 255
torch.manual_seed(0)
logits = torch.randn(1, 3, 1, 10).repeat(1, 1, 10, 1)
classes = torch.randint(0, 3, (1, 1, 10)).repeat(1, 10, 1)
soft = SoftCrossEntropyLoss(smooth_factor=0.1, ignore_index=IGNORED)
binary = SoftBCEWithLogitsLoss(ignore_index=IGNORED)
focal = FocalLoss("multiclass", ignore_index=IGNORED)
for rows in (0, 5, 9):
    target = classes.clone()
    target[:, :rows] = IGNORED
    losses, gradients = [], []
    for loss in (soft, lambda x, y: cross_entropy(x, y, ignore_index=IGNORED, label_smoothing=0.1)):
        own = logits.clone().requires_grad_()
        losses.append(loss(own, target))
        losses[-1].backward()
        gradients.append(own.grad.norm())
    foreground = torch.where(target == IGNORED, IGNORED, (target == 1).long()).float()
    print(
        f"{10 * rows}% ignored: SoftCE {losses[0]:.3f}, torch {losses[1]:.3f}, "
        f"its gradients {gradients[0] / gradients[1]:.2f} of torch's; "
        f"SoftBCE {binary(logits[:, 1], foreground):.3f}, Focal {focal(logits, target):.3f}"
    )
try:
    SoftCrossEntropyLoss()(logits, classes)
except TypeError:
    shapes = [
        tuple(SoftCrossEntropyLoss(smooth_factor=0.1, reduction="none")(logits, classes).shape),
        tuple(cross_entropy(logits, classes, reduction="none").shape),
    ]
    print(f"without smooth_factor: TypeError; without reduction: shape {shapes[0]}, torch {shapes[1]}")
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" ignored.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected="0% ignored: SoftCE 0.905, torch 0.905, its gradients 1.00 of torch's; SoftBCE 0.591, Focal 0.163
50% ignored: SoftCE 0.453, torch 0.905, its gradients 0.50 of torch's; SoftBCE 0.296, Focal 0.163
90% ignored: SoftCE 0.091, torch 0.905, its gradients 0.10 of torch's; SoftBCE 0.059, Focal 0.163
without smooth_factor: TypeError; without reduction: shape (1, 1, 10, 10), torch (1, 10, 10)"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
