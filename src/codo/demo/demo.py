"""``codo demo``: the whole story on the built-in data set, on this machine, with nothing downloaded.

    data/               what scenes.py draws
    catalogs/           codo prepare
    pretrain/           codo pretrain, and its export
    finetune/START-n/   codo finetune from START (scratch, codo) with seed n, on the same few labels
    results.json        the numbers of all of them
    report.html         the page to look at

Everything goes through the public functions and shipped recipes (``demo``, ``demo_finetune``). It prints what came out,
whichever side wins. Started again it goes on where it was.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from codo.core.config import read_recipe
from codo.core.errors import CodoError
from codo.core.run import Run, open_run, write_atomically
from codo.demo.synthetic.scenes import DemoData, write_demo, write_pictures
from codo.exporters.write import export
from codo.preparation.prepare import prepare
from codo.reporting.comparison import sentence
from codo.reporting.report import write_demo_report
from codo.training.pretrain import pretrain

STARTS = {"scratch": "Random weights", "codo": "CoDo"}


@dataclass(frozen=True)
class Scale:
    """How much of everything.

    Attributes:
        objects: Unlabeled object images.
        scenes: Training scenes, the backgrounds of pretraining.
        labeled: How many of them are labeled for finetuning.
        val: Scenes to evaluate on.
        pretrain_steps: Steps of pretraining.
        finetune_steps: Steps of each finetuning.
        seeds: Finetunings from each start.
    """

    objects: int
    scenes: int
    labeled: int
    val: int
    pretrain_steps: int
    finetune_steps: int
    seeds: int


FULL = Scale(objects=1500, scenes=400, labeled=48, val=80, pretrain_steps=700, finetune_steps=350, seeds=3)
QUICK = Scale(objects=1100, scenes=100, labeled=24, val=24, pretrain_steps=55, finetune_steps=50, seeds=3)
SIZE = 160  # side of the images in pixels


def demo(out: str | Path, *, quick: bool = False) -> Path:
    """Run the demo.

    Args:
        out: Folder to work in.
        quick: Under 3 minutes instead of 12; too short for the numbers to mean much.

    Returns:
        The report.

    Raises:
        CodoError: A step failed; the message says which.
    """
    scale, root, began = QUICK if quick else FULL, Path(out), time.perf_counter()
    with stage("1/5 drawing pictures"):
        data = draw(root / "data", scale)
        few = label_few(data, scale.labeled)
    with stage("2/5 proposals"):
        objects = prepare(data.unlabeled, root / "catalogs/objects")
        scenes = prepare(data.train, root / "catalogs/scenes", propose=False)
    with stage(f"3/5 pretraining on {len(objects)} unlabeled pictures, {scale.pretrain_steps} steps"):
        pretrained = pretrain(
            "demo",
            foregrounds=str(objects.path),
            backgrounds=[str(objects.path), str(scenes.path)],
            out=str(root / "pretrain"),
            steps=scale.pretrain_steps,
        )
        weights = export(pretrained, to="torchvision")
    with stage(f"4/5 finetuning on {scale.labeled} labeled pictures, from 2 starts with {scale.seeds} seeds each"):
        runs = finetune_all(root / "finetune", pretrained, data, few, scale)
    with stage("5/5 report"):
        results = {STARTS[start]: [numbers(runs[start, seed]) for seed in range(scale.seeds)] for start in STARTS}
        write_atomically(root / "results.json", json.dumps(results, indent=2) + "\n")
        report = write_demo_report(
            root / "report.html",
            title="Does pretraining help the detector?",
            label=caveat(scale, quick=quick, photographs=bool(data.photographs)),
            results=results,
            baseline=STARTS["scratch"],
            candidate=STARTS["codo"],
            pretrained=pretrained,
            finetuned={STARTS[start]: runs[start, 0] for start in STARTS},
        )
    print(table(results))
    print(sentence(results, STARTS["codo"], STARTS["scratch"]))
    print(f"\nreport   {report}\nweights  {weights}\ntime     {(time.perf_counter() - began) / 60:.1f} min")
    return report


def write_data(out: str | Path) -> Path:
    """Draw the data set of ``codo demo --data-only``: labeled scenes, and pictures in class folders.

    ::

        detection/   200 training and 40 validation scenes
        pictures/    train/CLASS/ with 600 pictures, val/CLASS/ with 160
    """
    root = Path(out)
    write_demo(root, size=SIZE, objects=1, train=200, val=40)
    write_pictures(root / "pictures", size=SIZE)
    print(f"{root}: detection/ has labeled scenes, pictures/ objects in class folders")
    return root


@contextmanager
def stage(title: str) -> Iterator[None]:
    """Say what is being done, and how long it took."""
    print(f"== {title}", flush=True)
    began = time.perf_counter()
    yield
    print(f"   {time.perf_counter() - began:.0f} s", flush=True)


def draw(folder: Path, scale: Scale) -> DemoData:
    """Render the data set."""
    with tqdm(total=scale.objects + scale.scenes + scale.val, unit="image", disable=not sys.stderr.isatty()) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return write_demo(
            folder, size=SIZE, objects=scale.objects, train=scale.scenes, val=scale.val, progress=progress
        )


def label_few(data: DemoData, count: int) -> Path:
    """Annotations of the first ``count`` training scenes only; the other scenes serve unlabeled."""
    content = json.loads(data.train_json.read_text(encoding="utf-8"))
    images = content["images"][:count]
    ids = {image["id"] for image in images}
    kept = [one for one in content["annotations"] if one["image_id"] in ids]
    path = data.train_json.with_name("instances_few.json")
    write_atomically(path, json.dumps({**content, "images": images, "annotations": kept}))
    return path


def finetune_all(folder: Path, pretrained: Run, data: DemoData, few: Path, scale: Scale) -> dict[tuple[str, int], Run]:
    """Finetune from every start with every seed, as many at a time as there are cores.

    Each is a ``codo finetune`` process with one thread: small networks gain little from a second one.

    Raises:
        CodoError: One of them failed.
    """
    weights = {"scratch": "none", "codo": str(pretrained.path)}
    # The trunk's architecture is that of the pretraining run, for both starts alike.
    model = {key: value for key, value in pretrained.config["model"].items() if key != "init"}
    waiting = [(start, seed) for seed in range(scale.seeds) for start in STARTS]
    runs = {(start, seed): folder / f"{start}-{seed}" for start, seed in waiting}
    running: dict[tuple[str, int], subprocess.Popen[bytes]] = {}
    folder.mkdir(parents=True, exist_ok=True)
    with tqdm(total=len(runs) * scale.finetune_steps, unit="step", disable=not sys.stderr.isatty()) as bar:
        try:
            while waiting or running:
                while waiting and len(running) < (os.cpu_count() or 1):
                    start, seed = cell = waiting.pop(0)
                    settings = {
                        "weights": weights[start],
                        "seed": seed,
                        "out": runs[cell],
                        "data.train": few,
                        "data.val": data.val_json,
                        "data.train_images": data.train,
                        "data.val_images": data.val,
                        "steps": scale.finetune_steps,
                        "workers": 0,
                        **{f"model.{key}": value for key, value in model.items()},
                    }
                    running[cell] = spawn_finetune(settings, folder / f"{start}-{seed}.log")
                time.sleep(0.5)
                for cell, process in list(running.items()):
                    if process.poll() is not None:
                        del running[cell]
                        if process.returncode:
                            raise failure(folder / f"{cell[0]}-{cell[1]}.log", process.returncode)
                        ap = numbers(open_run(runs[cell]))["bbox"]["AP"]
                        tqdm.write(f"   {STARTS[cell[0]]}, seed {cell[1]}: box AP {100 * ap:.1f}")
                bar.update(sum(steps_done(path) for path in runs.values()) - bar.n)
        finally:
            for process in running.values():  # only when one failed, or Ctrl-C
                process.terminate()
                process.wait()
    return {cell: open_run(path) for cell, path in runs.items()}


def spawn_finetune(settings: Mapping[str, Any], log: Path) -> subprocess.Popen[bytes]:
    """Start ``codo finetune -c demo_finetune`` with its output in a file."""
    arguments = [f"{key}={value}" for key, value in settings.items()]
    command = [sys.executable, "-m", "codo.cli", "finetune", "-c", "demo_finetune", *arguments]
    with log.open("wb") as output:
        return subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, "OMP_NUM_THREADS": "1"})


def failure(log: Path, code: int) -> CodoError:
    """The last words of a finetuning that failed."""
    words = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]
    return CodoError(f"a finetuning failed ({code}): {' / '.join(words)}", where=str(log), fix="read the log")


def steps_done(path: Path) -> int:
    """Steps that a run has logged."""
    rows = Run(path).metrics()
    return int(rows[-1]["step"]) if rows else 0


def numbers(run: Run) -> dict[str, dict[str, float]]:
    """COCO's numbers of a finished finetuning, by ``bbox`` and ``segm``."""
    last = next(row for row in reversed(run.metrics()) if "ap/bbox/AP" in row)
    found: dict[str, dict[str, float]] = {}
    for name, value in last.items():
        parts = name.split("/")
        if parts[0] == "ap" and len(parts) == 3:
            found.setdefault(parts[1], {})[parts[2]] = value
    return found


def table(results: Mapping[str, list[dict[str, dict[str, float]]]]) -> str:
    """Mean and standard deviation over the seeds, in percent."""
    columns = [(kind, name) for kind in ("bbox", "segm") for name in ("AP", "AP50", "AP75")]
    lines = ["", f"{'start':<16}" + "".join(f"{kind + ' ' + name:>14}" for kind, name in columns)]
    for start, seeds in results.items():
        cells = []
        for kind, name in columns:
            values = [100 * one[kind][name] for one in seeds if kind in one]
            mean = sum(values) / len(values)
            spread = (sum((value - mean) ** 2 for value in values) / max(1, len(values) - 1)) ** 0.5
            cells.append(f"{mean:.1f} ± {spread:.1f}")
        lines.append(f"{start:<16}" + "".join(f"{cell:>14}" for cell in cells))
    return "\n".join([*lines, ""])


def caveat(scale: Scale, *, quick: bool, photographs: bool) -> str:
    """What the numbers are, and are not."""
    origin = "with photographs from installed packages behind some" if photographs else "all of it drawn"
    short = " The quick version is too short for the numbers to mean much." if quick else ""
    size = read_recipe("demo")["model"]["backbone"]
    return (
        f"A demonstration on rendered scenes ({origin}), not a benchmark: a slim {size}, {scale.pretrain_steps} steps "
        f"of pretraining, {scale.labeled} labeled pictures, {scale.seeds} seeds, a few minutes on a CPU.{short}"
    )
