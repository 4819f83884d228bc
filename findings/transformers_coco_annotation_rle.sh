#!/usr/bin/env bash
# transformers 5.24.0: the run lengths of `return_coco_annotation=True` are not COCO's, and their first list is the background.
#
# `post_process_instance_segmentation` of MaskFormer, Mask2Former and RF-DETR say of it that "segmentation maps are returned in
# COCO run-length encoding (RLE) format" or the like. COCO counts pixels down the columns, zeros and ones
# in turn. The lists have the start (from 1) and the length of each run, along the rows. pycocotools takes them for
# run lengths of something else. There is one list for each value of the map, also for -1, the pixels without an object, if
# there are any: then list k is the object k - 1 of `segments_info`. And "if instances could overlap, set either
# return_coco_annotation or return_binary_maps to True to get the correct segmentation result", says the documentation of the
# first two; the lists are made of the map in which a later object has overwritten what is below it. Nothing is said.
#
# `return_binary_maps=True` has whole masks in the order of `segments_info`; `pycocotools.mask.encode` makes RLE of them.
#
# Below objects in 4 x 6 pixels: their masks, and their run lengths by hand, which pycocotools decodes to the masks. Then
# what is returned.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   Two objects beside each other, MaskFormer, return_binary_maps:
#     class 0: 4 pixels, COCO's run lengths [0, 2, 2, 2, 18]
#     class 1: 6 pixels, COCO's run lengths [13, 3, 1, 3, 4]
#   return_coco_annotation, 2 segments in segments_info:
#     list 0: [3, 4, 9, 1, 12, 4, 18, 4, 24, 1]
#     list 1: [1, 2, 7, 2]
#     list 2: [10, 2, 16, 2, 22, 2]
#   Two objects that overlap, MaskFormer, pixels: return_binary_maps [16, 16], return_coco_annotation [8, 16]
#   Two objects that overlap, Mask2Former, pixels: return_binary_maps [16, 16], return_coco_annotation [8, 16]
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check transformers==5.24.0 torch==2.15.0 \
  torchvision==0.29.2 numpy==2.4.6 pycocotools==2.0.11 pillow==13.0.0

cat > "$work/lengths.py" <<'PYTHON'
from types import SimpleNamespace

import numpy as np
import torch
from pycocotools import mask as coco
from transformers import Mask2FormerImageProcessor, MaskFormerImageProcessor

HEIGHT, WIDTH = 4, 6


def run(kind, objects, **options):
    """The instances of a model that is sure of objects in 4 x 6 pixels: class, and rectangle (top, left, bottom, right)."""
    classes, masks = torch.full((1, len(objects), 3), -10.0), torch.full((1, len(objects), HEIGHT, WIDTH), -10.0)
    for query, (label, (top, left, bottom, right)) in enumerate(objects):
        classes[0, query, label] = masks[0, query, top:bottom, left:right] = 10.0
    outputs = SimpleNamespace(class_queries_logits=classes, masks_queries_logits=masks)
    return kind().post_process_instance_segmentation(outputs, target_sizes=[(HEIGHT, WIDTH)], **options)[0]


def counts(mask):
    """Uncompressed run lengths as a COCO file has them: down the columns, beginning with those of zeros."""
    pixels = mask.numpy().astype(np.uint8).ravel(order="F")
    ends = np.flatnonzero(np.diff(pixels, prepend=0)).tolist() + [pixels.size]
    lengths = np.diff([0, *ends]).tolist()
    rle = coco.frPyObjects({"counts": lengths, "size": [HEIGHT, WIDTH]}, HEIGHT, WIDTH)
    assert (coco.decode(rle) == mask.numpy()).all()
    return lengths


beside, over = ((0, (0, 0, 2, 2)), (1, (1, 3, 4, 5))), ((0, (0, 0, 4, 4)), (1, (0, 2, 4, 6)))
print("Two objects beside each other, MaskFormer, return_binary_maps:")
result = run(MaskFormerImageProcessor, beside, return_binary_maps=True)
maps = {one["label_id"]: map for one, map in zip(result["segments_info"], result["segmentation"], strict=True)}
for label in sorted(maps):
    print(f"  class {label}: {int(maps[label].sum())} pixels, COCO's run lengths {counts(maps[label])}")
result = run(MaskFormerImageProcessor, beside, return_coco_annotation=True)
print(f"return_coco_annotation, {len(result['segments_info'])} segments in segments_info:")
for number, one in enumerate([result["segmentation"][0], *sorted(result["segmentation"][1:])]):
    print(f"  list {number}: {one}")

for kind in (MaskFormerImageProcessor, Mask2FormerImageProcessor):
    areas = sorted(int(map.sum()) for map in run(kind, over, return_binary_maps=True)["segmentation"])
    listed = sorted(sum(one[1::2]) for one in run(kind, over, return_coco_annotation=True)["segmentation"])
    name = kind.__name__.removesuffix("ImageProcessor")
    print(f"Two objects that overlap, {name}, pixels: return_binary_maps {areas}, return_coco_annotation {listed}")
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" lengths.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='Two objects beside each other, MaskFormer, return_binary_maps:
  class 0: 4 pixels, COCO'\''s run lengths [0, 2, 2, 2, 18]
  class 1: 6 pixels, COCO'\''s run lengths [13, 3, 1, 3, 4]
return_coco_annotation, 2 segments in segments_info:
  list 0: [3, 4, 9, 1, 12, 4, 18, 4, 24, 1]
  list 1: [1, 2, 7, 2]
  list 2: [10, 2, 16, 2, 22, 2]
Two objects that overlap, MaskFormer, pixels: return_binary_maps [16, 16], return_coco_annotation [8, 16]
Two objects that overlap, Mask2Former, pixels: return_binary_maps [16, 16], return_coco_annotation [8, 16]'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
