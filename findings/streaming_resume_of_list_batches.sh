#!/usr/bin/env bash
# mosaicml-streaming 0.13.0: a run resumes at another image if its batches are lists of samples, as columns are counted.
#
# `StreamingDataLoader` "tracks the number of samples seen by the model", which is where a resumed run goes on. It has a batch
# size, but counts each batch by its form: a dictionary by the length of its first value, a list by the length of its first
# element. That fits (images, targets). Images with boxes are often left as a list of samples (`lambda samples: samples`), which
# is what Detectron2's models take. The first element of this is a sample, whose length is the number of its columns. With
# 3 columns and batches of 8 the checkpoint has 15 after 40 images, and the resumed run repeats 25; in batches of 2 it has
# 15 after 10, and the epoch leaves 5 images out. Later in an epoch it is as many times more. No message says so. A dictionary
# or a tuple of lists is counted right.
#
# Below an epoch of 80 images in their order, which is interrupted after 5 batches and resumed from `state_dict()`.
#
# Seen on Linux, Python 3.11 (about 8 GB are installed for a while):
#   batches of 8, dictionary: 40 images seen, the state says 40, resumed at image 40, 0 repeated, 0 left out
#   batches of 8, tuple: 40 images seen, the state says 40, resumed at image 40, 0 repeated, 0 left out
#   batches of 8, list: 40 images seen, the state says 15, resumed at image 15, 25 repeated, 0 left out
#   batches of 2, dictionary: 10 images seen, the state says 10, resumed at image 10, 0 repeated, 0 left out
#   batches of 2, tuple: 10 images seen, the state says 10, resumed at image 10, 0 repeated, 0 left out
#   batches of 2, list: 10 images seen, the state says 15, resumed at image 15, 0 repeated, 5 left out
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 torchvision==0.29.2 mosaicml-streaming==0.13.0 \
  numpy==2.1.3

cat > "$work/resume.py" <<'PYTHON'
from collections import Counter
from itertools import islice

import numpy as np
from streaming import MDSWriter, StreamingDataLoader, StreamingDataset
from streaming.base.util import clean_stale_shared_memory

IMAGES, BATCHES = 80, 5


def as_list(samples):
    return samples


def as_tuple(samples):
    """Images and targets, each a list, as torchvision's detectors take them."""
    return [sample["image"] for sample in samples], [sample["boxes"] for sample in samples]


def as_dictionary(samples):
    return {column: [sample[column] for sample in samples] for column in samples[0]}


def images(batch):
    """The numbers of the images in a batch."""
    if isinstance(batch, tuple):
        pixels = batch[0]
    else:
        pixels = batch["image"] if isinstance(batch, dict) else [sample["image"] for sample in batch]
    return [int(image.max()) for image in pixels]


def loader(batch_size, collate):
    clean_stale_shared_memory()
    dataset = StreamingDataset(local="mds", shuffle=False, batch_size=batch_size)
    return StreamingDataLoader(dataset, batch_size=batch_size, collate_fn=collate)


def tell(batch_size, collate):
    first = loader(batch_size, collate)
    seen = [image for batch in islice(first, BATCHES) for image in images(batch)]
    state = first.state_dict()
    del first
    resumed = loader(batch_size, collate)
    resumed.load_state_dict(state)
    rest = [image for batch in resumed for image in images(batch)]
    counts = Counter(seen + rest)
    words = f"{len(seen)} images seen, the state says {state['sample_in_epoch']}, resumed at image {rest[0]}"
    repeated = sum(count > 1 for count in counts.values())
    print(f"batches of {batch_size}, {collate.__name__[3:]}: {words}, {repeated} repeated, {IMAGES - len(counts)} left out")


if __name__ == "__main__":
    columns = {"image": "ndarray:uint8", "boxes": "ndarray:float32", "labels": "ndarray:int64"}
    with MDSWriter(out="mds", columns=columns) as writer:
        for number in range(IMAGES):
            image = np.full((4, 4, 3), number, np.uint8)
            writer.write({"image": image, "boxes": np.ones((1, 4), np.float32), "labels": np.zeros(1, np.int64)})
    for batch_size in (8, 2):
        for collate in (as_dictionary, as_tuple, as_list):
            tell(batch_size, collate)
PYTHON

cd "$work"
venv/bin/python resume.py > out.txt 2> errors.txt || { cat errors.txt >&2; exit 1; }
seen="$(grep "^batches" out.txt)"
echo "$seen"
expected='batches of 8, dictionary: 40 images seen, the state says 40, resumed at image 40, 0 repeated, 0 left out
batches of 8, tuple: 40 images seen, the state says 40, resumed at image 40, 0 repeated, 0 left out
batches of 8, list: 40 images seen, the state says 15, resumed at image 15, 25 repeated, 0 left out
batches of 2, dictionary: 10 images seen, the state says 10, resumed at image 10, 0 repeated, 0 left out
batches of 2, tuple: 10 images seen, the state says 10, resumed at image 10, 0 repeated, 0 left out
batches of 2, list: 10 images seen, the state says 15, resumed at image 15, 0 repeated, 5 left out'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
