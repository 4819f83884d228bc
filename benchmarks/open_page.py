"""Opening a page of detections in headless Chromium: seconds until the browser has drawn it.

    python -m benchmarks.open_page [--detections 2000] [--images 200] [--rounds 5]

The images are drawn, of 640 × 480 pixels, with five objects each; the detections are spread evenly over them, some
right and some wrong. The page is the one that ``codo view`` writes, served to the browser from this process's memory.
Each round is a new browser with an empty profile. Measured inside the page, from the start of its loading: until the
event ``load``, after which every picture is decoded as it is needed, and until the second frame after that, when the
controls have run and the first screen is drawn.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np

import codo
from benchmarks.browser import MISSING, chromium, opened
from benchmarks.command import run
from benchmarks.row import Check, Row, Spread
from codo.reporting.html.page import with_script

MOST = 2.0
"""Seconds in which a page of 2,000 detections is to be drawn."""
OBJECTS = 5
CLASSES = 10
_MEASURE = """
addEventListener("load", () => requestAnimationFrame(() => requestAnimationFrame(() => {
  const [loading] = performance.getEntriesByType("navigation");
  const found = { load: loading.loadEventStart / 1000, drawn: performance.now() / 1000,
    shapes: document.querySelectorAll(".found-side").length, shown: document.querySelector(".shown").value };
  fetch("/measured", { method: "POST", body: JSON.stringify(found) });
})));
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--detections", type=int, default=2000)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)


def rows(options: argparse.Namespace) -> Iterator[Row]:
    if chromium() is None:
        raise SystemExit(MISSING)
    images, detections = (4, 40) if options.smoke else (options.images, options.detections)
    with tempfile.TemporaryDirectory() as scratch:
        html = page(Path(scratch), images, detections)
    found = [timed(html) for _ in range(1 if options.smoke else options.rounds)]
    whole = Check(
        f"all {detections:,} detections on {images:,} images are there",
        all(one["shapes"] == detections and one["shown"] == f"{images} of {images} shown" for one in found),
    )
    what, size = f"page of {detections:,} detections on {images:,} images", f"{len(html) / 1e6:.1f} MB"
    most = MOST if detections <= 2000 else None
    yield Row("pages", f"{what}: load", "s", Spread.of([one["load"] for one in found]), note=size)
    yield Row(
        "pages",
        f"{what}: drawn",
        "s",
        Spread.of([one["drawn"] for one in found]),
        most=most,
        checks=(whole,),
        note=size,
    )


def page(folder: Path, images: int, detections: int) -> str:
    """The page of ``codo view`` for drawn images with known detections."""
    rng = np.random.default_rng(0)
    truth: list[dict[str, object]] = []
    results = []
    for i in range(images):
        coarse = rng.integers(0, 255, (12, 16, 3), np.uint8)
        picture = cv2.resize(coarse, (640, 480), interpolation=cv2.INTER_CUBIC).astype(np.int16)
        picture += rng.integers(-12, 12, picture.shape, np.int16)  # fine detail, as photographs have
        cv2.imwrite(str(folder / f"{i:05d}.jpg"), np.clip(picture, 0, 255).astype(np.uint8))
        boxes = np.column_stack(
            [rng.uniform(0, 500, OBJECTS), rng.uniform(0, 340, OBJECTS), rng.uniform(30, 130, (OBJECTS, 2))]
        )
        for k, box in enumerate(boxes.round(1).tolist()):
            label = 1 + (i + k) % CLASSES
            truth.append({"id": len(truth) + 1, "image_id": i, "category_id": label, "bbox": box})
        for k in range(detections * i // images, detections * (i + 1) // images):
            x, y, w, h = boxes[k % OBJECTS].tolist()
            moved = [x + rng.normal(0, 12), y + rng.normal(0, 12), w, h]
            label = 1 + (i + k % OBJECTS) % CLASSES if rng.random() < 0.7 else int(rng.integers(1, CLASSES + 1))
            results.append({"image_id": i, "category_id": label, "bbox": moved, "score": float(rng.uniform(0.3, 1))})
    names = [{"id": k + 1, "name": f"class {k}"} for k in range(CLASSES)]
    files = [{"id": i, "file_name": f"{i:05d}.jpg", "width": 640, "height": 480} for i in range(images)]
    content = {"images": files, "categories": names, "annotations": truth}
    (folder / "val.json").write_text(json.dumps(content), encoding="utf-8")
    (folder / "found.json").write_text(json.dumps(results), encoding="utf-8")
    data = {"val": str(folder / "val.json"), "val_images": str(folder)}
    return codo.view(folder / "found.json", data, images=images).read_text(encoding="utf-8")


def timed(html: str) -> dict[str, float]:
    """What the page measures about itself in a new browser."""
    with serving(with_script(html, _MEASURE).encode()) as (url, measured), opened(url):
        if not measured.wait(120):
            raise RuntimeError("the browser did not open the page")
    return measured.values


class Measured(threading.Event):
    """Set when the page has sent its ``values``."""

    values: dict[str, float]


@contextmanager
def serving(body: bytes) -> Iterator[tuple[str, Measured]]:
    """The address of a page, and what it will send back."""
    measured = Measured()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = body if self.path == "/" else b""
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            measured.values = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()
            measured.set()

        def log_message(self, format: str, *args: object) -> None:
            """Requests are not news."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/", measured
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    run(__doc__, rows, arguments)
