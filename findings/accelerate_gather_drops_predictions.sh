#!/usr/bin/env bash
# accelerate 1.15.0: gather_for_metrics drops true predictions, or keeps repeated ones, if a sampler draws part of a data set.
#
# The method lets a metric see each item once. It "potentially drops duplicates in the last batch if on a distributed
# system" (its docstring), as there the last batches are filled up with items of the first. How many items of the last batch
# are no duplicates it computes from the length of the data set; it does not ask the sampler. But PyTorch's own way to hold
# images out is a sampler, `SubsetRandomSampler(indices)`, and `RandomSampler` and `WeightedRandomSampler` have
# `num_samples`. Such a sampler draws another number, and then the last batch is cut at a wrong place, also in one process,
# where nothing was filled up. True predictions and their labels vanish from the metric, 12 of 80 below, or duplicates stay in
# it. No message says so. Where the lengths happen to fit all is right.
#
# `torch.utils.data.Subset` in place of the sampler has the right length. To see it, compare the number of items that the
# metric was given with `len(sampler)`.
#
# Below 80 images are evaluated in batches of 16, drawn from data sets of several lengths.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   1 process, Subset of 100 images: 80 predictions of 80 images
#   1 process, SubsetRandomSampler of 100 images: 68 predictions of 68 images
#   1 process, RandomSampler of 90 images: 74 predictions of 74 images
#   1 process, SubsetRandomSampler of 160 images: 80 predictions of 80 images
#   2 processes, Subset of 100 images: 80 predictions of 80 images
#   2 processes, SubsetRandomSampler of 100 images: 68 predictions of 68 images
#   2 processes, RandomSampler of 90 images: 90 predictions of 80 images
#   2 processes, SubsetRandomSampler of 160 images: 96 predictions of 80 images
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 accelerate==1.15.0 numpy==2.4.6

cat > "$work/gather.py" <<'PYTHON'
from accelerate import Accelerator
from torch.utils.data import DataLoader, RandomSampler, Subset, SubsetRandomSampler

DRAWN, BATCH = 80, 16
accelerator = Accelerator(cpu=True)


def tell(words, dataset, sampler=None):
    """How many images the metric sees."""
    loader = accelerator.prepare(DataLoader(dataset, batch_size=BATCH, sampler=sampler))
    kept = [int(image) for batch in loader for image in accelerator.gather_for_metrics(batch)]
    noun = "process" if accelerator.num_processes == 1 else "processes"
    count = f"{len(kept)} predictions of {len(set(kept))} images"
    accelerator.print(f"{accelerator.num_processes} {noun}, {words}: {count}")


images = list(range(200))
tell("Subset of 100 images", Subset(images[:100], range(DRAWN)))
tell("SubsetRandomSampler of 100 images", images[:100], SubsetRandomSampler(range(DRAWN)))
tell("RandomSampler of 90 images", images[:90], RandomSampler(images[:90], num_samples=DRAWN))
tell("SubsetRandomSampler of 160 images", images[:160], SubsetRandomSampler(range(DRAWN)))
PYTHON

cd "$work"
export OMP_NUM_THREADS=1
{
  venv/bin/python gather.py && venv/bin/torchrun --standalone --nproc-per-node=2 gather.py
} > out.txt 2> errors.txt || { cat errors.txt >&2; exit 1; }
seen="$(cat out.txt)"
echo "$seen"
expected='1 process, Subset of 100 images: 80 predictions of 80 images
1 process, SubsetRandomSampler of 100 images: 68 predictions of 68 images
1 process, RandomSampler of 90 images: 74 predictions of 74 images
1 process, SubsetRandomSampler of 160 images: 80 predictions of 80 images
2 processes, Subset of 100 images: 80 predictions of 80 images
2 processes, SubsetRandomSampler of 100 images: 68 predictions of 68 images
2 processes, RandomSampler of 90 images: 90 predictions of 80 images
2 processes, SubsetRandomSampler of 160 images: 96 predictions of 80 images'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
