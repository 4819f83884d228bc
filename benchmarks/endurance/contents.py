"""What a command leaves, file by file: a digest of what must be equal whatever happened, and what is wrong with a file.

====================  =====================================================================================
any file              its bytes
checkpoints/*.pt      all in the newest but values still to be logged; of the older ones only their number
metrics.jsonl         all rows without ``time/…``
environment.json      all but the time and commit of the start; of a comparison and its tables, the costs in seconds
report.html           complete, its headings, and that its pictures open
command.txt, logs     only that they are there
====================  =====================================================================================

Names of temporary files and of locks that an undisturbed run does not leave are stray files.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
ANY = {"command.txt", "train.log"}
TIMES = re.compile(r"time|seconds|started|memory|cost|commit", re.IGNORECASE)


def digests(folder: Path) -> dict[str, str]:
    """File -> digest of what must be equal.

    Raises:
        ValueError: A file is not complete; the message names it.
    """
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_dir():
            found[f"{name}/"] = ""
            continue
        if path.parent.name == "checkpoints" and path.name != "best.pt":
            if path != _newest(path.parent) and path.suffix == ".pt":
                continue
            name = str(path.relative_to(folder).with_name("newest.pt")) if path.suffix == ".pt" else name
        try:
            found[name] = _digest(path)
        except Exception as error:
            raise ValueError(f"{name} is not complete: {type(error).__name__}: {error}") from error
    return found


def differences(wanted: dict[str, str], found: dict[str, str]) -> list[str]:
    """What is missing, stray or different, a line each."""
    missing = [f"missing: {name}" for name in wanted if name not in found]
    stray = [f"stray: {name}" for name in found if name not in wanted]
    other = [f"different: {name}" for name in wanted if name in found and wanted[name] != found[name]]
    return missing + stray + other


def half_written(folder: Path) -> list[str]:
    """Files of final names that are not complete, right after a fault: reports, tables, results, checkpoints."""
    wrong = []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix in CHECKED and not hidden and path.is_file():
            try:
                _digest(path)
            except Exception as error:
                wrong.append(f"half-written: {path.relative_to(folder)}: {type(error).__name__}: {error}")
    return wrong


CHECKED = (".html", ".json", ".pt", ".pth", ".parquet", ".safetensors", ".yaml")


def _newest(folder: Path) -> Path | None:
    return max(folder.glob("step-*.pt"), default=None)


def _digest(path: Path) -> str:
    data = path.read_bytes()
    if path.name in ANY or path.parent.name == "logs":
        return ""
    if path.suffix in (".pt", ".pth"):
        return _hash(_state(data))
    if path.suffix == ".safetensors":
        return _hash(_tensors(data))
    if path.suffix == ".jsonl":
        return _hash(json.dumps([_timeless(json.loads(line)) for line in data.splitlines()]).encode())
    if path.suffix == ".json":
        return _hash(json.dumps(_timeless(json.loads(data)), sort_keys=True).encode())
    if path.suffix == ".html":
        return _hash("\n".join(_page(data.decode("utf-8"))).encode())
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        pq.read_table(io.BytesIO(data))
    if path.suffix == ".yaml":
        import yaml

        if not isinstance(yaml.safe_load(data), dict):
            raise ValueError("no settings")
    if path.name == "costs.csv":
        return _hash(data.splitlines()[0])
    if path.suffix == ".md":
        return _hash("\n".join(_without_times(data.decode("utf-8"))).encode())
    if path.suffix in (".jpg", ".png"):
        _open_picture(data)
    return _hash(data)


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=12).hexdigest()


def _state(data: bytes) -> bytes:
    """Everything in a file of torch: names, numbers, tensors; of the values of a step in it, those without times."""
    import torch

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if archive.testzip():
            raise ValueError("damaged record")
    digest = hashlib.blake2b()

    def add(value: Any) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                if not (isinstance(key, str) and key.startswith("time/")):
                    digest.update(repr(key).encode())
                    add(item)
        elif isinstance(value, list | tuple):
            for item in value:
                add(item)
        elif isinstance(value, torch.Tensor):
            digest.update(f"{value.dtype} {tuple(value.shape)}".encode() + value.contiguous().numpy().tobytes())
        else:
            digest.update(repr(value).encode())

    state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    if isinstance(state, dict):
        state.pop("row", None)  # values that metrics.jsonl does not have yet, if there are any
    add(state)
    return digest.digest()


def _tensors(data: bytes) -> bytes:
    """A file of safetensors with its metadata sorted: the library writes them in another order each time."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    ends = [one["data_offsets"][1] for name, one in header.items() if name != "__metadata__"]
    if max(ends) != len(data) - 8 - length:
        raise ValueError("cut off")
    return json.dumps(header, sort_keys=True).encode() + data[8 + length :]


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(item) for key, item in value.items() if not TIMES.search(key)}
    return [_timeless(item) for item in value] if isinstance(value, list) else value


def _without_times(text: str) -> list[str]:
    """Lines of a page of text, without durations and memory in tables and without times of the day."""
    text = re.sub(r"\d{4}-\d\d-\d\d(T[\d:+.]+)?", "", text)
    return [re.sub(r"[\d.,]+ (s|min|h|ms|GiB|MiB)\b *", "", line) for line in text.splitlines()]


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[str] = []
        self.pictures: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.pictures += [value for key, value in attrs if key in ("src", "href") and value and "base64," in value]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.pictures += [value for key, value in attrs if key in ("src", "href") and value and "base64," in value]

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("h1", "h2", "h3", "title"):
            self.headings.append(data.strip())


def _page(text: str) -> list[str]:
    """The headings of a page.

    Raises:
        ValueError: It is cut off, or one of its pictures is.
    """
    tags = _Tags()
    tags.feed(text)
    tags.close()
    if not text.rstrip().endswith("</html>") or tags.open:
        raise ValueError(f"cut off within {tags.open[-3:]}")
    for picture in tags.pictures:
        kind, _, content = picture.partition(";base64,")
        if kind.startswith("data:image/") and not kind.endswith("svg+xml"):
            _open_picture(base64.b64decode(content))
    return tags.headings


def _open_picture(data: bytes) -> None:
    from PIL import Image

    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
