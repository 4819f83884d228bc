"""A catalog of ImageNet's length whose rows all point to a few real images: size without the disk space."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from codo import __version__
from codo.catalog.boxes import as_words
from codo.catalog.catalog import Catalog, open_catalog
from codo.catalog.schema import FALLBACK_STAGE, FILE, FORMAT, SCHEMA
from codo.preparation.merge import DICTIONARIES, ROWS
from codo.preparation.prepare_settings import PrepareSettings

IMAGENET = 1_300_000
BOXES = 64  # an image; as many as `codo prepare` stores at most


def write_large(out: Path, files: Sequence[Path], rows: int = IMAGENET) -> Path:
    """Write a catalog of ``rows`` rows over ``files``, in the format that `codo prepare` writes; returns its folder."""
    out.mkdir(parents=True)
    images = [(str(file), file.stat().st_size, *cv2.imread(str(file)).shape[1::-1]) for file in files]
    settings = PrepareSettings().model_dump(mode="json")
    counts = {"images": rows, "rejected": 0, "ignored": {}, "repeated": 0, "duplicates": 0, "proposals": rows * BOXES}
    info = {
        "format": FORMAT,
        "codo": __version__,
        "source": [str(files[0].parent)],
        "settings": settings,
        "selected": "",
        "counts": counts,
        "fallbacks": {"filtered": rows},
    }
    rng = np.random.default_rng(0)
    with pq.ParquetWriter(
        out / FILE,
        SCHEMA.with_metadata({"codo": json.dumps(info)}),
        compression={"key": "zstd", "uri": "zstd"},
        use_dictionary=DICTIONARIES,
    ) as writer:
        for start in range(0, rows, ROWS):
            group = _group(range(start, min(start + ROWS, rows)), images, rng)
            writer.write_table(group.cast(writer.schema), row_group_size=ROWS)
    return out


def opened(out: Path, proposals: bool = True) -> Catalog:
    """The catalog, as a run opens it."""
    return open_catalog(out, proposals=proposals)


def _group(numbers: range, images: Sequence[tuple[str, int, int, int]], rng: np.random.Generator) -> pa.Table:
    n = len(numbers)
    paths, sizes, widths, heights = (np.array(column) for column in zip(*images, strict=True))
    which = np.arange(numbers.start, numbers.stop) % len(images)
    limits = np.stack([widths, heights], axis=1)[which, None, None]  # (n, 1, 1, 2)
    corners = np.sort(rng.random((n, BOXES, 2, 2), dtype=np.float32), axis=2) * (limits - 33)
    corners[:, :, 1] += 33  # at least 32 pixels a side
    words = as_words(corners.astype(np.int32).reshape(-1, 4))
    columns = {
        "key": pa.array([f"n{i // 1300:08d}/n{i // 1300:08d}_{i}.JPEG" for i in numbers], pa.large_string()),
        "uri": pa.array(paths[which].tolist(), pa.large_string()),
        "offset": pa.array(np.zeros(n, np.int64)),
        "size": pa.array(sizes[which].astype(np.int64)),
        "compression": pa.array(["none"] * n, pa.string()).dictionary_encode(),
        "orientation": pa.array(np.ones(n, np.uint8)),
        "width": pa.array(widths[which].astype(np.uint16)),
        "height": pa.array(heights[which].astype(np.uint16)),
        "hash": pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), n, [None, pa.py_buffer(rng.bytes(16 * n))]),
        "proposals": pa.LargeListArray.from_arrays(np.arange(0, BOXES * n + 1, BOXES), pa.array(words)),
        FALLBACK_STAGE: pa.array(["filtered"] * n, pa.string()).dictionary_encode(),
    }
    return pa.table(columns)
