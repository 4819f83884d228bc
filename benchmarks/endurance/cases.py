"""The commands that are killed, and what they read: everything so small that an undisturbed run takes a few seconds."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MODEL = {
    "backbone": "resnet18",
    "width": 0.125,
    "fpn_channels": 16,
    "head": "1conv1fc",
    "head_dim": 32,
    "embedding_dim": 32,
}
PRETRAIN: dict[str, Any] = {
    "device": "cpu",
    "workers": 0,
    "canvas": 64,
    "batch_size": 4,
    "steps": 6,
    "checkpoint_every": 2,
    "keep_checkpoints": 2,
    "model": MODEL,
    "contrast": {"queue": 16, "bn_groups": 2},
    "optim": {"lr": 0.02, "warmup_epochs": 0},
    "probe": None,
    "log": {"every": 1, "progress": False},
}
"""Settings of every pretraining; those of a method are in `METHODS`."""
METHODS: dict[str, dict[str, Any]] = {
    "codo": {"probe": {"every": 3, "proposals": 8, "group": 4}},
    "moco_v2": {"workers": 1},
    "instdisc": {"options": {"negatives": 8}},
    "swav": {
        "options": {
            "hidden": 16,
            "prototypes": 6,
            "small_views": 1,
            "small_side": 32,
            "queue": 8,
            "queue_from": 0.0,
        }
    },
    "rotation": {},
    "dilo": {},
}
FURTHER: dict[str, dict[str, Any]] = {
    "colorization": {"options": {"width": 16}},
    "inpainting": {"options": {"width": 16, "band": 2, "adversarial": 0.001}},
    "context": {"options": {"cell": 24, "patch": 16, "jitter": 3, "hidden": 16, "joined": 16}},
    "jigsaw": {"options": {"cell": 18, "patch": 16, "hidden": 16, "joined": 16, "permutations": 5}},
    "self_emd": {"options": {"hidden": 16, "small_views": 1, "small_side": 32, "vector_weight": 1.0}},
    "detco": {"options": {"cell": 40, "patch": 32}},
    "simclr": {"contrast": {"debiased": 0.1}},
}
"""Methods with a few kills each, beyond the thousand."""
DETECTOR = {"proposals": 20, "proposals_per_level": 30, "sampled_anchors": 16, "sampled_boxes": 8, "anchor_scale": 0.5}
FINETUNE: dict[str, Any] = {
    "device": "cpu",
    "workers": 0,
    "batch_size": 2,
    "short_sides": [64],
    "max_size": 64,
    "steps": 4,
    "masks": False,
    "checkpoint_every": 2,
    "detector": DETECTOR,
    "optim": {"lr": 0.02, "lr_scaling": "none", "warmup_steps": 1},
    "log": {"every": 1, "progress": False},
}
DEMO: dict[str, dict[str, Any]] = {
    "demo": {**PRETRAIN, "steps": 2, "contrast": {"queue": 8, "bn_groups": 2}, "probe": {"proposals": 4, "group": 4}},
    "demo_finetune": {**FINETUNE, "base": "finetune_laptop", "steps": 2},
}
"""Recipes of the demo: files of these names in the working folder go before the shipped ones."""


@dataclass(frozen=True)
class Case:
    """A command that is killed.

    Attributes:
        name: For options and tables.
        arguments: Of ``codo``; ``OUT`` and ``IN`` stand for the folder that it writes and the inputs.
        kills: Its share of the plan.
    """

    name: str
    arguments: tuple[str, ...]
    kills: int


def cases() -> list[Case]:
    """All commands; their kills sum to 1,000, without those of `FURTHER`."""
    prepare = ("prepare", "IN/pictures", "--out", "OUT/catalog")
    pretrain = ("pretrain", "foregrounds=IN/catalog", "out=OUT/run")
    small = [Case(f"pretrain {name}", (*pretrain, *_pretraining(name)), 75) for name in METHODS]
    data, weights = ("data=IN/labeled", *words(FINETUNE)), "weights=IN/run"
    return [
        Case("prepare", (*prepare, "--jobs", "1"), 90),
        Case("prepare, 2 processes", (*prepare, "--jobs", "2"), 60),
        Case("prepare --pack", (*prepare, "--jobs", "1", "--pack", "128", "shard_mb=1"), 90),
        *small,
        Case("finetune", ("finetune", "-c", "finetune_laptop", *data, weights, "out=OUT/run"), 100),
        Case("compare", ("compare", "-c", "finetune_laptop", *data, *_compared(), "out=OUT/answer"), 70),
        Case("export", ("export", "IN/run", "--to", "torchvision", "--out", "OUT/weights/trunk.pth"), 100),
        Case("demo", ("demo", "--quick", "--out", "OUT/demo"), 40),
        *(Case(f"pretrain {name}", (*pretrain, *_pretraining(name)), 20) for name in FURTHER),
    ]


def make_inputs(folder: Path) -> None:
    """Pictures, a catalog, labeled data, a pretrained run, and the demo's recipes."""
    import codo
    from codo.demo.synthetic.scenes import write_demo

    many = write_demo(folder / "large", size=160, objects=120, train=1, val=1, use_photographs=False)
    many.unlabeled.rename(folder / "pictures")
    (folder / "pictures" / "torn.jpg").write_bytes((folder / "pictures" / "object-00000.jpg").read_bytes()[:700])
    few = write_demo(folder / "small", size=72, objects=26, train=6, val=3, use_photographs=False)
    (folder / "small" / "detection").rename(folder / "labeled")
    codo.prepare(few.unlabeled, folder / "catalog", jobs=1)
    codo.pretrain(
        **{**PRETRAIN, "steps": 2},
        foregrounds=str(folder / "catalog"),
        backgrounds=[str(folder / "catalog")],
        out=str(folder / "run"),
    )
    for name, recipe in DEMO.items():
        (folder / name).write_text(json.dumps(recipe), encoding="utf-8")  # JSON is YAML


def run_command(arguments: list[str], inputs: Path) -> int:
    """What a process of a case runs; returns the exit code."""
    import sys

    from codo.cli import settled_code

    sys.argv = ["codo", *arguments]
    os.chdir(inputs)
    if arguments[0] == "demo":
        from importlib import import_module

        demo = import_module("codo.demo.demo")
        scale = demo.Scale(objects=6, scenes=5, labeled=4, val=3, pretrain_steps=2, finetune_steps=2, seeds=1)
        demo.QUICK, demo.usable_cores = scale, lambda: 1  # type: ignore[attr-defined]  # only here is it this small
    return settled_code()


def _pretraining(name: str) -> list[str]:
    from codo.methods.registry import find_method

    pools = ["backgrounds=[IN/catalog]"] if find_method(name).needs_backgrounds else []
    return [f"method={name}", *pools, *words({**PRETRAIN, **(METHODS | FURTHER)[name]})]


def _compared() -> list[str]:
    return ["inits=[none,codo=IN/run]", "fractions=[1]", "seeds=[0,1]", "jobs=1", "steps=2"]


def words(settings: dict[str, Any]) -> list[str]:
    """Settings as words of a command line."""
    from codo.core.config import flatten

    def spelled(value: Any) -> str:
        if isinstance(value, list):
            return f"[{','.join(map(spelled, value))}]"
        return json.dumps(value) if value is None or isinstance(value, bool) else str(value)

    return [f"{key}={spelled(value)}" for key, value in flatten(settings).items()]
