#!/usr/bin/env bash
# sahi 0.12.8: postprocess_type="NMM" does not merge detections that overlap in a chain: it deletes what is farther away.
#
# Of NMM sahi says: "if A overlaps B and B overlaps C, all three are merged even if A does not directly overlap C". It makes
# this group from the overlaps of all pairs. Then it goes through the group and merges a detection only if it also overlaps
# what has been merged so far, by the same threshold (and with IoU a box that grows fits ever worse). What does not is left out
# of the merged box, and is not returned by itself either, as it belongs to the group. So detections disappear that overlap
# nothing of what is left, with any score. Nothing is said. Where things stand in a row (cars, people, books), or where
# a long thing is found in several slices, it is a part of them. GREEDYNMM, the default, has groups of direct neighbors and
# leaves nothing out here, nor does NMS; nor NMM with the default metric IOS for boxes of one size.
#
# Below detections of 100 x 100 in a row, 25 pixels apart: what is left of the row by each method. By the documentation NMM
# makes one box of it.
#
# Seen on Linux, Python 3.11 (about 500 MB are installed for a while):
#   Boxes in a row, IoU 0.6 with the next one, threshold 0.5; from left to right, what is found:
#   2 boxes, 0-100 to 25-125
#     NMM: 0-125
#     NMM with IOS: 0-125
#     GREEDYNMM: 0-125
#     NMS: 0-100
#   3 boxes, 0-100 to 50-150
#     NMM: 0-150
#     NMM with IOS: 0-150
#     GREEDYNMM: 0-125, 50-150
#     NMS: 0-100, 50-150
#   4 boxes, 0-100 to 75-175
#     NMM: 0-150
#     NMM with IOS: 0-175
#     GREEDYNMM: 0-125, 50-175
#     NMS: 0-100, 50-150
#   9 boxes, 0-100 to 200-300
#     NMM: 0-150
#     NMM with IOS: 0-300
#     GREEDYNMM: 0-125, 50-175, 100-225, 150-275, 200-300
#     NMS: 0-100, 50-150, 100-200, 150-250, 200-300
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check sahi==0.12.8 shapely==2.2.0 \
  opencv-python==5.0.0.93 numpy==2.4.6

cat > "$work/chain.py" <<'PYTHON'
from sahi.postprocess.combine import GreedyNMMPostprocess, NMMPostprocess, NMSPostprocess
from sahi.prediction import ObjectPrediction

WIDTH, STEP = 100, 25


def chain(number):
    """Detections of one class in a row: each has IoU 0.6 (IoS 0.75) with the next, the scores become lower to the right."""
    return [
        ObjectPrediction([STEP * k, 0, STEP * k + WIDTH, 100], category_id=0, score=0.9 - 0.05 * k, full_shape=[500, 500])
        for k in range(number)
    ]


def tell(words, kind, predictions, metric="IOU"):
    found = kind(match_threshold=0.5, match_metric=metric, class_agnostic=False)(predictions)
    text = ", ".join("{0:.0f}-{2:.0f}".format(*one.bbox.to_xyxy()) for one in sorted(found, key=lambda one: one.bbox.minx))
    print(f"{words}: {text}")


print("Boxes in a row, IoU 0.6 with the next one, threshold 0.5; from left to right, what is found:")
for number in (2, 3, 4, 9):
    last = STEP * (number - 1)
    print(f"{number} boxes, 0-100 to {last}-{last + WIDTH}")
    tell("  NMM", NMMPostprocess, chain(number))
    tell("  NMM with IOS", NMMPostprocess, chain(number), "IOS")
    tell("  GREEDYNMM", GreedyNMMPostprocess, chain(number))
    tell("  NMS", NMSPostprocess, chain(number))
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" chain.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='Boxes in a row, IoU 0.6 with the next one, threshold 0.5; from left to right, what is found:
2 boxes, 0-100 to 25-125
  NMM: 0-125
  NMM with IOS: 0-125
  GREEDYNMM: 0-125
  NMS: 0-100
3 boxes, 0-100 to 50-150
  NMM: 0-150
  NMM with IOS: 0-150
  GREEDYNMM: 0-125, 50-150
  NMS: 0-100, 50-150
4 boxes, 0-100 to 75-175
  NMM: 0-150
  NMM with IOS: 0-175
  GREEDYNMM: 0-125, 50-175
  NMS: 0-100, 50-150
9 boxes, 0-100 to 200-300
  NMM: 0-150
  NMM with IOS: 0-300
  GREEDYNMM: 0-125, 50-175, 100-225, 150-275, 200-300
  NMS: 0-100, 50-150, 100-200, 150-250, 200-300'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
