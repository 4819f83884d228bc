#!/usr/bin/env bash
# miseval 1.3.0: its Hausdorff distance is 0 for an object found 38 pixels too low, and the same for all classes.
#
# `evaluate(truth, pred, metric="HD")` is the "Hausdorff Distance" in the table of its README, for masks of medical
# images. It hands both masks to `hausdorff_distance` of the package hausdorff as they are, but that function wants
# lists of points: each row of an image becomes one point, with as many coordinates as the image has columns, and the
# place of a row means nothing. So what moves up or down, in whatever order, has a distance of 0, and other errors have
# the root of a number of pixels. The class (`c`) is not looked at: with several classes each gets the same number,
# which has the labels' numbers in it too.
#
# "AHD", the "Average Hausdorff Distance" of the same table, is not an average: it returns the largest of all distances,
# which is the Hausdorff distance that "HD" should be. It is that of its class. Nothing is said about any of this. Who
# wants a Hausdorff distance takes "AHD", or SciPy's `directed_hausdorff` of `numpy.argwhere(mask)` both ways, and who
# has published one of "HD" has to compute it again.
#
# Below a disk 21 pixels wide in an image of 100 x 100, and other places at which it is found. The right values are
# computed from the pixels of both masks: the largest distance to the nearest pixel of the other one, and the mean of
# these distances.
#
# Seen on Linux, Python 3.11 (about 600 MB are installed for a while):
#   as it is: HD 0.00 (right: 0.00), AHD 0.00 (right: 0.00)
#   38 pixels too low: HD 0.00 (right: 38.00), AHD 38.00 (right: 28.45)
#   40 pixels too far right: HD 4.58 (right: 40.00), AHD 40.00 (right: 30.42)
#   1 pixel too far right: HD 1.41 (right: 1.00), AHD 1.00 (right: 0.07)
#   class 1 is 1 pixel too far right, class 2 is 40 pixels too low: HD 4.12, 4.12 (right: 1.00, 40.00)
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check miseval==1.3.0 hausdorff==0.2.6 \
  numpy==2.4.6 scipy==1.17.1

cat > "$work/rows.py" <<'PYTHON'
import numpy as np
from miseval import evaluate
from scipy.spatial.distance import cdist


def disk(row, column, radius=10):
    y, x = np.mgrid[:100, :100]
    return ((y - row) ** 2 + (x - column) ** 2 <= radius**2).astype(int)


def right(truth, found):
    """Largest and mean distance of the pixels of each mask to the nearest pixel of the other one."""
    between = cdist(np.argwhere(truth), np.argwhere(found))
    nearest = np.concatenate([between.min(axis=0), between.min(axis=1)])
    return nearest.max(), nearest.mean()


truth = disk(50, 30)
for words, found in {
    "as it is": truth,
    "38 pixels too low": disk(88, 30),
    "40 pixels too far right": disk(50, 70),
    "1 pixel too far right": disk(50, 31),
}.items():
    largest, mean = right(truth, found)
    hd, ahd = evaluate(truth, found, metric="HD"), evaluate(truth, found, metric="AHD")
    print(f"{words}: HD {hd:.2f} (right: {largest:.2f}), AHD {ahd:.2f} (right: {mean:.2f})")

truth, found = truth + 2 * disk(20, 80, 5), disk(50, 31) + 2 * disk(60, 80, 5)
seen = evaluate(truth, found, metric="HD", multi_class=True, n_classes=3)
wanted = [right(truth == class_, found == class_)[0] for class_ in (1, 2)]
print(
    "class 1 is 1 pixel too far right, class 2 is 40 pixels too low: "
    f"HD {seen[1]:.2f}, {seen[2]:.2f} (right: {wanted[0]:.2f}, {wanted[1]:.2f})"
)
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" rows.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='as it is: HD 0.00 (right: 0.00), AHD 0.00 (right: 0.00)
38 pixels too low: HD 0.00 (right: 38.00), AHD 38.00 (right: 28.45)
40 pixels too far right: HD 4.58 (right: 40.00), AHD 40.00 (right: 30.42)
1 pixel too far right: HD 1.41 (right: 1.00), AHD 1.00 (right: 0.07)
class 1 is 1 pixel too far right, class 2 is 40 pixels too low: HD 4.12, 4.12 (right: 1.00, 40.00)'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
