#!/usr/bin/env bash
# torchdata 0.11.0: a resumed epoch has a quarter of the shuffled images twice, a quarter never, or has no image.
#
# torchdata.nodes promises "first-class support for mid-epoch checkpointing". Its guide for those who come from
# DataLoader builds a loader on `RandomSampler(dataset) if shuffle else SequentialSampler(dataset)`, and shows that
# state_dict() and load_state_dict() go on at the right batch: with shuffle=False. A sampler without a state is gone
# through up to the place that was reached. But a RandomSampler that is asked again draws another order. So the images
# before the checkpoint and those after it are of two orders: if the run stops at half of an epoch, a quarter of the
# images come twice in it, and a quarter not at all. A seed or a generator helps in the first epoch only, since in a
# later one the order depends on the epochs before. torchdata's own RandomSampler has a state in its iterator, where
# nodes do not look for it. Its StatefulDistributedSampler has one, but not the epoch (issue 1513; pull request 1515,
# which was merged after this release, stores the epoch). Nothing is said.
#
# With StatefulDataLoader all resume right in the middle of an epoch. But a state that was saved at the end of an epoch,
# the usual place for a checkpoint, counts as the end of the next one too if the sampler is StatefulDistributedSampler
# and there are no workers: the first epoch of the resumed run is empty. With torch's DistributedSampler both are right;
# it works with one process too.
#
# Below 1,000 images in batches of 50 for two epochs, with torch.manual_seed at the start of the run and of the resumed
# run. "DataLoader" is StatefulDataLoader, and the "DistributedSampler of torchdata" StatefulDistributedSampler.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   nodes, SequentialSampler: interrupted epoch 0 twice, 0 never, next epoch 1000
#   nodes, RandomSampler: interrupted epoch 243 twice, 243 never, next epoch 1000
#   nodes, RandomSampler of torchdata: interrupted epoch 252 twice, 252 never, next epoch 1000
#   nodes, DistributedSampler of torchdata: interrupted epoch 249 twice, 249 never, next epoch 1000
#   nodes, DistributedSampler: interrupted epoch 0 twice, 0 never, next epoch 1000
#   DataLoader, RandomSampler of torchdata: interrupted epoch 0 twice, 0 never, next epoch 1000
#   DataLoader, DistributedSampler of torchdata: interrupted epoch 0 twice, 0 never, next epoch 0
#   DataLoader, DistributedSampler: interrupted epoch 0 twice, 0 never, next epoch 1000
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 torchdata==0.11.0 numpy==2.4.6

cat > "$work/resume.py" <<'PYTHON'
import torch
import torchdata.nodes as tn
from torch.utils.data import DistributedSampler, RandomSampler, SequentialSampler
from torchdata.stateful_dataloader import StatefulDataLoader
from torchdata.stateful_dataloader import sampler as stateful

torch.set_num_threads(1)
IMAGES, BATCH = range(1000), 50
ONE = {"num_replicas": 1, "rank": 0}


def nodes(sampler):
    """The loader of the guide to torchdata.nodes."""
    node = tn.Batcher(tn.SamplerWrapper(sampler), batch_size=BATCH, drop_last=False)
    node = tn.ParallelMapper(node, map_fn=list, num_workers=1, method="thread", in_order=True)
    return tn.Loader(tn.Prefetcher(node, prefetch_factor=2))


def loader(sampler):
    return StatefulDataLoader(IMAGES, batch_size=BATCH, sampler=sampler, collate_fn=list)


def epoch(loads, sampler, number):
    """The batches of an epoch; nodes tell their sampler its number, a DataLoader does not."""
    if isinstance(loads, StatefulDataLoader) and hasattr(sampler, "set_epoch"):
        sampler.set_epoch(number)
    return iter(loads)


def tell(words, kind, make):
    """Stop after 10 of 20 batches of the second epoch, or at its end, and go on from the state that was saved."""
    torch.manual_seed(0)
    sampler = make()
    loads = kind(sampler)
    list(epoch(loads, sampler, 0))
    seen, states = [], []
    for number, batch in enumerate(epoch(loads, sampler, 1)):
        if number < 10:
            seen += batch
        if number == 9:
            states.append(loads.state_dict())
    states.append(loads.state_dict())
    rest = []
    for state, number in zip(states, (1, 2)):
        torch.manual_seed(0)
        sampler = make()
        loads = kind(sampler)
        loads.load_state_dict(state)
        rest.append([image for batch in epoch(loads, sampler, number) for image in batch])
    images = seen + rest[0]
    print(f"{words}: interrupted epoch {len(images) - len(set(images))} twice, {len(set(IMAGES) - set(images))} never, "
          f"next epoch {len(set(rest[1]))}")


def generator():
    return torch.Generator().manual_seed(1)


tell("nodes, SequentialSampler", nodes, lambda: SequentialSampler(IMAGES))
tell("nodes, RandomSampler", nodes, lambda: RandomSampler(IMAGES))
tell("nodes, RandomSampler of torchdata", nodes, lambda: stateful.RandomSampler(IMAGES, generator=generator()))
tell("nodes, DistributedSampler of torchdata", nodes, lambda: stateful.StatefulDistributedSampler(IMAGES, **ONE))
tell("nodes, DistributedSampler", nodes, lambda: DistributedSampler(IMAGES, **ONE))
tell("DataLoader, RandomSampler of torchdata", loader, lambda: stateful.RandomSampler(IMAGES, generator=generator()))
tell("DataLoader, DistributedSampler of torchdata", loader, lambda: stateful.StatefulDistributedSampler(IMAGES, **ONE))
tell("DataLoader, DistributedSampler", loader, lambda: DistributedSampler(IMAGES, **ONE))
PYTHON

cd "$work"
seen="$(CUDA_VISIBLE_DEVICES="" "$work/venv/bin/python" resume.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='nodes, SequentialSampler: interrupted epoch 0 twice, 0 never, next epoch 1000
nodes, RandomSampler: interrupted epoch 243 twice, 243 never, next epoch 1000
nodes, RandomSampler of torchdata: interrupted epoch 252 twice, 252 never, next epoch 1000
nodes, DistributedSampler of torchdata: interrupted epoch 249 twice, 249 never, next epoch 1000
nodes, DistributedSampler: interrupted epoch 0 twice, 0 never, next epoch 1000
DataLoader, RandomSampler of torchdata: interrupted epoch 0 twice, 0 never, next epoch 1000
DataLoader, DistributedSampler of torchdata: interrupted epoch 0 twice, 0 never, next epoch 0
DataLoader, DistributedSampler: interrupted epoch 0 twice, 0 never, next epoch 1000'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
