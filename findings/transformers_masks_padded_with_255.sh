#!/usr/bin/env bash
# transformers 5.24.0: Mask2Former learns that the padding of a batch is 255 times an object, if `ignore_index` is 255.
#
# The image processors of MaskFormer, Mask2Former and OneFormer make a binary mask of each class or object in a segmentation
# map, and then pad the masks to the largest image of the batch, with `ignore_index`. That is right for a map; a mask has 0
# and 1, and the losses of these models know no value to ignore. With `ignore_index=255`, the usual one (and
# `do_reduce_labels` needs one), each mask of a smaller image has 255 in its padding, and the losses take that for the label.
# Cross-entropy of a logit x is then -254 x there: it has no lower limit, and it pulls every mask over the padding by 255
# times the force with which a pixel pulls it to its object. The Dice loss falls below 0. Nothing is said. The matching of
# queries and objects uses the same labels. Without `ignore_index`, or with 0, the padding is 0, as in the original
# Mask2Former. If all images of a batch have one shape after the resize nothing is padded, and all is well.
#
# Resize all to one shape, or set the padding of each mask to 0 by `pixel_mask`.
#
# Below an image of 64 x 96 with two classes, alone and in a batch with one of 96 x 64.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   MaskFormer, ignore_index=None, alone: the mask of class 0 has the values 0, 1
#   MaskFormer, ignore_index=255, alone: the mask of class 0 has the values 0, 1
#   MaskFormer, ignore_index=None, beside a portrait: the mask of class 0 has the values 0, 1
#   MaskFormer, ignore_index=255, beside a portrait: the mask of class 0 has the values 0, 1, 255
#   Mask2Former, ignore_index=None, alone: the mask of class 0 has the values 0, 1
#   Mask2Former, ignore_index=255, alone: the mask of class 0 has the values 0, 1
#   Mask2Former, ignore_index=None, beside a portrait: the mask of class 0 has the values 0, 1
#   Mask2Former, ignore_index=255, beside a portrait: the mask of class 0 has the values 0, 1, 255
#   Cross-entropy and Dice loss:
#     ignore_index=None, alone, the right masks: 0.0, 0.00
#     ignore_index=255, alone, the right masks: 0.0, 0.00
#     ignore_index=None, beside a portrait, the right masks: 0.0, 0.00
#     ignore_index=255, beside a portrait, the right masks: 850.0, 0.99
#     ignore_index=255, beside a portrait, masks that have the padding too: -846.7, -0.98
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check transformers==5.24.0 torch==2.15.0 \
  torchvision==0.29.2 numpy==2.4.6 pillow==13.0.0 scipy==1.17.1

cat > "$work/padding.py" <<'PYTHON'
import numpy as np
from transformers import Mask2FormerImageProcessor, MaskFormerImageProcessor
from transformers.models.mask2former.modeling_mask2former import dice_loss, sigmoid_cross_entropy_loss

LANDSCAPE, PORTRAIT = (64, 96), (96, 64)


def masks_of(kind, shapes, ignore_index):
    """The masks of images whose left half is of class 0, the rest of class 1."""
    images = [np.zeros((*shape, 3), dtype=np.uint8) for shape in shapes]
    maps = [np.repeat(np.arange(2), shape[1] // 2)[None].repeat(shape[0], axis=0) for shape in shapes]
    processor = kind(size={"shortest_edge": 64, "longest_edge": 96}, ignore_index=ignore_index)
    return processor(images=images, segmentation_maps=maps, return_tensors="pt")["mask_labels"]


def losses(masks, predicted):
    """Binary cross-entropy and Dice as the model's loss has them; predicted are the same two masks, as logits of -10 and 10."""
    logits, labels = (20 * predicted - 10).flatten(1), masks.flatten(1)
    return f"{sigmoid_cross_entropy_loss(logits, labels, 2):.1f}, {dice_loss(logits, labels, 2):.2f}"


for kind in (MaskFormerImageProcessor, Mask2FormerImageProcessor):
    name = kind.__name__.removesuffix("ImageProcessor")
    for words, shapes in (("alone", [LANDSCAPE]), ("beside a portrait", [LANDSCAPE, PORTRAIT])):
        for ignore_index in (None, 255):
            masks = masks_of(kind, shapes, ignore_index)[0]
            values = ", ".join(f"{int(value)}" for value in masks.unique())
            print(f"{name}, ignore_index={ignore_index}, {words}: the mask of class 0 has the values {values}")

print("Cross-entropy and Dice loss:")
for words, shapes in (("alone", [LANDSCAPE]), ("beside a portrait", [LANDSCAPE, PORTRAIT])):
    for ignore_index in (None, 255):
        masks = masks_of(Mask2FormerImageProcessor, shapes, ignore_index)[0]
        print(f"  ignore_index={ignore_index}, {words}, the right masks: {losses(masks, (masks == 1).float())}")
print(f"  ignore_index=255, beside a portrait, masks that have the padding too: {losses(masks, (masks > 0).float())}")
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" padding.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='MaskFormer, ignore_index=None, alone: the mask of class 0 has the values 0, 1
MaskFormer, ignore_index=255, alone: the mask of class 0 has the values 0, 1
MaskFormer, ignore_index=None, beside a portrait: the mask of class 0 has the values 0, 1
MaskFormer, ignore_index=255, beside a portrait: the mask of class 0 has the values 0, 1, 255
Mask2Former, ignore_index=None, alone: the mask of class 0 has the values 0, 1
Mask2Former, ignore_index=255, alone: the mask of class 0 has the values 0, 1
Mask2Former, ignore_index=None, beside a portrait: the mask of class 0 has the values 0, 1
Mask2Former, ignore_index=255, beside a portrait: the mask of class 0 has the values 0, 1, 255
Cross-entropy and Dice loss:
  ignore_index=None, alone, the right masks: 0.0, 0.00
  ignore_index=255, alone, the right masks: 0.0, 0.00
  ignore_index=None, beside a portrait, the right masks: 0.0, 0.00
  ignore_index=255, beside a portrait, the right masks: 850.0, 0.99
  ignore_index=255, beside a portrait, masks that have the padding too: -846.7, -0.98'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
