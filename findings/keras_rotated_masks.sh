#!/usr/bin/env bash
# keras 3.15.1: with torch, RandomRotation turns the masks of images about another point than the images.
#
# A layer that is given {"images": ..., "segmentation_masks": ...} does the same to both. RandomRotation computes one matrix and
# transforms first the images with it, then the masks. With torch as the backend `keras.ops.image.affine_transform` exchanges
# numbers of the matrix in the caller's own tensor and leaves them there, so that the second call with this matrix is another
# one: the angle is the same, but what was to be added to x is added to y. Masks are beside their objects or empty, the more so
# the larger the angle is, and a segmentation model is taught background where the objects are. The images are right, other
# layers make a matrix for each call, and with JAX all are right. Nothing is said. Rotate image and mask as channels of one
# array with interpolation="nearest", and give each call of the function a copy of the matrix.
#
# Below 64 images of a white disk whose mask is the same disk, and two equal calls of the function, which move a disk by 30
# pixels.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   torch
#     RandomTranslation(0.1, 0.1): IoU of picture and mask 1.0, 0 of 64 masks are empty
#     RandomRotation(0.02): IoU of picture and mask 0.5, 0 of 64 masks are empty
#     RandomRotation(0.1): IoU of picture and mask 0.1, 13 of 64 masks are empty
#     affine_transform, first time: the disk at (60, 25) is at (30, 25)
#     affine_transform, second time: the disk at (60, 25) is at (60, 4)
#   jax
#     RandomTranslation(0.1, 0.1): IoU of picture and mask 1.0, 0 of 64 masks are empty
#     RandomRotation(0.02): IoU of picture and mask 1.0, 0 of 64 masks are empty
#     RandomRotation(0.1): IoU of picture and mask 1.0, 0 of 64 masks are empty
#     affine_transform, first time: the disk at (60, 25) is at (30, 25)
#     affine_transform, second time: the disk at (60, 25) is at (30, 25)
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 torch==2.15.0 jax==0.10.2 jaxlib==0.10.2 \
  numpy==2.4.6

cat > "$work/masks.py" <<'PYTHON'
import os
import sys

os.environ["KERAS_BACKEND"] = sys.argv[1]

import keras
import numpy as np
from keras import ops

y, x = np.indices((100, 100))
disk = (np.hypot(y - 25, x - 60) < 15).astype("float32")
disks = np.tile(disk[None, :, :, None], (64, 1, 1, 1))


def show(words, layer):
    """How well the mask of a white disk fits the picture of it after the layer."""
    out = layer({"images": disks.copy(), "segmentation_masks": disks.copy()}, training=True)
    white, one = (ops.convert_to_numpy(out[key]) > 0.5 for key in ("images", "segmentation_masks"))
    overlap = np.mean((white & one).sum((1, 2, 3)) / (white | one).sum((1, 2, 3)))
    lost = len(one) - one.any((1, 2, 3)).sum()
    print(f"  {words}: IoU of picture and mask {overlap:.1f}, {lost} of {len(one)} masks are empty")


still = {"interpolation": "nearest", "fill_mode": "constant", "seed": 0}
show("RandomTranslation(0.1, 0.1)", keras.layers.RandomTranslation(0.1, 0.1, **still))
show("RandomRotation(0.02)", keras.layers.RandomRotation(0.02, **still))
show("RandomRotation(0.1)", keras.layers.RandomRotation(0.1, **still))
moved = ops.array([[1.0, 0, 30, 0, 1, 0, 0, 0]])  # by 30 pixels to the left
for word in ("first", "second"):
    out = ops.convert_to_numpy(ops.image.affine_transform(ops.array(disks[:1]), moved))[0, :, :, 0]
    centre = [int(round(float(v.mean()))) for v in np.nonzero(out)[::-1]]
    print(f"  affine_transform, {word} time: the disk at (60, 25) is at {tuple(centre)}")
PYTHON

cd "$work"
seen="$(for backend in torch jax; do
  echo "$backend"
  "$work/venv/bin/python" masks.py "$backend" 2> errors.txt || cat errors.txt
done)"
echo "$seen"
expected='torch
  RandomTranslation(0.1, 0.1): IoU of picture and mask 1.0, 0 of 64 masks are empty
  RandomRotation(0.02): IoU of picture and mask 0.5, 0 of 64 masks are empty
  RandomRotation(0.1): IoU of picture and mask 0.1, 13 of 64 masks are empty
  affine_transform, first time: the disk at (60, 25) is at (30, 25)
  affine_transform, second time: the disk at (60, 25) is at (60, 4)
jax
  RandomTranslation(0.1, 0.1): IoU of picture and mask 1.0, 0 of 64 masks are empty
  RandomRotation(0.02): IoU of picture and mask 1.0, 0 of 64 masks are empty
  RandomRotation(0.1): IoU of picture and mask 1.0, 0 of 64 masks are empty
  affine_transform, first time: the disk at (60, 25) is at (30, 25)
  affine_transform, second time: the disk at (60, 25) is at (30, 25)'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
