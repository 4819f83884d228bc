#!/usr/bin/env bash
# keras 3.15.1: RandomFlip() turns half of the images by 180 degrees and mirrors none.
#
# The default mode is "horizontal_and_vertical", which is to "flip the images horizontally and or vertically" (docstring).
# Elsewhere these are two choices, each with its own random number, as in a row of two flips of torchvision or albumentations.
# Here one number per image decides both (`get_random_transformation`): an image is left alone, or flipped both ways, and that
# is a turn by 180 degrees. No image is ever mirrored, which is what most people flip for. Boxes and masks move along, so that
# no look at single images shows it, and training goes on with half of the variants that it is said to have. Nothing is said.
# Use two layers, one for each mode.
#
# Below the share of each of the four variants in 10,000 images.
#
# Seen on Linux, Python 3.11 (about 700 MB are installed for a while):
#   RandomFlip(): as it was 50%, left-right 0%, top-bottom 0%, turned by 180 degrees 50%
#   RandomFlip("horizontal"), RandomFlip("vertical"): as it was 25%, left-right 25%, top-bottom 25%, turned by 180 degrees 25%
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6

cat > "$work/flips.py" <<'PYTHON'
import os

os.environ["KERAS_BACKEND"] = "jax"

import collections

import keras
import numpy as np

images = np.tile(np.array([[1, 2], [3, 4]], "float32")[None, :, :, None], (10_000, 1, 1, 1))
names = {"12/34": "as it was", "21/43": "left-right", "34/12": "top-bottom", "43/21": "turned by 180 degrees"}


def show(words, *layers):
    """The share of each of the four images that two flips can make."""
    out = images
    for layer in layers:
        out = layer(out, training=True)
    found = collections.Counter("/".join("".join(str(int(v)) for v in row) for row in one) for one in np.array(out)[..., 0])
    print(f"{words}: " + ", ".join(f"{name} {round(found[key] / len(images) * 20) * 5}%" for key, name in names.items()))


RandomFlip = keras.layers.RandomFlip
show("RandomFlip()", RandomFlip(seed=0))
show('RandomFlip("horizontal"), RandomFlip("vertical")', RandomFlip("horizontal", seed=0), RandomFlip("vertical", seed=1))
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" flips.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='RandomFlip(): as it was 50%, left-right 0%, top-bottom 0%, turned by 180 degrees 50%
RandomFlip("horizontal"), RandomFlip("vertical"): as it was 25%, left-right 25%, top-bottom 25%, turned by 180 degrees 25%'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
