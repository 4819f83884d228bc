"""The commands of the how-to pages, run as they stand, with tiny recipes of the same names in the folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import pytest
import torch
import yaml

import codo
from codo.cli import main
from tests.annotations.synthetic import TINY, coco, write
from tests.test_docs import blocks, commands
from tests.training import tiny

PAGES = (
    "docs/how-to/compare.md",
    "docs/how-to/finetune.md",
    "docs/how-to/own-method.md",
    "docs/how-to/probes.md",
    "docs/how-to/weights.md",
)


def voc(folder: Path, split: str, images: int) -> None:
    """A split of VOC2007."""
    truth, pictures = coco(images, seed=len(split))
    root = folder / "VOC2007"
    for part in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (root / part).mkdir(parents=True, exist_ok=True)
    names = {category["id"]: category["name"] for category in truth["categories"]}
    for i, (entry, picture) in enumerate(zip(truth["images"], pictures, strict=True)):
        cv2.imwrite(str(root / f"JPEGImages/{split}{i}.jpg"), picture)
        objects = ""
        for row in truth["annotations"]:
            if row["image_id"] == entry["id"]:
                x, y, w, h = row["bbox"]
                corners = f"<xmin>{x + 1}</xmin><ymin>{y + 1}</ymin><xmax>{x + w}</xmax><ymax>{y + h}</ymax>"
                objects += f"<object><name>{names[row['category_id']]}</name><bndbox>{corners}</bndbox></object>"
        size = f"<size><width>{entry['width']}</width><height>{entry['height']}</height><depth>3</depth></size>"
        (root / f"Annotations/{split}{i}.xml").write_text(f"<annotation>{size}{objects}</annotation>")
    (root / f"ImageSets/Main/{split}.txt").write_text("".join(f"{split}{i}\n" for i in range(images)))


@pytest.fixture(scope="module")
def workplace(catalog: Path, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """labeled/, coco/, VOCdevkit/, photos/, runs/mine, result files of two detectors and tiny recipes."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("workplace")
    for split in ("train", "val"):
        write(folder / "labeled", *coco(8), split)
        for number, name in enumerate(("cat", "dog", "cat", "dog")):
            (folder / "folders" / split / name).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / "folders" / split / name / f"{number}.png"), coco(8)[1][number])
    (folder / "coco").symlink_to(folder / "labeled")
    found = [
        {**{k: row[k] for k in ("image_id", "category_id", "bbox")}, "score": 0.9} for row in coco(8)[0]["annotations"]
    ]
    for seed in range(3):
        for side in ("codo", "mine"):
            (folder / f"{side}-{seed}.json").write_text(json.dumps(found[seed:]))
    (folder / "photos").symlink_to(catalog)
    voc(folder / "VOCdevkit", "trainval", 4)
    voc(folder / "VOCdevkit", "test", 2)
    codo.pretrain(**tiny.settings(catalog, folder / "runs/mine", probe=None, steps=2))
    slim = {**TINY, "model": tiny.MODEL, "steps": 2, "batch_size": 4, "short_sides": [64], "workers": 0}
    for name in ("finetune_laptop", "coco_mask_rcnn_r50_fpn_1x", "voc_faster_rcnn_r50_fpn"):
        (folder / name).write_text(yaml.safe_dump({**slim, "base": f"{name}.yaml", "precise_bn": 1}))
    pretraining = {key: value for key, value in tiny.settings(catalog, folder).items() if "." not in key}
    for key in ("foregrounds", "backgrounds", "out"):
        del pretraining[key]
    (folder / "laptop").write_text(yaml.safe_dump({**pretraining, "steps": 2, "probe": None}))
    start = {**tiny.MODEL, "init": "trunk.safetensors"}  # instead of ImageNet's weights, which are downloaded
    short = {**pretraining, "steps": 2, "probe": {"every": 1, "proposals": 8, "boxes": 8}}
    (folder / "adapt_laptop").write_text(yaml.safe_dump({**short, "model": {**start, "freeze": ["backbone"]}}))
    (folder / "adapt").write_text(yaml.safe_dump({**short, "model": start, "anchor": {"features": 10}}))
    return folder


@pytest.mark.parametrize("page", PAGES)
def test_commands_run_as_written(
    page: str, workplace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "work"
    shutil.copytree(workplace, folder, symlinks=True)
    monkeypatch.chdir(folder)
    for code in blocks(page, "python"):
        Path("mine.py").write_text(code)
    found = commands(page)
    assert len(found) >= 2
    for command in found:
        if any("timm:" in one for one in command):  # weights that are downloaded
            continue
        arguments = ["steps=2" if one.startswith("steps=") else one for one in command[1:]]
        assert main(arguments) == 0, capsys.readouterr().err
    for run in folder.glob("runs/*"):
        assert (run / "report.html").is_file()
    if "finetune" in page:
        rows = [json.loads(line) for line in (folder / "runs/voc/metrics.jsonl").read_text().splitlines()]
        assert "ap/voc/AP50_07" in rows[-1]
