"""OpenCV contrib's selective search as a child process; needs only numpy and opencv-contrib-python-headless.

`benchmarks.proposals` starts this file with the Python of a throw-away environment, because OpenCV's contrib wheel and
the one that codo uses cannot live together. A request a line on standard input, an answer a line on standard output::

    {"image": "a.npy", "mode": "fast", "boxes": "b.npy"}    BGR uint8 in a.npy; boxes to be written, (N, 4) xyxy
    {"seconds": 0.21}                                       process CPU time of the search, one thread
"""

from __future__ import annotations

import json
import sys
import time

import cv2
import numpy as np


def main() -> None:
    cv2.setNumThreads(1)
    print(json.dumps({"version": cv2.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        image = np.load(request["image"])
        start = time.process_time()
        search = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
        search.setBaseImage(image)
        {
            "single": search.switchToSingleStrategy,
            "fast": search.switchToSelectiveSearchFast,
            "quality": search.switchToSelectiveSearchQuality,
        }[request["mode"]]()
        boxes = search.process()
        seconds = time.process_time() - start
        np.save(request["boxes"], np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1))
        print(json.dumps({"seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
