"""Labels: COCO, YOLO and VOC of three drawn images, and reading them as `codo finetune` does before it trains."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.fuzzing.archives import small_images
from benchmarks.fuzzing.formats import ACCEPTED, FAILURE, REJECTED, Given, Mutant, Outcome
from benchmarks.fuzzing.mutations import mutate
from benchmarks.fuzzing.trees import json_text, mutate_tree
from benchmarks.fuzzing.values import HOSTILE_TEXTS

ENDINGS = (".jpg", ".png", ".webp")


def _images(folder: Path) -> list[str]:
    folder.mkdir(parents=True)
    names = [f"{number}{ending}" for number, ending in enumerate(ENDINGS)]
    for name, data in zip(names, small_images(), strict=True):
        (folder / name).write_bytes(data)
    return names


def coco_seeds(folder: Path) -> None:
    names = _images(folder / "images")
    images = [{"id": n, "file_name": name, "width": 40, "height": 48} for n, name in enumerate(names, start=1)]
    common = {"iscrowd": 0, "area": 200.0}
    outlines: list[Any] = [
        [[2.0, 2.0, 22.5, 2.0, 22.5, 12.0, 2.0, 12.0]],
        {"size": [48, 40], "counts": [100, 20, 1800]},
    ]
    objects = [
        {"id": n, "image_id": 1 + n % 3, "category_id": 1 + n % 2, "bbox": [2, 2, 20, 10], "segmentation": outline}
        for n, outline in enumerate([*outlines[:2], *[outlines[0]] * 20], start=1)
    ]
    objects[1] |= {"iscrowd": 1}
    classes = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog", "supercategory": "animal"}]
    whole = {"info": {}, "licenses": [], "images": images, "categories": classes}
    plain = [{**common, **{key: one[key] for key in one if key != "segmentation"}} for one in objects]
    for number, rows in enumerate(([{**common, **one} for one in objects], plain)):
        (folder / f"{number}.json").write_text(json.dumps(whole | {"annotations": rows}))


def coco(rng: Random, seeds: Sequence[bytes], values: Sequence[object]) -> Mutant:
    data = rng.choice(seeds)
    if rng.random() < 0.2:
        return Mutant(mutate(rng, data, seeds))
    return Mutant(json_text(rng, mutate_tree(rng, json.loads(data), values)))


def read_coco(one: Given, folder: Path) -> Outcome:
    return _read({"train": str(one.path), "images": str(one.seeds / "images")}, one, "coco")


def yolo_seeds(folder: Path) -> None:
    _images(folder / "images")
    texts = (
        "0 0.5 0.5 0.25 0.5\n1 0.1 0.1 0.2 0.2\n",
        "1 0.1 0.1 0.5 0.1 0.5 0.6 0.1 0.6\n",
        "0,0.5,0.5,0.25,0.5\n0,0.1,0.1,0.2,0.2\n",
        "",
    )
    data = "path: .\ntrain: images/train\nval: images/train\nnames: {0: cat, 1: dog}\nnc: 2\n"
    for number, text in enumerate(texts):
        (folder / f"{number}.yolo").write_text(f"{data}%%\n{text}")


def yolo(rng: Random, seeds: Sequence[bytes], values: Sequence[object]) -> Mutant:
    """A data file and a label file in one, with a line of ``%%`` between them."""
    data, _, text = rng.choice(seeds).partition(b"%%\n")
    what = rng.random()
    if what < 0.25:
        data = mutate(rng, data, [data, text or b"\n"])
    elif what < 0.5:
        lines = data.decode().splitlines()
        at = rng.randrange(len(lines))
        key = lines[at].partition(":")[0]
        value = rng.choice(
            ("[[a]]", "&a [*a]", "!!python/name:os.system", "..", "images", "*x", "[1, 2, .nan]", "{0: {}}")
        )
        lines[at] = f"{key}: {rng.choice((value, value, json.dumps(rng.choice(values))))}"
        data = "\n".join(lines).encode("utf-8", "replace") + b"\n"
    elif what < 0.75:
        text = mutate(rng, text or b"0 1 1 1 1\n", [text or b"\n", data])
    else:
        columns = text.decode().split() or ["0"]
        columns[rng.randrange(len(columns))] = rng.choice(
            ("nan", "-1", "1e999", "9" * 400, "0x1", "٣", "1_0", "1e-400", "2")
        )
        text = " ".join(columns).encode() * rng.choice((1, 1, 100))
    return Mutant(data + b"%%\n" + text)


def read_yolo(one: Given, folder: Path) -> Outcome:
    data, _, text = one.path.read_bytes().partition(b"%%\n")
    for name in ("images", "labels"):
        (folder / name / "train").mkdir(parents=True)
    (folder / "data.yaml").write_bytes(data)
    for number, (ending, image) in enumerate(zip(ENDINGS, small_images(), strict=True)):
        (folder / "images" / "train" / f"{number}{ending}").write_bytes(image)
        (folder / "labels" / "train" / f"{number}.txt").write_bytes(text if number == 0 else b"0 0.5 0.5 0.2 0.2\n")
    return _read({"folder": str(folder), "format": "yolo"}, one, "yolo")


VOC = """<annotation><folder>VOC</folder><filename>0.jpg</filename>
<size><width>40</width><height>48</height><depth>3</depth></size><segmented>0</segmented>
<object><name>cat</name><pose>Left</pose><difficult>0</difficult>
<bndbox><xmin>3</xmin><ymin>3</ymin><xmax>22</xmax><ymax>12</ymax></bndbox></object>
<object><name>dog</name><difficult>1</difficult><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>40</xmax><ymax>48</ymax></bndbox>
</object>
</annotation>
"""


_TURNED = (
    "<attributes><attribute><name>rotation</name><value>30</value></attribute></attributes></object>\n</annotation>"
)


def voc_seeds(folder: Path) -> None:
    _images(folder / "images")
    (folder / "0.xml").write_text(VOC)
    named = f'<?xml version="1.0" encoding="utf-8"?>\n{VOC.replace("cat", "é")}'
    (folder / "1.xml").write_text(named.replace("</object>\n</annotation>", _TURNED), encoding="utf-8")


def voc(rng: Random, seeds: Sequence[bytes], values: Sequence[object]) -> Mutant:
    """Bytes changed anywhere; texts of elements; elements moved, repeated or nested; declarations of entities."""
    data = rng.choice(seeds)
    what = rng.random()
    if what < 0.3:
        return Mutant(mutate(rng, data, seeds))
    text = data.decode()
    parts = text.split("<")
    at = rng.randrange(1, len(parts))
    if what < 0.6:
        tag = parts[at].partition(">")[0]
        value = rng.choice(
            (str(rng.choice(values)), *HOSTILE_TEXTS, "nan", "1e999", "-5", "9" * 5000, "&amp;", "&x;", "&#0;")
        )
        parts[at] = f"{tag}>{value}"
    elif what < 0.7:
        parts[at:at] = parts[at : at + rng.randrange(1, 6)] * rng.choice((1, 50))
    elif what < 0.8:
        del parts[at : at + rng.randrange(1, 4)]
    elif what < 0.83:
        depth = rng.choice((100, 5000, 50_000))
        parts[at:at] = ["a>"] * depth + ["/a>"] * rng.choice((depth, 0))
    elif what < 0.97:
        return Mutant(_entities(rng, "<".join(parts)).encode("utf-8", "replace"))
    else:
        encoding = rng.choice(("utf-16", "utf-7", "latin-1", "cp037", "rot13", "base64", "nothing", "utf-8\0"))
        return Mutant(f'<?xml version="1.0" encoding="{encoding}"?>{text[text.index("<annotation") :]}'.encode())
    return Mutant("<".join(parts).encode("utf-8", "replace"))


def _entities(rng: Random, text: str) -> str:
    """Entities that name files and hosts, themselves, or each other many times over."""
    depth, width = rng.choice(((3, 3), (8, 4), (12, 10), (25, 10)))
    chain = '<!ENTITY e0 "hostile">' + "".join(
        f'<!ENTITY e{level} "{f"&e{level - 1};" * width}">' for level in range(1, depth)
    )
    declared = rng.choice(
        (
            chain,
            '<!ENTITY e SYSTEM "file:///etc/passwd">',
            '<!ENTITY e SYSTEM "http://192.0.2.1/x">',
            '<!ENTITY % e SYSTEM "http://192.0.2.1/x.dtd"> %e;',
            '<!ENTITY e "&e;">',
            f'<!ENTITY e "{"a" * 100_000}">',
        )
    )
    used = f"&e{depth - 1};" if declared is chain else "&e;"
    system = rng.choice(("", "", ' SYSTEM "http://192.0.2.1/x.dtd"'))
    body = text[text.index("<annotation") :] if "<annotation" in text else text
    name = rng.choice(("cat", "40", "rotation"))
    body = body.replace(name, used * rng.choice((1, 1, 500)), 1)
    return f'<?xml version="1.0"?><!DOCTYPE annotation{system} [{declared}]>{body}'


def read_voc(one: Given, folder: Path) -> Outcome:
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / name).mkdir(parents=True)
    for number, (ending, image) in enumerate(zip(ENDINGS, small_images(), strict=True)):
        (folder / "JPEGImages" / f"{number}{ending}").write_bytes(image)
        (folder / "Annotations" / f"{number}.xml").write_text(VOC)
    for name, lines in (("train", "0\n1\n"), ("val", "2\n")):
        (folder / "ImageSets" / "Main" / f"{name}.txt").write_text(lines)
    shutil.copyfile(one.path, folder / "Annotations" / "0.xml")
    return _read({"folder": str(folder), "format": "voc"}, one, "voc")


def _read(data: dict[str, Any], one: Given, kind: str) -> Outcome:
    """Read the split, and make the boxes and masks that a detector trains on."""
    import numpy as np

    from codo.annotations.source import DataSettings, read_annotations
    from codo.detection.dataset import TrainingDataset

    splits = [
        read_annotations(DataSettings(**data), split) for split in (("train", "val") if kind == "voc" else ("train",))
    ]
    for one_split in splits:
        rows = np.arange(len(one_split))
        masks = bool((one_split.segmentations.present | one_split.ignored).all())
        dataset = TrainingDataset(one_split, rows, masks=masks, seed=0, short_sides=(40,), max_size=64, flip=0.5)
        for row in rows.tolist():
            dataset.sample(0, row)
        one_split.to_coco()
    objects = sum(len(annotations.labels) for annotations in splits)
    told = [note for annotations in splits for note in (*annotations.notes, *annotations.warnings)]
    declared = _declared(one, kind)
    if declared is not None and objects != declared and not told:
        return Outcome(FAILURE, f"{declared} objects declared, {objects} read, nothing told")
    return Outcome(REJECTED, told[0][:100]) if told else Outcome(ACCEPTED)


def _declared(one: Given, kind: str) -> int | None:
    """How many objects a plain look at the file finds."""
    data = one.path.read_bytes()
    if kind == "coco":
        return len(json.loads(data)["annotations"])
    if kind == "yolo":
        try:
            lines = data.partition(b"%%\n")[2].decode("utf-8-sig").splitlines()
        except UnicodeDecodeError:
            return None
        return sum(bool(line.strip()) for line in lines) + 2
    return None if b"<!" in data or b"<?" in data else data.count(b"<object>") + 4
