#!/usr/bin/env bash
# keras 3.15.1: RandomElasticTransform bends the mask of an image by other random numbers than the image.
#
# A layer that is given {"images": ..., "segmentation_masks": ...} does the same to both: the other geometric layers draw their
# angle or offset once, in `get_random_transformation`, and use it for both. Here that function draws whether and how strongly
# to bend, and hands on the seed; `transform_images` and `transform_segmentation_masks` each draw a field of displacements from
# it, and a generator that is asked twice gives two fields. (With torch it is not asked at all: the field comes from torch's
# global generator.) So the classes are not where the pixels are, by several pixels in an image of 256. Besides, the mask is
# clipped to `value_range` as the image is: with (0, 1) all classes above 1 become 1. Nothing is said. Bend image and mask as
# channels of one array with interpolation="nearest", or with another library.
#
# Below 16 images of white disks whose masks are the same disks, and a mask with four classes.
#
# Seen on Linux, Python 3.11 (about 700 MB are installed for a while):
#   RandomRotation(0.1): IoU of picture and mask 1.0
#   RandomElasticTransform, scale 0.5: IoU of picture and mask 0.7
#   RandomElasticTransform, scale 1.0: IoU of picture and mask 0.5
#   value_range=(0, 255): of the classes [0, 1, 2, 3] the mask has [0, 1, 2, 3]
#   value_range=(0, 1): of the classes [0, 1, 2, 3] the mask has [0, 1]
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6

cat > "$work/masks.py" <<'PYTHON'
import os

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np

y, x = np.indices((256, 256))
disks = sum((np.hypot(y - cy, x - cx) < 20) * 1.0 for cy in (50, 128, 206) for cx in (50, 128, 206))
disks = np.tile(disks.astype("float32")[None, :, :, None], (16, 1, 1, 1))


def show(words, layer):
    """The mean IoU of what is white in the image and what is 1 in the mask."""
    out = layer({"images": disks, "segmentation_masks": disks}, training=True)
    white, one = (np.array(out[key]) > 0.5 for key in ("images", "segmentation_masks"))
    overlap = np.mean((white & one).sum((1, 2, 3)) / (white | one).sum((1, 2, 3)))
    print(f"{words}: IoU of picture and mask {overlap:.1f}")


Elastic = keras.layers.RandomElasticTransform
nearest = {"interpolation": "nearest", "fill_mode": "constant", "seed": 0}
show("RandomRotation(0.1)", keras.layers.RandomRotation(0.1, **nearest))
show("RandomElasticTransform, scale 0.5", Elastic((1, 1), (0.5, 0.5), **nearest))
show("RandomElasticTransform, scale 1.0", Elastic((1, 1), (1, 1), **nearest))
classes = np.tile(np.arange(4, dtype="float32").repeat(64)[None, None, :, None], (1, 256, 1, 1))
for top in (255, 1):
    layer = Elastic((1, 1), (1, 1), value_range=(0, top), fill_mode="nearest", seed=0)
    out = layer({"images": classes / 4, "segmentation_masks": classes}, training=True)
    found = np.unique(np.array(out["segmentation_masks"])).astype(int).tolist()
    print(f"value_range=(0, {top}): of the classes [0, 1, 2, 3] the mask has {found}")
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" masks.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='RandomRotation(0.1): IoU of picture and mask 1.0
RandomElasticTransform, scale 0.5: IoU of picture and mask 0.7
RandomElasticTransform, scale 1.0: IoU of picture and mask 0.5
value_range=(0, 255): of the classes [0, 1, 2, 3] the mask has [0, 1, 2, 3]
value_range=(0, 1): of the classes [0, 1, 2, 3] the mask has [0, 1]'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
