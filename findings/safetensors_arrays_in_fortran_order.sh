#!/usr/bin/env bash
# safetensors 0.8.0: NumPy arrays that are transposed, strided or from pycocotools come back with their values mixed up.
#
# `safetensors.numpy` passes the place of an array's first value, its shape and its number of bytes on, and these bytes are
# written as if they were in C order. No look is taken at the strides. So a Fortran array comes back with its values at other
# places, and a part with steps as the values that lie between. The shape and the type are right, and nothing is said. A
# Fortran array is "contiguous and dense", as the documentation asks for; and masks that pycocotools decodes are such arrays,
# as are images as (3, height, width) by `transpose`, transposed weights, and the components of scikit-learn's PCA.
# Version 0.7.0 wrote the values in C order, and safetensors.torch raises ValueError for such tensors. The functions for
# TensorFlow, JAX and MLX go the same way as those for NumPy, with what these give as NumPy arrays. It is known: issue 825,
# and the open pull requests 826 and 829.
#
# Call `np.ascontiguousarray` first; it copies only where this is needed. Files that 0.8.0 wrote: an array that is known to
# have been in Fortran order is `loaded.reshape(loaded.shape[::-1]).T`; what was between the steps is lost.
#
# Below a mask of 100 x 60 pixels with a disc, an image, and every second one of six boxes, saved and loaded.
#
# Seen on Linux, Python 3.11 (about 100 MB are installed for a while):
#   as they are:
#     mask: IoU 1.00 with what was saved
#     mask of pycocotools: IoU 0.21 with what was saved
#     image: 1% of the values are as saved
#     boxes 0, 2, 4: come back as 0, 1, 2
#     mask of pycocotools, reshaped: IoU 1.00
#   contiguous:
#     mask: IoU 1.00 with what was saved
#     mask of pycocotools: IoU 1.00 with what was saved
#     image: 100% of the values are as saved
#     boxes 0, 2, 4: come back as 0, 2, 4
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check safetensors==0.8.0 pycocotools==2.0.11 numpy==2.4.6

cat > "$work/arrays.py" <<'PYTHON'
import numpy as np
from pycocotools import mask as coco
from safetensors.numpy import load_file, save_file


def iou(one, other):
    return (one & other).sum() / (one | other).sum()


rows, columns = np.mgrid[:60, :100]
disc = ((rows - 30) ** 2 + (columns - 40) ** 2 < 20**2).astype(np.uint8)
decoded = coco.decode(coco.encode(np.asfortranarray(disc)))
image = np.stack([rows, columns, rows + columns], axis=2).astype(np.uint8)
boxes = np.array([[10 * n, 10 * n, 10 * n + 5, 10 * n + 5] for n in range(6)], dtype=np.float32)
arrays = {"mask": disc, "mask of pycocotools": decoded, "image": image.transpose(2, 0, 1), "boxes": boxes[::2]}

for how, saved in (("as they are", arrays), ("contiguous", {k: np.ascontiguousarray(v) for k, v in arrays.items()})):
    save_file(saved, "arrays.safetensors")
    loaded = load_file("arrays.safetensors")
    assert all(loaded[name].shape == arrays[name].shape and loaded[name].dtype == arrays[name].dtype for name in arrays)
    print(f"{how}:")
    for name in ("mask", "mask of pycocotools"):
        print(f"  {name}: IoU {iou(loaded[name], disc):.2f} with what was saved")
    print(f"  image: {(loaded['image'] == arrays['image']).mean():.0%} of the values are as saved")
    print(f"  boxes 0, 2, 4: come back as {', '.join(str(round(x / 10)) for x in loaded['boxes'][:, 0])}")
    fortran = loaded["mask of pycocotools"]
    if how == "as they are":
        print(f"  mask of pycocotools, reshaped: IoU {iou(fortran.reshape(fortran.shape[::-1]).T, disc):.2f}")
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" arrays.py)"
echo "$seen"
expected='as they are:
  mask: IoU 1.00 with what was saved
  mask of pycocotools: IoU 0.21 with what was saved
  image: 1% of the values are as saved
  boxes 0, 2, 4: come back as 0, 1, 2
  mask of pycocotools, reshaped: IoU 1.00
contiguous:
  mask: IoU 1.00 with what was saved
  mask of pycocotools: IoU 1.00 with what was saved
  image: 100% of the values are as saved
  boxes 0, 2, 4: come back as 0, 2, 4'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
