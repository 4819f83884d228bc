#!/usr/bin/env bash
# OpenCV 5.0.0 and 4.14.0 take other pixels for the same cv2.INTER_NEAREST_EXACT, and other values for cv2.warpAffine.
#
# INTER_NEAREST_EXACT is documented to give "same results as the nearest neighbor method in PIL, scikit-image or Matlab",
# and is what one uses for masks and label maps, since INTER_NEAREST takes the pixel under the left edge. Where the middle of
# a new pixel falls on the border between two old ones, 4.x (4.12 and 4.13 as well) takes now and then another one than
# Pillow 13.0.0; 5.0.0 never does. So at usual sizes up to a tenth of the columns of a mask that was resized with one release
# are a pixel away from those of the other. cv2.warpAffine, which rotates the images, interpolates between 32 positions in
# a pixel in 4.x and exactly in 5.0.0: on noise about half of the values differ, by a few gray levels. cv2.resize with
# INTER_LINEAR, INTER_AREA, INTER_CUBIC and INTER_LANCZOS4 gave the same bits (not shown). Both releases are current,
# and which one is installed depends on what else asks for it.
#
# Seen on Linux, Python 3.11:
#   4.14.0: INTER_NEAREST_EXACT other than Pillow for 622 of 3432 pairs of lengths
#   4.14.0: 640 pixels to 224: 20 from another place than Pillow's
#   4.14.0: 320 pixels to 100: 9 from another place than Pillow's
#   5.0.0: INTER_NEAREST_EXACT other than Pillow for 0 of 3432 pairs of lengths
#   5.0.0: 640 pixels to 224: 0 from another place than Pillow's
#   5.0.0: 320 pixels to 100: 0 from another place than Pillow's
#   turned by 17 degrees: values differ
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
for version in 4.14.0.94 5.0.0.93; do
  python3 -m venv "$work/$version"
  "$work/$version/bin/pip" install --quiet --disable-pip-version-check opencv-python-headless==$version numpy==2.4.6 \
    pillow==13.0.0
done

cat > "$work/nearest.py" <<'PYTHON'
import sys

import cv2
import numpy as np
from PIL import Image


def lines(length, resized):
    """A line of numbers, resized by OpenCV and by Pillow."""
    line = np.arange(length, dtype=np.int32)[None].repeat(2, axis=0)
    by_pillow = np.asarray(Image.fromarray(line, "I").resize((resized, 2), Image.Resampling.NEAREST))[0]
    ours = cv2.resize(line.astype(np.uint16), (resized, 2), interpolation=cv2.INTER_NEAREST_EXACT)[0]
    return ours.astype(int), by_pillow


pairs = [(length, resized) for length in range(2, 200, 3) for resized in range(2, 260, 5)]
other = sum(not np.array_equal(*lines(*pair)) for pair in pairs)
print(f"{cv2.__version__}: INTER_NEAREST_EXACT other than Pillow for {other} of {len(pairs)} pairs of lengths")
for pair in ((640, 224), (320, 100)):
    ours, by_pillow = lines(*pair)
    places = int((ours != by_pillow).sum())
    print(f"{cv2.__version__}: {pair[0]} pixels to {pair[1]}: {places} from another place than Pillow's")

noise = np.random.default_rng(0).integers(0, 256, (240, 320), np.uint8)
turned = cv2.warpAffine(noise, cv2.getRotationMatrix2D((160, 120), 17, 0.9), (320, 240))
np.save(sys.argv[1], turned)
PYTHON

cat > "$work/compare.py" <<'PYTHON'
import numpy as np

old, new = (np.load(f"{name}.npy").astype(int) for name in ("4", "5"))
print(f"turned by 17 degrees: values {'differ' if (old != new).mean() > 0.3 else 'are equal'}")
PYTHON

cd "$work"
seen="$(4.14.0.94/bin/python nearest.py 4.npy; 5.0.0.93/bin/python nearest.py 5.npy; 5.0.0.93/bin/python compare.py)"
echo "$seen"
expected="4.14.0: INTER_NEAREST_EXACT other than Pillow for 622 of 3432 pairs of lengths
4.14.0: 640 pixels to 224: 20 from another place than Pillow's
4.14.0: 320 pixels to 100: 9 from another place than Pillow's
5.0.0: INTER_NEAREST_EXACT other than Pillow for 0 of 3432 pairs of lengths
5.0.0: 640 pixels to 224: 0 from another place than Pillow's
5.0.0: 320 pixels to 100: 0 from another place than Pillow's
turned by 17 degrees: values differ"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
