#!/usr/bin/env bash
# webdataset 1.0.2: `shardshuffle` shuffles the shards to the same order in each epoch; with_epoch(n) repeats the same images.
#
# `WebDataset(urls, shardshuffle=100)` is how the package says that shards are shuffled. If no seed is given, the constructor
# draws one, once, and the shuffle of the shards starts from it anew in each epoch: another run has another order, but all
# epochs of a run have the same. Where neighbours in a shard are alike (one video, one class, one day) each epoch has the same
# sequence of them, and a buffer of `.shuffle(1000)` reaches only a thousand images further. `.with_epoch(n)`, which gives all
# processes equally many steps, does not go on where the last epoch ended: it starts the shards again. With
# the same order it reads the same n images (and as many more as the buffer holds) in each epoch; the others are never read,
# however long the training is. Nothing is said.
#
# `detshuffle=True` has another order in each epoch, as long as one object counts them: a DataLoader that starts new workers
# for each epoch (all do without `persistent_workers=True`) gets the first order again. `resampled=True` draws shards at random.
#
# Below 60 epochs over 16 shards with 4 images each: as WebDataset does it, with detshuffle, and as a DataPipeline whose
# `wds.shuffle` has no seed; all shards in an epoch, and epochs of 16 images.
#
# Seen on Linux, Python 3.11:
#   shardshuffle=100: 1 order of the shards in 60 epochs
#   shardshuffle=100, with_epoch(16): 16 of 64 images were read in 60 epochs
#   shardshuffle=100, detshuffle=True: 60 orders of the shards in 60 epochs
#   shardshuffle=100, detshuffle=True, with_epoch(16): 64 of 64 images were read in 60 epochs
#   wds.shuffle(100) in a DataPipeline: 60 orders of the shards in 60 epochs
#   wds.shuffle(100) in a DataPipeline, with_epoch(16): 64 of 64 images were read in 60 epochs
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check webdataset==1.0.2 braceexpand==0.1.7 numpy==2.4.6 pyyaml==6.0.3

cat > "$work/epochs.py" <<'PYTHON'
import webdataset as wds

SHARDS, IMAGES, EPOCHS = 16, 4, 60
SOME = SHARDS * IMAGES // 4
URLS = "shard{00..15}.tar"

for shard in range(SHARDS):
    with wds.TarWriter(f"shard{shard:02d}.tar") as writer:
        for image in range(IMAGES):
            number = shard * IMAGES + image
            writer.write({"__key__": f"{number:03d}", "cls": number})


def pipeline():
    return wds.DataPipeline(wds.SimpleShardList(URLS), wds.shuffle(100), wds.tarfile_to_samples())


def tell(words, build):
    """In how many orders the shards came, and how many images came at all if an epoch is a quarter of them."""
    data = build()
    orders = {tuple(int(sample["cls"]) // IMAGES for sample in data) for _ in range(EPOCHS)}
    print(f"{words}: {len(orders)} order{'s' * (len(orders) > 1)} of the shards in {EPOCHS} epochs")
    data = build().with_epoch(SOME)
    read = {int(sample["cls"]) for _ in range(EPOCHS) for sample in data}
    print(f"{words}, with_epoch({SOME}): {len(read)} of {SHARDS * IMAGES} images were read in {EPOCHS} epochs")


tell("shardshuffle=100", lambda: wds.WebDataset(URLS, shardshuffle=100))
tell("shardshuffle=100, detshuffle=True", lambda: wds.WebDataset(URLS, shardshuffle=100, detshuffle=True))
tell("wds.shuffle(100) in a DataPipeline", pipeline)
PYTHON

cd "$work"
seen="$(venv/bin/python epochs.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected="shardshuffle=100: 1 order of the shards in 60 epochs
shardshuffle=100, with_epoch(16): 16 of 64 images were read in 60 epochs
shardshuffle=100, detshuffle=True: 60 orders of the shards in 60 epochs
shardshuffle=100, detshuffle=True, with_epoch(16): 64 of 64 images were read in 60 epochs
wds.shuffle(100) in a DataPipeline: 60 orders of the shards in 60 epochs
wds.shuffle(100) in a DataPipeline, with_epoch(16): 64 of 64 images were read in 60 epochs"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
