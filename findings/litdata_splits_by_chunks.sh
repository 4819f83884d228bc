#!/usr/bin/env bash
# litdata 0.2.76: train_test_split(shuffle=True) shuffles chunks, not images: of one chunk the end is the test set.
#
# `shuffle`, on by default, is "whether to shuffle the data before splitting", says the docstring; scikit-learn's
# function of this name draws each image. litdata puts the chunks (the files that hold the images in the order in which
# they were written) in another order and cuts: each part is whole chunks, and what lies at the beginning or end of one.
# A chunk of 64 MB, the size in the README's examples, has some 400 photographs of 160 kB. Where images were written
# class by class, or video by video, as a folder lists them, a part then has few of them: of 50 classes 16 below. Where
# all is one chunk, `seed` changes nothing, and training has no image of the classes of the test set.
# `StreamingDataset(subsample=0.2)`, "fraction of the dataset to be randomly sampled", is cut by the same function, and
# is with shuffle=True the first fifth of such a data set whatever its seed. The README, which shows both calls, does
# not say so, and no message does.
#
# That each part needs few of the chunks may be intended: it saves downloads. Mix the images before `optimize`, or draw
# the indices and give them to `dataset.subset`.
#
# Below 1,000 images of 10 classes in one chunk, and 6,500 of 50 classes with 58 to a chunk (a class fills a bit more
# than two), written in the order of their classes.
#
# Seen on Linux, Python 3.11:
#   one chunk: train 800 images of 8 classes, test 200 of 2, 0 in both
#   one chunk, seeds 0 to 9: 1 test set, images 800 to 999
#   one chunk, subsample=0.2, seeds 0 to 9: 200 images, 0 to 199
#   58 to a chunk: train 5850 images of 50 classes, test 650 of 16, 16 in both
#   one chunk, mixed before: train 800 images of 10 classes, test 200 of 10, 10 in both
#   one chunk, subset: train 800 images of 10 classes, test 200 of 10, 10 in both
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check litdata==0.2.76 torch==2.15.0 numpy==2.4.6

cat > "$work/split.py" <<'PYTHON'
import sys
from pathlib import Path

import litdata
import numpy as np
from litdata import StreamingDataset, train_test_split

IMAGES, SEEDS = 1_000, range(10)
work = Path(sys.argv[1])


def sample(numbers):
    image, label = numbers
    return {"image": image, "class": label}


def write(name, numbers, **size):
    litdata.optimize(sample, numbers, str(work / name), num_workers=1, **size)
    return str(work / name)


def read(dataset):
    rows = [(int(row["image"]), int(row["class"])) for row in dataset]
    return {image for image, _ in rows}, {label for _, label in rows}


def split(folder, splits, seed=42):
    return [read(part) for part in train_test_split(StreamingDataset(folder), splits=splits, seed=seed, shuffle=True)]


def words(parts):
    (train, train_classes), (test, test_classes) = parts
    assert not train & test
    shared = len(train_classes & test_classes)
    sizes = f"train {len(train)} images of {len(train_classes)} classes, test {len(test)} of {len(test_classes)}"
    return f"{sizes}, {shared} in both"


def main():
    ordered = [(image, image // 100) for image in range(IMAGES)]
    mixed = np.random.default_rng(0).permutation(IMAGES).tolist()
    more = [(image, image // 130) for image in range(6_500)]
    one = write("one", ordered, chunk_bytes="64MB")
    yield f"one chunk: {words(split(one, [0.8, 0.2]))}"
    tests = {frozenset(split(one, [0.8, 0.2], seed)[1][0]) for seed in SEEDS}
    yield f"one chunk, seeds 0 to 9: {len(tests)} test set, images {min(min(tests))} to {max(max(tests))}"
    parts = [read(StreamingDataset(one, subsample=0.2, shuffle=True, seed=seed)) for seed in SEEDS]
    sampled = {image for images, _ in parts for image in images}
    yield f"one chunk, subsample=0.2, seeds 0 to 9: {len(sampled)} images, {min(sampled)} to {max(sampled)}"
    yield f"58 to a chunk: {words(split(write('more', more, chunk_size=58), [0.9, 0.1]))}"
    folder = write("mixed", [ordered[place] for place in mixed], chunk_bytes="64MB")
    yield f"one chunk, mixed before: {words(split(folder, [0.8, 0.2]))}"
    drawn = [sorted(mixed[:800]), sorted(mixed[800:])]
    yield f"one chunk, subset: {words([read(StreamingDataset(one).subset(indices)) for indices in drawn])}"


if __name__ == "__main__":
    (work / "seen.txt").write_text("\n".join(main()))
PYTHON

DATA_OPTIMIZER_CACHE_FOLDER="$work/cache" "$work/venv/bin/python" "$work/split.py" "$work" > "$work/errors.txt" 2>&1 \
  || { cat "$work/errors.txt" >&2; exit 1; }
seen="$(cat "$work/seen.txt")"
echo "$seen"
expected="one chunk: train 800 images of 8 classes, test 200 of 2, 0 in both
one chunk, seeds 0 to 9: 1 test set, images 800 to 999
one chunk, subsample=0.2, seeds 0 to 9: 200 images, 0 to 199
58 to a chunk: train 5850 images of 50 classes, test 650 of 16, 16 in both
one chunk, mixed before: train 800 images of 10 classes, test 200 of 10, 10 in both
one chunk, subset: train 800 images of 10 classes, test 200 of 10, 10 in both"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
