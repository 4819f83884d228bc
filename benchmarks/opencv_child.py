"""OpenCV contrib's selective search as a child process; needs only numpy and opencv-contrib-python-headless.

`opencv_contrib` starts this file with the Python of a throw-away environment, because OpenCV's contrib wheel and the
one that codo uses cannot live together. A request a line on standard input, an answer a line on standard output::

    {"image": "a.npy", "mode": "fast", "boxes": "b.npy"}    BGR uint8 in a.npy; boxes to be written, (N, 4) xyxy
    {"seconds": 0.21}                                       process CPU time of the search, one thread

    {"prepare": ["a.jpg", …], "out": "proposals.json"}      images to search at full size, and where the boxes go
    {"seconds": 3.4, "boxes": 3021}                         process CPU time of everything, and how many were kept
"""

from __future__ import annotations

import json
import sys
import time

import cv2
import numpy as np


def search(image: np.ndarray, mode: str) -> np.ndarray:
    """All boxes of a BGR image, ``(N, 4)`` xyxy."""
    searcher = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
    searcher.setBaseImage(image)
    {
        "single": searcher.switchToSingleStrategy,
        "fast": searcher.switchToSelectiveSearchFast,
        "quality": searcher.switchToSelectiveSearchQuality,
    }[mode]()
    boxes = searcher.process()
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def prepare(files: list[str], out: str) -> int:
    """What people write to prepare a data set: decode, check, search, filter (section 4.1), dump; counts the boxes."""
    rows = {}
    for file in files:
        image = cv2.imread(file)
        if image is None or min(image.shape[:2]) < 32:
            continue
        boxes = search(image, "fast")
        w, h = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
        kept = boxes[(w < 3 * h) & (h < 3 * w) & (w >= 32) & (h >= 32)]
        rows[file] = {"size": image.shape[1::-1], "boxes": kept.tolist()}
    with open(out, "w", encoding="utf-8") as stream:
        json.dump(rows, stream)
    return sum(len(row["boxes"]) for row in rows.values())


def main() -> None:
    cv2.setNumThreads(1)
    print(json.dumps({"version": cv2.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        answer = {}
        if "prepare" in request:
            start = time.process_time()
            answer["boxes"] = prepare(request["prepare"], request["out"])
            answer["seconds"] = time.process_time() - start
        else:
            image = np.load(request["image"])
            start = time.process_time()
            boxes = search(image, request["mode"])
            answer["seconds"] = time.process_time() - start
            np.save(request["boxes"], boxes)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
