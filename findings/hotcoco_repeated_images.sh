#!/usr/bin/env bash
# hotcoco 1.3.0: its CocoEvaluator counts images twice that a DistributedSampler repeats, and images not seen as not found.
#
# It is a "drop-in replacement" for the evaluator of that name in torchvision's detection reference scripts (its
# docstring). There processes evaluate their images, and when the results are merged each image counts once, and only
# images that were seen count. A DistributedSampler repeats images, up to the number of processes less one, so that all
# processes have as many. hotcoco's evaluator joins the lists of detections of all processes: a repeated image has each
# detection twice, and the second is a false positive, as confident as the first. With few images or many processes AP
# falls visibly, and it depends on the number of processes. Also it evaluates all images of the file: where a loop stops
# early or takes a part of the images, the objects of the others are misses (a comment in `accumulate` says so, its
# docstring does not). Nothing is said at run time. Give each image to `update` once, and a COCO file of the images that
# are evaluated.
#
# Below a model that finds the only object in each of three images; up to four processes (gloo) with torch's
# DistributedSampler. faster-coco-eval 1.8.0 has torchvision's evaluator with another engine.
#
# Seen on Linux, Python 3.11 (about 6 GB are installed for a while):
#   images of the processes [[1, 2, 3]]: hotcoco 1.000, faster-coco-eval 1.000
#   images of the processes [[1, 3], [2, 1]]: hotcoco 0.834, faster-coco-eval 1.000
#   images of the processes [[1], [2], [3]]: hotcoco 1.000, faster-coco-eval 1.000
#   images of the processes [[1], [2], [3], [1]]: hotcoco 0.834, faster-coco-eval 1.000
#   the first two images alone: hotcoco 0.663, faster-coco-eval 1.000
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 torchvision==0.29.2 \
  hotcoco==1.3.0 faster-coco-eval==1.8.0 numpy==2.4.6

cat > "$work/repeated.py" <<'PYTHON'
import contextlib
import io
import json
import os
from pathlib import Path

import faster_coco_eval
import hotcoco
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from faster_coco_eval.utils.pytorch import FasterCocoEvaluator
from hotcoco.integrations import CocoEvaluator
from torch.utils.data import DistributedSampler

SCORES = {1: 0.9, 2: 0.8, 3: 0.7}  # of the only object of each image, which is found exactly


def outputs(image):
    """What torchvision's reference scripts give to the evaluator for one image."""
    found = {"boxes": torch.tensor([[10.0, 10, 60, 60]]), "scores": torch.tensor([SCORES[image]]), "labels": torch.tensor([1])}
    return {image: found}


def evaluate(evaluator, images):
    """AP; both evaluators are used in the same way."""
    with contextlib.redirect_stdout(io.StringIO()):
        for image in images:
            evaluator.update(outputs(image))
        evaluator.synchronize_between_processes()
        evaluator.accumulate()
        evaluator.summarize()
    return evaluator.coco_eval["bbox"].stats[0]


def by_hotcoco(images):
    return evaluate(CocoEvaluator(hotcoco.COCO("truth.json"), ["bbox"]), images)


def by_faster_coco_eval(images):
    with contextlib.redirect_stdout(io.StringIO()):
        data = faster_coco_eval.COCO("truth.json")
    return evaluate(FasterCocoEvaluator(data, ["bbox"]), images)


def process(rank, processes):
    dist.init_process_group("gloo", init_method=f"file://{os.getcwd()}/meeting{processes}", rank=rank, world_size=processes)
    images = list(SCORES)
    mine = [images[i] for i in DistributedSampler(images, processes, rank, shuffle=False)]
    everyone = [None] * processes
    dist.all_gather_object(everyone, mine)
    values = f"hotcoco {by_hotcoco(mine):.3f}, faster-coco-eval {by_faster_coco_eval(mine):.3f}"
    if rank == 0:
        print(f"images of the processes {everyone}: {values}", flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    rows = [{"id": i, "image_id": i, "category_id": 1, "bbox": [10, 10, 50, 50], "area": 2500, "iscrowd": 0} for i in SCORES]
    images = [{"id": i, "file_name": f"{i}.png", "width": 100, "height": 100} for i in SCORES]
    data = {"info": {}, "images": images, "categories": [{"id": 1, "name": "cat"}], "annotations": rows}
    Path("truth.json").write_text(json.dumps(data))
    for processes in (1, 2, 3, 4):
        mp.spawn(process, args=(processes,), nprocs=processes)
    print(f"the first two images alone: hotcoco {by_hotcoco([1, 2]):.3f}, faster-coco-eval {by_faster_coco_eval([1, 2]):.3f}")
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" repeated.py 2> errors.txt)" || { cat errors.txt >&2; exit 1; }
echo "$seen"
expected='images of the processes [[1, 2, 3]]: hotcoco 1.000, faster-coco-eval 1.000
images of the processes [[1, 3], [2, 1]]: hotcoco 0.834, faster-coco-eval 1.000
images of the processes [[1], [2], [3]]: hotcoco 1.000, faster-coco-eval 1.000
images of the processes [[1], [2], [3], [1]]: hotcoco 0.834, faster-coco-eval 1.000
the first two images alone: hotcoco 0.663, faster-coco-eval 1.000'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
