"""Made-up runs, and HTML as a reader sees it."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from codo.catalog.boxes import as_words
from codo.catalog.schema import FALLBACK_STAGE, FORMAT, SCHEMA
from codo.core.run import Run, start_run

VOID = {"meta", "wbr", "link", "img", "input", "br", "hr"}
ASSETS = {"src", "href", "srcset", "poster", "data", "action"}

CONFIG = {
    "method": "codo",
    "foregrounds": "gone/fg",
    "backgrounds": {"query": ["gone/bg"], "key": ["gone/bg"]},
    "seed": 3,
    "device": "cpu",
    "canvas": 64,
    "views": 2,
    "batch_size": 32,
    "steps": 40,
    "model": {"embedding_dim": 128},
    "cpj": {},
    "augment": {},
    "contrast": {"queue": 4096},
}


KEYS = ["a/one.jpg", "<script>alert(1)</script>.png", "three.jpg"]
SIZES = [(80, 60), (100, 100), (64, 128)]
BOXES = [[0, 0, 40, 30], [10, 10, 60, 60, 0, 0, 100, 100], [0, 0, 64, 128]]
"""Three images of a catalog, one with a hostile name."""


class Html(HTMLParser):
    """A page: its text, ids, links, tables and shapes. Fails on tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.raw = text
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.pieces: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> without a start"
        assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.pieces.append(data)
        if self.tables and ("td" in self.open or "th" in self.open):
            self.tables[-1][-1][-1] += data

    @property
    def text(self) -> str:
        """What is read, with single spaces."""
        return " ".join(" ".join(self.pieces).split())

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def with_class(self, name: str) -> list[tuple[str, dict[str, str | None]]]:
        return [(tag, a) for tag, a in self.tags if name in (a.get("class") or "").split()]

    @property
    def facts(self) -> dict[str, str]:
        """Label -> value of the headline facts (the note follows the value)."""
        found, label = {}, ""
        for part in self.raw.split("<dt>")[1:]:
            label, rest = part.split("</dt><dd>")
            found[label] = rest.split("</dd>")[0].replace("<small>", " | ").replace("</small>", "")
        return found

    def check(self) -> None:
        """What holds for every page: unique ids, every picture described, nothing fetched."""
        ids = [a["id"] for _, a in self.tags if "id" in a]
        assert len(ids) == len(set(ids))
        for tag, attributes in self.tags:
            for key in ASSETS & attributes.keys():
                value = attributes[key] or ""
                if "download" in attributes:
                    assert value.startswith(("data:image/svg+xml,", "data:text/csv;"))
                    continue
                assert value.startswith(("data:image/jpeg;base64,", "#")), (tag, key, value[:80])
                if value.startswith("#"):
                    assert value[1:] in ids
            assert not any(key.startswith("on") for key in attributes), (tag, attributes)
        assert all(a.get("alt") for a in self.attributes("img"))
        assert all(svg.get("aria-hidden") == "true" for svg in self.attributes("svg"))
        assert all(a.get("aria-label") for _, a in self.tags if a.get("role") in ("img", "region"))
        styles = self.raw.split("<style>")[1].split("</style>")[0] + "".join(a.get("style") or "" for _, a in self.tags)
        assert "http" not in styles
        assert "@import" not in styles
        assert len(self.attributes("h1")) == 1
        assert "default-src 'none'" in self.raw


@pytest.fixture
def read_page() -> Callable[[Path], Html]:
    """Parse and check a page."""

    def read(path: Path) -> Html:
        page = Html(path.read_text(encoding="utf-8"))
        page.check()
        return page

    return read


@pytest.fixture
def make_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """A run directory with the given settings and log."""

    def make(
        rows: Iterable[Mapping[str, Any]] = (),
        config: Mapping[str, Any] = CONFIG,
        verb: str = "pretrain",
        name: str = "run",
        argv: tuple[str, ...] = ("codo", "pretrain", "-c", "laptop", "out=run"),
    ) -> Run:
        monkeypatch.setattr(sys, "argv", list(argv))
        run = start_run(tmp_path / name, config, verb)
        run.unlock()
        run.metrics_file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return run

    return make


def course(
    steps: int = 40, levels: tuple[str, ...] = ("P2", "P3", "P4", "P5"), **ends: tuple[float, float]
) -> list[dict[str, Any]]:
    """A log in which every value goes in a straight line from its first to its last; healthy unless told otherwise."""
    values = {
        "loss": (math.log(4097), 7.2),
        "top1": (0.0, 0.1),
        "positive": (0.9, 0.6),
        "negative": (0.8, 0.05),
        "std": (0.01, 0.07),
        "mean_norm": (0.98, 0.5),
        "rank": (3.0, 50.0),
    } | ends
    rows = []
    for step in range(1, steps + 1):
        t = (step - 1) / (steps - 1)
        row: dict[str, Any] = {"step": step, "epoch": 0, "lr": 0.1 * (1 - t), "grad_norm": 1.0, "alarms": []}
        for name, (first, last) in values.items():
            for level in levels:
                row[f"{name}/{level}"] = first + t * (last - first)
        row["loss"] = sum(row[f"loss/{level}"] for level in levels)
        row |= {"time/images_per_s": 128.0, "time/data_wait": 0.05, "time/memory_mb": 512.0}
        rows.append(row)
    return rows


@pytest.fixture
def make_catalog(tmp_path: Path) -> Callable[..., Path]:
    """A catalog of flat images with the given keys, sizes (width, height) and proposals."""

    def boxes(sides: Sequence[int]) -> np.ndarray:
        return as_words(np.array(sides, np.int32).reshape(-1, 4))

    def make(
        name: str,
        keys: Sequence[str],
        sizes: Sequence[tuple[int, int]],
        proposals: Sequence[Sequence[int]] | None = None,
        **counts: Any,
    ) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        rows = []
        for i, (key, (width, height)) in enumerate(zip(keys, sizes, strict=True)):
            data = cv2.imencode(".png", np.full((height, width, 3), 40 * (i + 1) % 256, np.uint8))[1].tobytes()
            (folder / f"{i}.png").write_bytes(data)
            row = {"key": key, "uri": str(folder / f"{i}.png"), "offset": 0, "size": len(data), "orientation": 1}
            row |= {"compression": "none", "width": width, "height": height, "hash": bytes([i] * 16)}
            rows.append(row | {"proposals": None if proposals is None else boxes(proposals[i]), FALLBACK_STAGE: None})
        info = {
            "format": FORMAT,
            "codo": "0",
            "source": ["photos"],
            "settings": {"propose": proposals is not None, "pack": None, "proposals": {"mode": "fast"}},
            "counts": {
                "images": len(keys),
                "rejected": 0,
                "ignored": {},
                "repeated": 0,
                "duplicates": 0,
                "proposals": 0,
            }
            | counts,
            "fallbacks": {} if proposals is None else {"filtered": len(keys)},
        }
        table = pa.Table.from_pylist(rows, schema=SCHEMA.with_metadata({"codo": json.dumps(info)}))
        pq.write_table(table, folder / "catalog.parquet")
        return folder

    return make


@pytest.fixture
def healthy() -> list[dict[str, Any]]:
    return course()


@pytest.fixture
def make_log() -> Callable[..., list[dict[str, Any]]]:
    return course


@pytest.fixture
def labeled(tmp_path: Path) -> Path:
    """Two images with a cat each, one of them found; names as hostile as a file system allows."""
    folder = tmp_path / "labeled"
    folder.mkdir()
    names = ["<b>one & two.jpg", "\"'onerror=x.jpg"]
    for name in names:
        encoded = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1]
        (folder / name).write_bytes(encoded.tobytes())
    truth = {
        "images": [{"id": i, "file_name": name, "width": 64, "height": 48} for i, name in enumerate(names)],
        "categories": [{"id": 1, "name": "<i>cat"}],
        "annotations": [
            {
                "id": i + 1,
                "image_id": i,
                "category_id": 1,
                "bbox": [10, 10, 20, 20],
                "segmentation": [[10, 10, 30, 10, 30, 30]],
            }
            for i in range(2)
        ],
    }
    (folder / "val.json").write_text(json.dumps(truth))
    return folder


def finetune_config(labeled: Path) -> dict[str, Any]:
    data = {"val": str(labeled / "val.json"), "val_images": str(labeled)}
    return {"data": data, "weights": "runs/codo", "steps": 20, "batch_size": 2, "device": "cpu"}


def finetune_rows() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {"step": s, "loss": 2.0 - s / 20, "loss/classifier": 1.0, "loss/box_reg": 0.5, "time/images_per_s": 4.0}
        for s in range(1, 21)
    ]
    rows[9] |= {"ap/bbox/AP": 0.111, "ap/segm/AP": 0.1}
    rows[-1] |= {"ap/bbox/AP": 0.2346, "ap/bbox/AP50": 0.45, "ap/bbox/APs": -1.0, "ap/segm/AP": 0.1987}
    rows[-1] |= {"ap/bbox/class/<i>cat": 0.3, "ap/bbox/class/dog/wild": 0.6}
    return rows


def write_detections(run: Run) -> None:
    results = [
        {"image_id": 0, "category_id": 1, "bbox": [10, 10, 20, 20], "score": 0.9},
        {"image_id": 1, "category_id": 1, "bbox": [40, 10, 20, 20], "score": 0.3},
    ]
    (run.path / "detections_val.json").write_text(json.dumps(results))


def labeled_set(
    folder: Path, *, images: int, found: int, shift: float = 0.0, empty: bool = False, classes: Sequence[str] = ("cat",)
) -> Path:
    """``val.json`` with one object in each image, and a result file in which the first ones are found.

    Args:
        folder: Where to write.
        images: Number of images.
        found: Number of objects with a detection.
        shift: Of the detections to the right, in pixels; objects are 20 pixels wide.
        empty: No objects at all.
        classes: Names of the classes, which take turns.
    """
    rng = np.random.default_rng(0)
    for i in range(images):
        picture = cv2.resize(rng.integers(0, 255, (6, 8, 3), np.uint8), (64, 48), interpolation=cv2.INTER_CUBIC)
        (folder / f"{i}.jpg").write_bytes(cv2.imencode(".jpg", picture)[1].tobytes())
    box = [10, 10, 20, 20]
    objects = [{"image_id": i, "category_id": i % len(classes) + 1, "bbox": box, "id": i + 1} for i in range(images)]
    truth = {
        "images": [{"id": i, "file_name": f"{i}.jpg", "width": 64, "height": 48} for i in range(images)],
        "categories": [{"id": k + 1, "name": name} for k, name in enumerate(classes)],
        "annotations": [] if empty else objects,
    }
    (folder / "val.json").write_text(json.dumps(truth))
    results = [
        {"image_id": i, "category_id": i % len(classes) + 1, "bbox": [10 + shift, *box[1:]], "score": 0.9 - i / 1000}
        for i in range(found)
    ]
    (folder / "found.json").write_text(json.dumps(results))
    return folder / "found.json"


def views_config(foregrounds: Path, backgrounds: Path, views: int = 3) -> dict[str, Any]:
    pool = [str(backgrounds)]
    base = {"foregrounds": str(foregrounds), "backgrounds": {"query": pool, "key": pool}}
    return base | {"canvas": 64, "views": views, "seed": 5, "cpj": {}, "augment": {}, "batch_size": 2, "steps": 4}


def shown_boxes(page: Html, kind: str) -> list[tuple[float, ...]]:
    """The boxes of a kind on photographs as x, y, width, height; legends are left out."""
    photographs = [part.split("</figure>")[0] for part in page.raw.split('<figure class="picture')[1:]]
    shapes = [shape for part in photographs for shape in part.split(f'<g class="shape {kind}')[1:]]
    texts = [shape.split('<rect class="halo" ')[1].split("/>")[0] for shape in shapes]
    return [tuple(float(value.split('"')[1]) for value in text.split()) for text in texts]
