#!/usr/bin/env bash
# The detectors of torchvision 0.29.2 shrink images without antialiasing; its transforms, and Pillow, shrink with it.
#
# `torchvision.transforms.v2.Resize` antialiases by default (since 0.17). `GeneralizedRCNNTransform`, which every detector
# of torchvision has built in, calls `interpolate` without it: whatever the factor, a pixel of the result is a weighted
# mean of the nearest four. At the usual short side of 800 photographs hardly notice. On a CPU people set `min_size` to
# 128 or 320, and cameras give 3,000 pixels: then wires, distant poles and text vanish or are drawn too strong, depending
# on which pixel they fall, and a backbone sees something that its pretraining, which antialiased, never showed it. Who
# resizes the images before the detector sees them is not concerned.
#
# Below are white lines, one pixel wide and eight apart, in an image of 800 x 800 pixels that is shrunk to 100 x 100:
# mean brightness, which is 0.125 in the image.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   lines at 0, 8, 16, …: detector 0.000, transforms 0.125
#   lines at 3, 11, 19, …: detector 0.500, transforms 0.125
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 torchvision==0.29.2 numpy==2.4.6

cat > "$work/shrink.py" <<'PYTHON'
import torch
from torchvision.models.detection import fasterrcnn_resnet50_fpn
from torchvision.transforms.v2 import Resize

plain = {"image_mean": [0.0] * 3, "image_std": [1.0] * 3}
detector = fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None, min_size=100, max_size=100, **plain).eval()
for first in (0, 3):
    image = torch.zeros(3, 800, 800)
    image[:, :, first::8] = 1
    inside, (size,) = (shrunk := detector.transform([image])[0]).tensors, shrunk.image_sizes
    inside = inside[..., : size[0], : size[1]]  # without the margin
    outside = Resize(100)(image)
    assert inside.shape[-2:] == outside.shape[-2:] == (100, 100)
    columns = ", ".join(str(first + 8 * i) for i in range(3))
    print(f"lines at {columns}, …: detector {inside.mean():.3f}, transforms {outside.mean():.3f}")
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" shrink.py)"
echo "$seen"
expected='lines at 0, 8, 16, …: detector 0.000, transforms 0.125
lines at 3, 11, 19, …: detector 0.500, transforms 0.125'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
