"""Which of timm's families of backbones CoDo can use, and how: one model of each family, with random weights.

    python -m benchmarks.timm_families                      all families, a table on standard output
    python -m benchmarks.timm_families convnext swin_transformer
    python -m benchmarks.timm_families --out docs/reference/timm-families.md

Of each family (a module of timm) the smallest model with ``features_only`` is built as `TimmBackbone`, and the maps and
one box feature are computed for images of 64, 128, and 96 x 160 pixels. Families that return no maps of strides 4 to 32
are listed with what CoDo says of them. It takes minutes, and runs outside CI.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import timm
import torch

from codo.core.errors import InputError
from codo.models.encoder import Encoder, ModelSettings

SIZES = ((64, 64), (128, 128), (96, 160))
SIZE_WORDS = (
    *("atto", "femto", "pico", "nano", "xxs", "xx_small", "xs", "x_small", "mini", "tiny", "cute", "lite", "small"),
    *("s0", "b0", "m0", "a0", "t0", "medium", "base", "large", "huge"),
)
"""Parts of names, from small to large."""

HEAD = """# timm's families of backbones

Made by `python -m benchmarks.timm_families --out docs/reference/timm-families.md` with timm {version}; do not edit.
The smallest model (by its name) of each family, with random weights, as `model.backbone=timm:MODEL`: maps and a box
feature of images of 64, 128, and 96 x 160 pixels. "padded": images are padded with zeros to multiples of that many
pixels. "NHWC": the model returns maps with channels last, which CoDo turns. Models of a family are mostly alike.
"""


def main() -> int:
    """Parse arguments, try the families, and print or write the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("families", nargs="*", help="modules of timm, such as convnext; default: all")
    parser.add_argument("--out", type=Path, help="file for the table; default: standard output")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    rows = []
    for family in arguments.families or timm.list_modules():
        started = time.perf_counter()
        name = smallest(family)
        if name is None:
            continue
        rows.append((family, name, try_model(name)))
        print(*rows[-1], f"{time.perf_counter() - started:.0f} s", sep=" | ", file=sys.stderr, flush=True)
    text = table(rows)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")
    else:
        print(text)
    return 0


def smallest(family: str) -> str | None:
    """The smallest model of a family by its name: size words, then numbers; ``None`` for a family without models."""
    names = [name for name in timm.list_models(module=family) if not name.startswith("test_")]
    return min(names, key=_rank, default=None)


def _rank(name: str) -> tuple[int, tuple[int, ...], int]:
    words = [index for index, word in enumerate(SIZE_WORDS) if f"_{word}" in name or name.endswith(word)]
    numbers = tuple(int(part) for part in _numbers(name))
    return (min(words, default=len(SIZE_WORDS)), numbers, len(name))


def _numbers(name: str) -> Iterator[str]:
    digits = "".join(character if character.isdigit() else " " for character in name)
    yield from digits.split()


@torch.no_grad()
def try_model(name: str) -> str:
    """What CoDo can do with a model, in words."""
    settings = ModelSettings(backbone=f"timm:{name}", fpn_channels=16, head="2fc", head_dim=16, embedding_dim=8)
    try:
        encoder = Encoder(settings).eval()
    except InputError as error:
        return f"no: {error.what}"
    for height, width in SIZES:
        box = torch.tensor([[8.0, 8, width - 8, height - 16]])
        embedded = encoder(torch.randn(1, 3, height, width), box)
        if embedded.shape != (4, 1, 8) or not bool(embedded.isfinite().all()):
            return f"no: wrong embeddings for an image of {height} x {width}"
    backbone = encoder.backbone
    remarks = [f"padded to {backbone.multiple}"] if backbone.multiple > 1 else []
    remarks += ["NHWC"] if backbone.channels_last else []
    return ", ".join(["yes", *remarks])


def table(rows: list[tuple[str, str, str]]) -> str:
    """The page in Markdown: usable families first."""
    usable = [row for row in rows if row[2].startswith("yes")]
    others = [row for row in rows if not row[2].startswith("yes")]
    lines = [HEAD.format(version=timm.__version__)]
    lines += [
        f"## Usable: {len(usable)} of {len(rows)} families\n",
        "| family | model tried | remarks |",
        "|---|---|---|",
    ]
    lines += [f"| {family} | `{name}` | {_remarks(found)}|" for family, name, found in usable]
    lines += ["\n## Refused\n", "| family | model tried | reason |", "|---|---|---|"]
    lines += [f"| {family} | `{name}` | {_reason(name, found)} |" for family, name, found in others]
    return "\n".join(lines) + "\n"


def _remarks(found: str) -> str:
    remarks = found.removeprefix("yes").lstrip(", ")
    return f"{remarks} " if remarks else ""


def _reason(name: str, found: str) -> str:
    return found.removeprefix("no: ").removeprefix(f"'{name}' ")


if __name__ == "__main__":
    sys.exit(main())
