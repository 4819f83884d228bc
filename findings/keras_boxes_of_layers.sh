#!/usr/bin/env bash
# keras 3.15.1: four layers move boxes to other places than the pixels: RandomRotation, -Perspective, -Crop and -Shear.
#
# The layers take boxes beside the images, in the format that `bounding_box_format` names, and move both; most of them are right
# in all formats. The function `transform_bounding_boxes` of these is not:
#
#   RandomRotation     takes the boxes for "xyxy" whatever their format is, and converts only what it returns
#   RandomPerspective  converts the boxes to "xyxy", and does not convert what it returns
#   RandomCrop         moves x by the offset of y, and y by that of x (right in the sources since), and converts relative boxes
#                      with the size of the crop in place of that of the image
#   RandomShear        shears in relative coordinates what the images shear in pixels: right in square images only, and there
#                      with one factor only, as two factors together are another transformation
#
# Nothing is said: the boxes are beside the objects, or so small that later steps drop them. RandomFlip, RandomTranslation,
# RandomZoom, CenterCrop and Resizing are right, and so are boxes "xyxy" for RandomRotation and RandomPerspective.
#
# Below an image of 200 x 100 pixels with a white rectangle: its corners after the layer, and those of its box.
#
# Seen on Linux, Python 3.11 (about 700 MB are installed for a while):
#   RandomTranslation: pixels [88, 49, 118, 64], boxes all right
#   RandomZoom: pixels [89, 39, 122, 56], boxes all right
#   CenterCrop: pixels [50, 30, 80, 45], boxes all right
#   RandomRotation: pixels [88, 34, 121, 58], boxes xyxy right, xywh [23, 20, 88, 62], rel_xyxy [0, 33, 0, 34]
#   RandomPerspective: pixels [89, 38, 120, 52], boxes xyxy right, xywh [89, 38, 210, 90], rel_xyxy [17884, 3761, 24023, 5213]
#   RandomCrop: pixels [55, 21, 85, 36], boxes xyxy [71, 5, 101, 20], xywh [71, 5, 101, 20], rel_xyxy [35, 0, 53, 9]
#   RandomShear: pixels [106, 40, 142, 55], boxes all [122, 40, 164, 55]
#   RandomShear, square: pixels [56, 40, 92, 55], boxes all right
#   RandomShear, square, x and y: pixels [126, 90, 168, 122], boxes all [106, 82, 142, 112]
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6

cat > "$work/boxes.py" <<'PYTHON'
import os

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np
from keras.utils.bounding_boxes import convert_format

FORMATS = ("xyxy", "xywh", "rel_xyxy")


def where(layer, height, width):
    """The corners of a white rectangle after the layer: those in the image, and those that the layer gives, in pixels."""
    box = [width // 2 - 10, 40, width // 2 + 20, 55]
    image = np.zeros((1, height, width, 1), "float32")
    image[:, box[1] : box[3], box[0] : box[2]] = 1
    form = layer.bounding_box_format
    boxes = convert_format(np.array([[box]], "float32"), source="xyxy", target=form, height=height, width=width)
    boxes = {"boxes": boxes, "labels": keras.ops.array([[1]])}
    out = layer({"images": keras.ops.array(image), "bounding_boxes": boxes}, training=True)
    image = np.array(out["images"])[0, :, :, 0]
    ys, xs = np.nonzero(image > 0.5)
    boxes = out["bounding_boxes"]["boxes"]
    boxes = convert_format(boxes, source=form, target="xyxy", height=image.shape[0], width=image.shape[1])
    return np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]), np.array(boxes)[0, 0]


def show(words, make, height=100, width=200):
    """What the boxes of each format are after a layer: right, to a pixel, or others."""
    found = {}
    for form in FORMATS:
        pixels, box = where(make(form), height, width)
        found[form] = "right" if np.abs(pixels - box).max() <= 1 else str(box.round().astype(int).tolist())
    if len(set(found.values())) == 1:
        found = {"all": found["xyxy"]}
    boxes = ", ".join(f"{form} {box}" for form, box in found.items())
    print(f"{words}: pixels {pixels.tolist()}, boxes {boxes}")


layers = keras.layers
still = {"interpolation": "nearest", "fill_mode": "constant", "seed": 0}
more = {"interpolation": "nearest", "seed": 0}
show("RandomTranslation", lambda form: layers.RandomTranslation(0.1, 0.1, bounding_box_format=form, **still))
show("RandomZoom", lambda form: layers.RandomZoom((-0.2, -0.1), bounding_box_format=form, **still))
show("CenterCrop", lambda form: layers.CenterCrop(80, 120, bounding_box_format=form))
show("RandomRotation", lambda form: layers.RandomRotation((0.05, 0.05), bounding_box_format=form, **still))
show("RandomPerspective", lambda form: layers.RandomPerspective((1, 1), 0.1, bounding_box_format=form, **more))
show("RandomCrop", lambda form: layers.RandomCrop(80, 120, seed=0, bounding_box_format=form))
show("RandomShear", lambda form: layers.RandomShear((0.4, 0.4), bounding_box_format=form, **still))
show("RandomShear, square", lambda form: layers.RandomShear((0.4, 0.4), bounding_box_format=form, **still), 100, 100)
both = {"x_factor": (0.4, 0.4), "y_factor": (0.4, 0.4), **still}
show("RandomShear, square, x and y", lambda form: layers.RandomShear(bounding_box_format=form, **both), 200, 200)
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" boxes.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='RandomTranslation: pixels [88, 49, 118, 64], boxes all right
RandomZoom: pixels [89, 39, 122, 56], boxes all right
CenterCrop: pixels [50, 30, 80, 45], boxes all right
RandomRotation: pixels [88, 34, 121, 58], boxes xyxy right, xywh [23, 20, 88, 62], rel_xyxy [0, 33, 0, 34]
RandomPerspective: pixels [89, 38, 120, 52], boxes xyxy right, xywh [89, 38, 210, 90], rel_xyxy [17884, 3761, 24023, 5213]
RandomCrop: pixels [55, 21, 85, 36], boxes xyxy [71, 5, 101, 20], xywh [71, 5, 101, 20], rel_xyxy [35, 0, 53, 9]
RandomShear: pixels [106, 40, 142, 55], boxes all [122, 40, 164, 55]
RandomShear, square: pixels [56, 40, 92, 55], boxes all right
RandomShear, square, x and y: pixels [126, 90, 168, 122], boxes all [106, 82, 142, 112]'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
