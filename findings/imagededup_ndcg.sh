#!/usr/bin/env bash
# imagededup 0.3.3.post2: its NDCG of a search that finds one of nine duplicates is 1.0, as for one that finds all nine.
#
# `evaluate(ground_truth_map, retrieved_map)` is to tell "the quality of deduplication algorithm and the corresponding
# threshold"; one of its numbers is the "Mean Normalized Discounted Cumulative Gain (NDCG)". The gain of what was found
# is normalized by that of an ideal result, which has all duplicates of the image at its beginning. imagededup takes
# what was found instead, sorted: duplicates that were not found are missing in the ideal result too. So the NDCG tells
# only whether wrong images stand before right ones in a list, and a list without a wrong one has 1.0, however short it
# is. The stricter the threshold is the better it becomes; who chooses the threshold by it leaves most duplicates in the
# data. Nothing is said. MAP, the Jaccard index, precision and recall of the same call are right.
#
# Below 20 images, ten copies of each of two pictures, and three searches. "right" is the NDCG with all nine duplicates
# in the ideal result; for it the copies that were not found count as ranked after all that were, without gain.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   all nine duplicates: NDCG 1.000 (right: 1.000), MAP 1.000, Jaccard 1.000
#   one of the nine: NDCG 1.000 (right: 0.235), MAP 0.111, Jaccard 0.111
#   a wrong image, then all nine: NDCG 0.833 (right: 0.833), MAP 0.786, Jaccard 0.900
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check imagededup==0.3.3.post2 torch==2.15.0 \
  torchvision==0.29.2 numpy==2.4.6 scikit-learn==1.9.1

cat > "$work/ndcg.py" <<'PYTHON'
from math import log2

from imagededup.evaluation import evaluate


def gain(relevant):
    return sum(value / log2(rank + 1) for rank, value in enumerate(relevant, start=1))


names = [f"{picture}{copy}.jpg" for picture in "ab" for copy in range(10)]
truth = {name: [other for other in names if other[0] == name[0] and other != name] for name in names}
# each image's partner is another copy of the same picture; the wrong image is the same copy of the other picture
partner = {name: f"{name[0]}{int(name[1]) ^ 1}.jpg" for name in names}
wrong = {name: f"{'b' if name[0] == 'a' else 'a'}{name[1:]}" for name in names}
for words, found in {
    "all nine duplicates": truth,
    "one of the nine": {name: [partner[name]] for name in names},
    "a wrong image, then all nine": {name: [wrong[name], *truth[name]] for name in names},
}.items():
    seen = {metric: float(evaluate(truth, found, metric=metric)[metric]) for metric in ("ndcg", "map", "jaccard")}
    gains = [gain([one in truth[name] for one in found[name]]) / gain([1] * len(truth[name])) for name in names]
    right = sum(gains) / len(gains)
    ndcg = f"NDCG {seen['ndcg']:.3f} (right: {right:.3f})"
    print(f"{words}: {ndcg}, MAP {seen['map']:.3f}, Jaccard {seen['jaccard']:.3f}")
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" ndcg.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='all nine duplicates: NDCG 1.000 (right: 1.000), MAP 1.000, Jaccard 1.000
one of the nine: NDCG 1.000 (right: 0.235), MAP 0.111, Jaccard 0.111
a wrong image, then all nine: NDCG 0.833 (right: 0.833), MAP 0.786, Jaccard 0.900'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
