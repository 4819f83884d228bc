#!/usr/bin/env bash
# webdataset 1.0.2: with `cache_dir`, validation reads the images of training if the shards of both are named alike.
#
# `WebDataset(urls, cache_dir=...)` stores a shard that it has fetched under the last part of its URL and then looks only
# there. Shards are usually numbered in a folder for each part: `train/000.tar`, `val/000.tar`. If both use the same cache,
# the second gets the shards of the first: a validation on images of the training set, with their labels, whose numbers are
# too good. The same happens to several data sets whose shards are mixed, and to a new version of a data set in a folder of
# its own. Nothing is said, and `__url__` of the samples names the URL that was asked for. The argument `url_to_name` is
# there to give other names, but WebDataset does not pass it on to its cache.
#
# Give each folder of shards its own `cache_dir`. Local files are not copied to the cache, and so they are read right.
#
# Below a server with two shards for training and two for validation, and the keys of the samples that are read from them.
#
# Seen on Linux, Python 3.11 (needs curl, with which webdataset reads URLs):
#   no cache: train 0 1 2 3, val 0 1 2 3
#   one cache: train 0 1 2 3, train 0 1 2 3
#   __url__ of the last ones: /val/000.tar /val/001.tar
#   one cache, url_to_name: train 0 1 2 3, train 0 1 2 3
#   a cache for each: train 0 1 2 3, val 0 1 2 3
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check webdataset==1.0.2 braceexpand==0.1.7 numpy==2.4.6 pyyaml==6.0.3

cat > "$work/cached.py" <<'PYTHON'
import functools
import http.server
import os
import threading

import webdataset as wds

for part in ("train", "val"):
    os.makedirs(f"served/{part}")
    for shard in range(2):
        with wds.TarWriter(f"served/{part}/{shard:03d}.tar") as writer:
            for image in range(2):
                writer.write({"__key__": f"{part}-{2 * shard + image}", "cls": 0})


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory="served"))
threading.Thread(target=server.serve_forever, daemon=True).start()
root = f"http://127.0.0.1:{server.server_port}"


def read(part, **options):
    """The samples of a part: the name that their keys have, and their numbers; and the paths of their URLs."""
    if "cache_dir" in options:
        os.makedirs(options["cache_dir"], exist_ok=True)
    samples = list(wds.WebDataset(f"{root}/{part}/{{000..001}}.tar", shardshuffle=False, **options))
    keys = [sample["__key__"].split("-") for sample in samples]
    name = "/".join(sorted({key[0] for key in keys}))
    return f"{name} {' '.join(key[1] for key in keys)}", sorted({sample["__url__"][len(root) :] for sample in samples})


def whole(url):
    return url.replace("/", "_").replace(":", "_")


print(f"no cache: {read('train')[0]}, {read('val')[0]}")
print(f"one cache: {read('train', cache_dir='one')[0]}, {read('val', cache_dir='one')[0]}")
print(f"__url__ of the last ones: {' '.join(read('val', cache_dir='one')[1])}")
named = [read(part, cache_dir="named", url_to_name=whole)[0] for part in ("train", "val")]
print(f"one cache, url_to_name: {', '.join(named)}")
print(f"a cache for each: {read('train', cache_dir='a')[0]}, {read('val', cache_dir='b')[0]}")
server.shutdown()
PYTHON

cd "$work"
seen="$(env -u WDS_CACHE venv/bin/python cached.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected="no cache: train 0 1 2 3, val 0 1 2 3
one cache: train 0 1 2 3, train 0 1 2 3
__url__ of the last ones: /val/000.tar /val/001.tar
one cache, url_to_name: train 0 1 2 3, train 0 1 2 3
a cache for each: train 0 1 2 3, val 0 1 2 3"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
