#!/usr/bin/env bash
# datasets 5.2.0 (Hugging Face): skip(n) and take(n) of one stream overlap after an epoch, or if they have different readers.
#
# The documentation splits a stream by `take(n)` and `skip(n)` (`train_dataset = shuffled_dataset.skip(1000)`), which
# "lock in the order of the shards", says to shuffle before that, and to call `set_epoch` between epochs. But
# `set_epoch` also gives the shuffle buffer below `skip` another seed, so that n other images come first in each epoch,
# and are skipped. What was held out is trained on from the second epoch on: half of it in each epoch below, nearly all
# of it within six, and 95% at once if the buffer holds the whole data set. Validation looks better and better. Nothing
# is said.
#
# Without `shuffle` the parts depend on who reads them. Where processes (`split_dataset_by_node`) or the workers of a
# DataLoader share the shards, each takes, or skips, its part of n at the beginning of its own shards: take(4), "only
# the first n elements", is other images for two readers than for one. Who trains in four processes and validates in one
# has three quarters of what was held out in training. Split by something that an image has, with `filter`, or split
# before it is a stream.
#
# Below 10,000 images in 8 shards, 500 of them held out, and how many of these are among those to train on.
#
# Seen on Linux, Python 3.11:
#   shuffle, skip, epoch 0: 9500 images, 0 held out
#   shuffle, skip, epoch 1: 9500 images, 247 held out
#   shuffle, skip, epoch 2: 9500 images, 260 held out
#   shuffle, skip, epochs 0 to 5: 485 held out
#   shuffle of all, skip, epoch 1: 9500 images, 477 held out
#   filter, shuffle, epochs 0 to 5: 0 held out
#   skip, 1 process: 9500 images, 0 held out; take(4): 0 1 2 3
#   skip, 2 processes: 9500 images, 250 held out; take(4): 0 1 1250 1251
#   skip, 4 processes: 9500 images, 375 held out; take(4): 0 1250 2500 3750
#   filter, 4 processes: 9500 images, 0 held out
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
  datasets==5.2.0 numpy==2.4.6 pandas==2.3.3 pyarrow==25.0.1

cat > "$work/split.py" <<'PYTHON'
from itertools import chain

from datasets import Dataset
from datasets.distributed import split_dataset_by_node

IMAGES, HELD_OUT, SHARDS, EPOCHS = 10_000, 500, 8, 6
stream = Dataset.from_dict({"image": range(IMAGES)}).to_iterable_dataset(num_shards=SHARDS)
part = IMAGES // HELD_OUT  # every so many images one is held out by filter


def numbers(dataset):
    return [row["image"] for row in dataset]


def of_epoch(train, epoch):
    train.set_epoch(epoch)
    return numbers(train)


def of_processes(dataset, processes):
    return [image for rank in range(processes) for image in numbers(split_dataset_by_node(dataset, rank, processes))]


def words(seen, held_out):
    return f"{len(set(seen))} images, {len(held_out.intersection(seen))} held out"


shuffled = stream.shuffle(seed=42)
held_out, train = set(numbers(shuffled.take(HELD_OUT))), shuffled.skip(HELD_OUT)
epochs = [of_epoch(train, epoch) for epoch in range(EPOCHS)]
for epoch in range(3):
    print(f"shuffle, skip, epoch {epoch}: {words(epochs[epoch], held_out)}")
print(f"shuffle, skip, epochs 0 to {EPOCHS - 1}: {len(held_out.intersection(chain(*epochs)))} held out")
shuffled = stream.shuffle(seed=42, buffer_size=IMAGES)
held_out, train = set(numbers(shuffled.take(HELD_OUT))), shuffled.skip(HELD_OUT)
print(f"shuffle of all, skip, epoch 1: {words(of_epoch(train, 1), held_out)}")

filtered = stream.filter(lambda row: row["image"] % part != 0)
held_out, train = set(range(0, IMAGES, part)), filtered.shuffle(seed=42)
epochs = [of_epoch(train, epoch) for epoch in range(EPOCHS)]
print(f"filter, shuffle, epochs 0 to {EPOCHS - 1}: {len(held_out.intersection(chain(*epochs)))} held out")

held_out, train = set(numbers(stream.take(HELD_OUT))), stream.skip(HELD_OUT)
for processes in (1, 2, 4):
    first = " ".join(map(str, of_processes(stream.take(4), processes)))
    noun = "process" if processes == 1 else "processes"
    print(f"skip, {processes} {noun}: {words(of_processes(train, processes), held_out)}; take(4): {first}")
held_out = set(range(0, IMAGES, part))
print(f"filter, 4 processes: {words(of_processes(filtered, 4), held_out)}")
PYTHON

seen="$(HF_HOME="$work/hf" HF_HUB_OFFLINE=1 "$work/venv/bin/python" "$work/split.py" 2> "$work/errors.txt")" \
  || { cat "$work/errors.txt" >&2; exit 1; }
echo "$seen"
expected="shuffle, skip, epoch 0: 9500 images, 0 held out
shuffle, skip, epoch 1: 9500 images, 247 held out
shuffle, skip, epoch 2: 9500 images, 260 held out
shuffle, skip, epochs 0 to 5: 485 held out
shuffle of all, skip, epoch 1: 9500 images, 477 held out
filter, shuffle, epochs 0 to 5: 0 held out
skip, 1 process: 9500 images, 0 held out; take(4): 0 1 2 3
skip, 2 processes: 9500 images, 250 held out; take(4): 0 1 1250 1251
skip, 4 processes: 9500 images, 375 held out; take(4): 0 1250 2500 3750
filter, 4 processes: 9500 images, 0 held out"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
