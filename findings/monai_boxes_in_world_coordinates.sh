#!/usr/bin/env bash
# monai 1.6.1: boxes between world and image coordinates become too narrow, or empty, if the volume was taken at an angle.
#
# `AffineBoxToImageCoordinated`, `AffineBoxToWorldCoordinated` and `AffineBox` apply an affine matrix to boxes. Their
# `apply_affine_to_boxes` moves the corner with the least and the one with the largest coordinates, and sorts the results. That
# is the box around the object only if the matrix scales, flips or exchanges axes. If it turns by an angle, as that of an
# oblique scan does, the other corners stick out: in one axis the box loses a part of its width (a cube all of it at 45
# degrees), in the other it gains. Turning the other way exchanges the two. For smaller angles the way there and back gives the
# old numbers again, so that a round trip does not show it. Neither a docstring nor a warning says that the matrix must not
# turn.
#
# Transform all eight corners, and take the least and the largest of each coordinate: that box holds the object. Where
# annotations are centers and diameters, transform the centers, and divide the diameters by the spacing of the voxels.
#
# Below a ball with a diameter of 20 mm, annotated by its box in world coordinates, in a volume of 1 mm voxels whose axes are
# turned about the third one. The ball itself has a width of 20 voxels in each axis.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   0 degrees: ball 20 x 20 x 20, monai 20.0 x 20.0 x 20.0 (IoU 1.00), of eight corners 20.0 x 20.0 x 20.0 (IoU 1.00)
#   15 degrees: ball 20 x 20 x 20, monai 24.5 x 14.1 x 20.0 (IoU 0.61), of eight corners 24.5 x 24.5 x 20.0 (IoU 0.67)
#   30 degrees: ball 20 x 20 x 20, monai 27.3 x 7.3 x 20.0 (IoU 0.32), of eight corners 27.3 x 27.3 x 20.0 (IoU 0.54)
#   -30 degrees: ball 20 x 20 x 20, monai 7.3 x 27.3 x 20.0 (IoU 0.32), of eight corners 27.3 x 27.3 x 20.0 (IoU 0.54)
#   45 degrees: ball 20 x 20 x 20, monai 28.3 x 0.0 x 20.0 (IoU 0.00), of eight corners 28.3 x 28.3 x 20.0 (IoU 0.50)
#   90 degrees: ball 20 x 20 x 20, monai 20.0 x 20.0 x 20.0 (IoU 1.00), of eight corners 20.0 x 20.0 x 20.0 (IoU 1.00)
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 monai==1.6.1 numpy==2.4.6

cat > "$work/world.py" <<'PYTHON'
import numpy as np
import torch
from monai.apps.detection.transforms.dictionary import AffineBoxToImageCoordinated
from monai.data import MetaTensor
from monai.data.box_utils import box_iou

CENTER, RADIUS, SIZE = np.array([50.0, 50.0, 50.0]), 10.0, 101


def tell(degrees):
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    affine = np.eye(4)
    affine[:2, :2] = [[cosine, -sine], [sine, cosine]]
    turn = affine[:3, :3]
    # What the ball covers of the volume: the voxels whose centers are in it, by their world coordinates.
    voxels = np.stack(np.meshgrid(*[np.arange(SIZE)] * 3, indexing="ij"), axis=-1)
    center = turn @ CENTER
    inside = np.argwhere(np.linalg.norm(voxels @ turn.T - center, axis=-1) <= RADIUS + 1e-6)
    ball = np.concatenate([inside.min(axis=0), inside.max(axis=0)])[None].astype(float)
    # Its box in world coordinates, as an annotation has it, and what becomes of it.
    low, high = center - RADIUS, center + RADIUS
    image = MetaTensor(torch.zeros(1, SIZE, SIZE, SIZE), affine=torch.tensor(affine))
    convert = AffineBoxToImageCoordinated(box_keys="box", box_ref_image_keys="image")
    found = convert({"image": image, "box": np.concatenate([low, high])[None]})["box"]
    corners = np.stack(np.meshgrid(*zip(low, high), indexing="ij"), axis=-1).reshape(8, 3) @ np.linalg.inv(turn).T
    around = np.concatenate([corners.min(axis=0), corners.max(axis=0)])[None]

    def words(box):
        sides = " x ".join(f"{abs(side):.1f}" for side in box[0, 3:] - box[0, :3])
        return f"{sides} (IoU {box_iou(box, ball)[0, 0]:.2f})"

    sides = " x ".join(f"{side:.0f}" for side in ball[0, 3:] - ball[0, :3])
    print(f"{degrees} degrees: ball {sides}, monai {words(found)}, of eight corners {words(around)}")


for degrees in (0, 15, 30, -30, 45, 90):
    tell(degrees)
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" world.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='0 degrees: ball 20 x 20 x 20, monai 20.0 x 20.0 x 20.0 (IoU 1.00), of eight corners 20.0 x 20.0 x 20.0 (IoU 1.00)
15 degrees: ball 20 x 20 x 20, monai 24.5 x 14.1 x 20.0 (IoU 0.61), of eight corners 24.5 x 24.5 x 20.0 (IoU 0.67)
30 degrees: ball 20 x 20 x 20, monai 27.3 x 7.3 x 20.0 (IoU 0.32), of eight corners 27.3 x 27.3 x 20.0 (IoU 0.54)
-30 degrees: ball 20 x 20 x 20, monai 7.3 x 27.3 x 20.0 (IoU 0.32), of eight corners 27.3 x 27.3 x 20.0 (IoU 0.54)
45 degrees: ball 20 x 20 x 20, monai 28.3 x 0.0 x 20.0 (IoU 0.00), of eight corners 28.3 x 28.3 x 20.0 (IoU 0.50)
90 degrees: ball 20 x 20 x 20, monai 20.0 x 20.0 x 20.0 (IoU 1.00), of eight corners 20.0 x 20.0 x 20.0 (IoU 1.00)'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
