#!/usr/bin/env bash
# lance (pylance 14.0.2): a sample of n has other than n rows, or always the same; shuffled epochs are alike.
#
# `maybe_sample(dataset, n, columns)` is to "sample n records"; `lance.torch.data.LanceDataset(samples=n)` calls it. Up
# to 2,048 rows (its `max_takes`, which LanceDataset does not set) it draws any n. Above, it cuts the data into pieces
# of total // 2,048 rows and takes from each a run of n // 2,048, until it has n or the data end. What the divisions
# leave is missing, or the end of the data is not reached, and of the places where a run could begin in its piece the
# last is never drawn: a piece of two rows always gives its first. Of 5,000 images n = 3,000 and n = 4,000 are 2,500
# rows, each time the same; 4,500 are the first 4,500, so of data sorted by class the last one is never drawn. 10,000 of
# COCO's 118,287 training images are 8,304. The docstring says that a sufficiently large `max_takes` "can provide an
# effective random sample", not that n is not kept; there is no warning. Who learns from a share of the data has another
# share, or other data, than he reports. `dataset.sample(n)` of the same package draws any n rows; so does maybe_sample
# with max_takes=n.
#
# ShardedBatchSampler and ShardedFragmentSampler with randomize=True get the number of the epoch by `set_epoch`, and do
# not use it (the former does with a filter; a comment in issue 3705 of lancedb knows of that one): each epoch has the
# order of the one before. To shuffle they call Python's `random.seed(seed)` at the beginning of each epoch, so what the
# process then draws from `random` is the same in each epoch, too: below, which images are flipped. An image is flipped
# always or never. Make a sampler with another seed for each epoch, and draw augmentations from a generator of their
# own.
#
# Below ten samples of each size, of 5,000 images in ten classes, then three epochs in which each image is flipped with
# a chance of one half.
#
# Seen on Linux, Python 3.11:
#   2048 of 5000: 2048 rows; any of 10 samples: 4975 rows of 10 classes
#   2049 of 5000: 2049 rows; any of 10 samples: 2049 rows of 9 classes
#   3000 of 5000: 2500 rows; any of 10 samples: 2500 rows of 10 classes
#   4000 of 5000: 2500 rows; any of 10 samples: 2500 rows of 10 classes
#   4500 of 5000: 4500 rows; any of 10 samples: 4500 rows of 9 classes
#   4500 are the first 4500: True
#   10000 of 118287: 8304 rows
#   4500 of 5000, dataset.sample: 4500 rows; any of 10 samples: 5000 rows of 10 classes
#   4500 of 5000, max_takes=4500: 4500 rows; any of 10 samples: 5000 rows of 10 classes
#   ShardedBatchSampler: 3 of 3 epochs in the order of the first, shuffled: True
#   ShardedBatchSampler: flipped in epoch 0 2512, in each epoch 2512
#   ShardedFragmentSampler: 3 of 3 epochs in the order of the first, shuffled: True
#   ShardedFragmentSampler: flipped in epoch 0 2491, in each epoch 2491
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
  pylance==14.0.2 lance-namespace==0.13.0 numpy==2.4.6 pyarrow==26.0.1

cat > "$work/sample.py" <<'PYTHON'
import random
import sys
from pathlib import Path

import lance
import numpy as np
import pyarrow as pa
from lance.sampler import ShardedBatchSampler, ShardedFragmentSampler, maybe_sample

IMAGES, CLASSES, SAMPLES, EPOCHS, BATCH = 5_000, 10, 10, 3, 100
COCO, OF_COCO = 118_287, 10_000
work = Path(sys.argv[1])


def write(name, images):
    table = pa.table({"image": np.arange(images)})
    return lance.write_dataset(table, str(work / name), max_rows_per_file=500)


def drawn(dataset, rows, **options):
    batches = maybe_sample(dataset, rows, "image", **options)
    return np.concatenate([batch["image"].to_numpy() for batch in batches])


def words(samples):
    """How many rows a sample has, how many any of the samples has, and of how many classes these are."""
    (size,) = {len(np.unique(sample)) for sample in samples}
    ever = np.unique(np.concatenate(samples))
    return f"{size} rows; any of {SAMPLES} samples: {len(ever)} rows of {len(set(ever * CLASSES // IMAGES))} classes"


np.random.seed(0)
random.seed(0)
dataset = write("images", IMAGES)  # sorted by class: 500 images of each
for rows in (2_048, 2_049, 3_000, 4_000, 4_500):
    print(f"{rows} of {IMAGES}: {words([drawn(dataset, rows) for _ in range(SAMPLES)])}")
print("4500 are the first 4500:", np.array_equal(drawn(dataset, 4_500), np.arange(4_500)))
print(f"{OF_COCO} of {COCO}: {len(drawn(write('coco', COCO), OF_COCO))} rows")
samples = [dataset.sample(4_500, ["image"])["image"].to_numpy() for _ in range(SAMPLES)]
print(f"4500 of {IMAGES}, dataset.sample: {words(samples)}")
samples = [drawn(dataset, 4_500, max_takes=4_500) for _ in range(SAMPLES)]
print(f"4500 of {IMAGES}, max_takes=4500: {words(samples)}")

for kind in (ShardedBatchSampler, ShardedFragmentSampler):
    sampler = kind(rank=0, world_size=1, randomize=True, seed=1)
    orders, flipped = [], []
    for epoch in range(EPOCHS):
        sampler.set_epoch(epoch)
        order = [
            (image, random.random() < 0.5)
            for batch in sampler(dataset, batch_size=BATCH, columns=["image"])
            for image in batch["image"].to_pylist()
        ]
        orders.append([image for image, _ in order])
        flipped.append({image for image, flip in order if flip})
    same, mixed = sum(order == orders[0] for order in orders), orders[0] != sorted(orders[0])
    print(f"{kind.__name__}: {same} of {EPOCHS} epochs in the order of the first, shuffled: {mixed}")
    print(f"{kind.__name__}: flipped in epoch 0 {len(flipped[0])}, in each epoch {len(set.intersection(*flipped))}")
PYTHON

seen="$("$work/venv/bin/python" "$work/sample.py" "$work" 2> "$work/errors.txt")" \
  || { cat "$work/errors.txt" >&2; exit 1; }
echo "$seen"
expected="2048 of 5000: 2048 rows; any of 10 samples: 4975 rows of 10 classes
2049 of 5000: 2049 rows; any of 10 samples: 2049 rows of 9 classes
3000 of 5000: 2500 rows; any of 10 samples: 2500 rows of 10 classes
4000 of 5000: 2500 rows; any of 10 samples: 2500 rows of 10 classes
4500 of 5000: 4500 rows; any of 10 samples: 4500 rows of 9 classes
4500 are the first 4500: True
10000 of 118287: 8304 rows
4500 of 5000, dataset.sample: 4500 rows; any of 10 samples: 5000 rows of 10 classes
4500 of 5000, max_takes=4500: 4500 rows; any of 10 samples: 5000 rows of 10 classes
ShardedBatchSampler: 3 of 3 epochs in the order of the first, shuffled: True
ShardedBatchSampler: flipped in epoch 0 2512, in each epoch 2512
ShardedFragmentSampler: 3 of 3 epochs in the order of the first, shuffled: True
ShardedFragmentSampler: flipped in epoch 0 2491, in each epoch 2491"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
