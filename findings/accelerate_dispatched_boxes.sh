#!/usr/bin/env bash
# accelerate 1.15.0: images of an iterable data set keep as many boxes as the batch has images, or get another image's boxes.
#
# `Accelerator.prepare` wraps a loader "to generate batches for one of the processes only". In one process it should change
# nothing but the device, and for a data set with indices it does so. For an `IterableDataset` (webdataset, a stream of
# datasets) `dispatch_batches` is on by default: process 0 reads, joins the batches of all processes, and each process cuts out
# its part. This joins and cuts every tensor of the batch along its first dimension at the places of the images, also the
# tensors in the labels, whose first dimension is the number of objects, and it cuts also if there is one process. A batch as
# DETR takes it (the images in one tensor, a list of labels with a tensor of boxes for each image) keeps B boxes of each image
# if it has B images. In torchvision's form (lists of images and of targets) the first tensor is an image, whose 3 channels
# are taken for the number of images: 3 boxes stay. In two processes the second trains its images with boxes of the first's.
# So objects become background, boxes are at wrong places, and ground truth is missing in validation. No message says so.
# With no more objects in each image than images in the batch all looks right in one process.
#
# `DataLoaderConfiguration(dispatch_batches=False)` leaves batches as they are; each process then reads the whole stream, and
# takes its images from it.
#
# Below 4 images with 5 objects each in batches of 2. "2: 0 0" means that image 2 comes with two boxes, both of image 0.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   1 process, indexed: 0: 0 0 0 0 0, 1: 1 1 1 1 1, 2: 2 2 2 2 2, 3: 3 3 3 3 3
#   1 process, iterable: 0: 0 0, 1: 1 1, 2: 2 2, 3: 3 3
#   1 process, iterable, torchvision's form: 0: 0 0 0, 1: 1 1 1, 2: 2 2 2, 3: 3 3 3
#   1 process, iterable, dispatch_batches=False: 0: 0 0 0 0 0, 1: 1 1 1 1 1, 2: 2 2 2 2 2, 3: 3 3 3 3 3
#   2 processes, indexed: 0: 0 0 0 0 0, 1: 1 1 1 1 1, 2: 2 2 2 2 2, 3: 3 3 3 3 3
#   2 processes, iterable: 0: 0 0, 1: 1 1, 2: 0 0, 3: 1 1
#   2 processes, iterable, dispatch_batches=False: 0: 0 0 0 0 0, 1: 1 1 1 1 1, 2: 2 2 2 2 2, 3: 3 3 3 3 3
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 accelerate==1.15.0 numpy==2.4.6

cat > "$work/boxes.py" <<'PYTHON'
import torch
from accelerate import Accelerator, DataLoaderConfiguration
from accelerate.utils import gather_object
from torch.utils.data import DataLoader, Dataset, IterableDataset

IMAGES, OBJECTS, BATCH = 4, 5, 2


def sample(number):
    """An image with 5 objects: all its pixels, and all numbers of its boxes, are its own number."""
    boxes = torch.full((OBJECTS, 4), float(number))
    return torch.full((3, 8, 8), float(number)), {"class_labels": torch.zeros(OBJECTS, dtype=torch.long), "boxes": boxes}


class Indexed(Dataset):
    def __len__(self):
        return IMAGES

    def __getitem__(self, index):
        return sample(index)


class Stream(IterableDataset):
    def __iter__(self):
        return map(sample, range(IMAGES))


def detr(samples):
    return {"pixel_values": torch.stack([image for image, _ in samples]), "labels": [label for _, label in samples]}


def torchvision(samples):
    return [image for image, _ in samples], [label for _, label in samples]


def tell(words, dataset, collate, **config):
    """Which boxes come with which image, over all processes."""
    accelerator = Accelerator(cpu=True, dataloader_config=DataLoaderConfiguration(**config))
    loader = accelerator.prepare(DataLoader(dataset, batch_size=BATCH, collate_fn=collate))
    found = {}
    for batch in loader:
        images, labels = batch.values() if isinstance(batch, dict) else batch
        for image, label in zip(images, labels, strict=True):
            found[int(image.max())] = " ".join(str(int(box[0])) for box in label["boxes"])
    found = dict(gather_object(list(found.items())))
    noun = "process" if accelerator.num_processes == 1 else "processes"
    boxes = ", ".join(f"{image}: {found[image]}" for image in sorted(found))
    accelerator.print(f"{accelerator.num_processes} {noun}, {words}: {boxes}")


tell("indexed", Indexed(), detr)
tell("iterable", Stream(), detr)
if Accelerator(cpu=True).num_processes == 1:
    tell("iterable, torchvision's form", Stream(), torchvision)
tell("iterable, dispatch_batches=False", Stream(), detr, dispatch_batches=False)
PYTHON

cd "$work"
export OMP_NUM_THREADS=1
{
  venv/bin/python boxes.py && venv/bin/torchrun --standalone --nproc-per-node=2 boxes.py
} > out.txt 2> errors.txt || { cat errors.txt >&2; exit 1; }
seen="$(cat out.txt)"
echo "$seen"
expected="1 process, indexed: 0: 0 0 0 0 0, 1: 1 1 1 1 1, 2: 2 2 2 2 2, 3: 3 3 3 3 3
1 process, iterable: 0: 0 0, 1: 1 1, 2: 2 2, 3: 3 3
1 process, iterable, torchvision's form: 0: 0 0 0, 1: 1 1 1, 2: 2 2 2, 3: 3 3 3
1 process, iterable, dispatch_batches=False: 0: 0 0 0 0 0, 1: 1 1 1 1 1, 2: 2 2 2 2 2, 3: 3 3 3 3 3
2 processes, indexed: 0: 0 0 0 0 0, 1: 1 1 1 1 1, 2: 2 2 2 2 2, 3: 3 3 3 3 3
2 processes, iterable: 0: 0 0, 1: 1 1, 2: 0 0, 3: 1 1
2 processes, iterable, dispatch_batches=False: 0: 0 0 0 0 0, 1: 1 1 1 1 1, 2: 2 2 2 2 2, 3: 3 3 3 3 3"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
