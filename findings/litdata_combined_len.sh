#!/usr/bin/env bash
# litdata 0.2.76: after len() of a CombinedStreamingDataset, or a resume, batches mix the data sets that they must not mix.
#
# With `batching_method="per_stream"` "each batch comes from only one randomly selected dataset" (the README, for images of
# several shapes, say, or of several tasks). The combined data set counts the images of a batch itself, by the batch
# size that `StreamingDataLoader` gave it. But its `len()` is `get_len(1, 1)`, which sets the batch size to 1 (and the number of
# workers to 1, in the data sets, too). From then on it changes the data set after each image. Who prints `len(dataset)`
# once the loader is there gets mixed batches, and `load_state_dict` of the loader calls `len(dataset)` itself, so that a
# resumed run has them always. If the images have one shape, no message says so. `len(loader)` sets both numbers right
# again: call it before each epoch.
#
# Below two data sets of 600 images each in batches of 64. Where one of them ends, one batch is filled up from the other.
#
# Seen on Linux, Python 3.11 (about 7 GB are installed for a while):
#   as made: 1 of 19 batches are mixed
#   after len(dataset): 19 of 19 batches are mixed
#   after len(dataset) and len(loader): 1 of 19 batches are mixed
#   resumed after 4 batches: 15 of 15 batches are mixed
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check litdata==0.2.76 torch==2.15.0 numpy==2.4.6

cat > "$work/mixed.py" <<'PYTHON'
import sys
from itertools import islice
from pathlib import Path

import litdata
from litdata import CombinedStreamingDataset, StreamingDataLoader, StreamingDataset

IMAGES, BATCH = 600, 64
work = Path(sys.argv[1])


def hundred(first):
    """What is written: 100 images, each only its number."""
    yield from range(first, first + 100)


def made():
    """A data set that does not mix, and its loader."""
    parts = [StreamingDataset(str(work / name)) for name in "ab"]
    dataset = CombinedStreamingDataset(parts, batching_method="per_stream")
    return dataset, StreamingDataLoader(dataset, batch_size=BATCH)


def words(case, loader):
    batches = [{int(image) // IMAGES for image in batch} for batch in loader]
    return f"{case}: {sum(len(streams) > 1 for streams in batches)} of {len(batches)} batches are mixed"


def main():
    for place, name in enumerate("ab"):
        firsts = list(range(place * IMAGES, (place + 1) * IMAGES, 100))
        litdata.optimize(hundred, firsts, str(work / name), chunk_size=50, num_workers=1)
    yield words("as made", made()[1])
    dataset, loader = made()
    len(dataset)
    yield words("after len(dataset)", loader)
    dataset, loader = made()
    len(dataset), len(loader)
    yield words("after len(dataset) and len(loader)", loader)
    loader = made()[1]
    list(islice(loader, 4))
    state = loader.state_dict()
    loader = made()[1]
    loader.load_state_dict(state)
    yield words("resumed after 4 batches", loader)


if __name__ == "__main__":
    (work / "seen.txt").write_text("\n".join(main()))
PYTHON

DATA_OPTIMIZER_CACHE_FOLDER="$work/cache" "$work/venv/bin/python" "$work/mixed.py" "$work" > "$work/errors.txt" 2>&1 \
  || { cat "$work/errors.txt" >&2; exit 1; }
seen="$(cat "$work/seen.txt")"
echo "$seen"
expected='as made: 1 of 19 batches are mixed
after len(dataset): 19 of 19 batches are mixed
after len(dataset) and len(loader): 1 of 19 batches are mixed
resumed after 4 batches: 15 of 15 batches are mixed'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
