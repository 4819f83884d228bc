"""``codo demo``: end-to-end demo on a generated data set, without downloads.

::

    OUT/data/           the data set (codo.demo.synthetic)
    OUT/catalogs/       codo prepare
    OUT/pretrain/CoDo/  a pretraining run for each seed; the first one is exported
    OUT/comparison/     codo compare: finetuning from random and from pretrained weights, on the same few labels
    OUT/report.html     the report

All steps use the public functions and shipped recipes (``demo``, ``demo_finetune``). The results are printed as they
are, whichever initialization is better. Started again, the demo resumes.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from codo.advice.answer import Suggestion
from codo.catalog.catalog import Catalog
from codo.comparison.compare import compare
from codo.comparison.comparison import Comparison
from codo.comparison.page import result_sections
from codo.comparison.paper_table import markdown
from codo.comparison.verdicts import conclusion, summary, verdict
from codo.core.attempt import attempt_page
from codo.core.config import read_recipe
from codo.core.io import write_atomically
from codo.core.numbers import share
from codo.core.run import Run, open_run
from codo.demo.synthetic.scenes import DemoData, write_demo, write_pictures
from codo.exporters.write import export
from codo.machine.cpu import usable_cores
from codo.preparation.prepare import prepare
from codo.reporting.report import write_demo_report
from codo.training.distributed import choose_device

RANDOM, PRETRAINED = "Random weights", "CoDo"
SEEDS_APART = 100
"""Demos of neighboring ``seed`` share no seed of a training."""
PROBE = "probe/roi/fpn/linear"
"""The probe that predicts AP best, see docs/how-to/probes.md."""


@dataclass(frozen=True)
class Scale:
    """Sizes of the data set and lengths of the trainings.

    Attributes:
        objects: Number of unlabeled object images.
        scenes: Number of training scenes, which are the backgrounds of pretraining.
        labeled: Number of training scenes with labels for finetuning.
        val: Number of evaluation scenes.
        pretrain_steps: Steps of each pretraining.
        finetune_steps: Steps of each finetuning.
        seeds: Number of pretrainings, and of finetunings from each initialization.
    """

    objects: int
    scenes: int
    labeled: int
    val: int
    pretrain_steps: int
    finetune_steps: int
    seeds: int


FULL = Scale(objects=1500, scenes=400, labeled=48, val=160, pretrain_steps=800, finetune_steps=350, seeds=4)
QUICK = Scale(objects=1100, scenes=100, labeled=24, val=24, pretrain_steps=40, finetune_steps=40, seeds=3)
WHOLE_DEMO = Suggestion("steps", "Run the whole demo: `codo demo`", "The quick version is too short for an answer.")
SIZE = 160  # side of the images in pixels


def demo(out: str | Path, *, quick: bool = False, seed: int = 0, scale: Scale | None = None) -> Path:
    """Run the demo.

    Args:
        out: Folder to work in.
        quick: Under 3 minutes instead of 12; too short for meaningful numbers.
        seed: Seed of the images and of all trainings.
        scale: Sizes and lengths, instead of those chosen by ``quick``.

    Returns:
        The report.

    Raises:
        CodoError: A step failed; the message names it.
    """
    scale = scale or (QUICK if quick else FULL)
    root, began = Path(out), time.perf_counter()
    with stage("1/4 drawing images"):
        data = draw(root / "data", scale, seed)
        few = label_few(data, scale.labeled)
    with stage("2/4 proposals"):
        objects = prepare(data.unlabeled, root / "catalogs/objects")
        scenes = prepare(data.train, root / "catalogs/scenes", propose=False)
    with stage(
        f"3/4 {scale.seeds} times: pretraining on {len(objects)} unlabeled images ({scale.pretrain_steps} steps), "
        f"finetuning on {scale.labeled} labeled ones, from it and from random weights"
    ):
        compared = train_all(root, (objects, scenes), data, few, scale, seed)
    pretrained = open_run(root / "pretrain" / PRETRAINED / f"seed-{compared.trials[0].seed}")
    with stage("4/4 report"):
        weights = export(pretrained, to="torchvision")
        report = root / "report.html"

        def write() -> None:
            write_demo_report(
                report,
                title="Does pretraining help the detector?",
                label=caveat(scale, quick=quick, photographs=bool(data.photographs)),
                answer=replace(conclusion(compared), next=[WHOLE_DEMO]) if quick else conclusion(compared),
                results=result_sections(compared),
                pretrained=pretrained,
                finetuned={trial.init: open_run(trial.path) for trial in compared.trials[:2]},
            )

        if warning := attempt_page(write, "the same command again"):
            print(f"WARNING {warning}", file=sys.stderr, flush=True)
    print(f"\n{markdown(compared)}")
    print(*summary(compared), verdict(compared, PRETRAINED, metric="AP50"), sep="\n")
    print(f"\n{learning_curve(pretrained)}")
    if quick:
        print("\nToo short for an answer: codo demo runs the whole demo, 12 minutes on 2 idle cores.")
    print(f"\nreport   {report}\nweights  {weights}\ntime     {(time.perf_counter() - began) / 60:.1f} min")
    return report


def write_data(out: str | Path) -> Path:
    """Draw the data set of ``codo demo --data-only``: labeled scenes, and object images in class folders.

    ::

        detection/   200 training and 40 validation scenes
        pictures/    train/CLASS/ with 600 object images, val/CLASS/ with 160
    """
    root = Path(out)
    write_demo(root, size=SIZE, objects=1, train=200, val=40)
    write_pictures(root / "pictures", size=SIZE)
    print(f"{root}: detection/ has labeled scenes, pictures/ has object images in class folders")
    return root


@contextmanager
def stage(title: str) -> Iterator[None]:
    """Print the title of a stage, and its duration at the end."""
    print(f"== {title}", flush=True)
    began = time.perf_counter()
    yield
    print(f"   {time.perf_counter() - began:.0f} s", flush=True)


def draw(folder: Path, scale: Scale, seed: int) -> DemoData:
    """Render the data set."""
    with tqdm(total=scale.objects + scale.scenes + scale.val, unit="image", disable=not sys.stderr.isatty()) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return write_demo(
            folder,
            size=SIZE,
            objects=scale.objects,
            train=scale.scenes,
            val=scale.val,
            seed=seed,
            progress=progress,
        )


def label_few(data: DemoData, count: int) -> Path:
    """Write annotations of the first ``count`` training scenes; the other scenes are used without labels."""
    content = json.loads(data.train_json.read_text(encoding="utf-8"))
    images = content["images"][:count]
    ids = {image["id"] for image in images}
    kept = [one for one in content["annotations"] if one["image_id"] in ids]
    path = data.train_json.with_name("instances_few.json")
    write_atomically(path, json.dumps({**content, "images": images, "annotations": kept}))
    return path


def train_all(
    root: Path, pools: tuple[Catalog, Catalog], data: DemoData, few: Path, scale: Scale, seed: int
) -> Comparison:
    """Pretrain with every seed, and finetune from it and from random weights of the same architecture.

    Raises:
        CodoError: Some trainings failed.
    """
    objects, scenes = (str(pool.path) for pool in pools)
    # On a GPU one at a time. On the CPU one per core: small networks gain little from a second thread.
    jobs = None if choose_device("auto").type == "cuda" else min(usable_cores(), 2 * scale.seeds)
    detection = {"train_images": str(data.train), "val_images": str(data.val), "val": str(data.val_json)}
    return compare(
        "demo_finetune",
        inits={RANDOM: "none", PRETRAINED: {"recipe": "demo"}},
        pretrain={
            "foregrounds": objects,
            "backgrounds": [objects, scenes],
            "steps": scale.pretrain_steps,
            "workers": None if jobs is None else 0,  # each job has one core
            # The probe shows whether features of labeled boxes get better; its labels train nothing else.
            "probe": {"data": {"train": str(data.train_json), **detection}},
        },
        pretrained=str(root / "pretrain"),
        seeds=[SEEDS_APART * seed + i for i in range(scale.seeds)],
        data={"train": str(few), **detection},
        steps=scale.finetune_steps,
        workers=0,
        jobs=jobs,
        out=str(root / "comparison"),
    )


def learning_curve(pretrained: Run) -> str:
    """The probe of labeled boxes at the steps of a pretraining, as one line."""
    rows = [row for row in pretrained.metrics() if PROBE in row]
    curve = ", ".join(f"{share(row[PROBE])} at step {row['step']:,}" for row in rows)
    chance = share(rows[-1]["probe/roi/chance"]) if rows else ""
    return f"Classes of labeled boxes told by a linear classifier on the frozen FPN (chance {chance}): {curve}."


def caveat(scale: Scale, *, quick: bool, photographs: bool) -> str:
    """A sentence on what the numbers mean."""
    origin = "some with photographs from installed packages as background" if photographs else "all generated"
    short = " The quick version is too short for meaningful numbers." if quick else ""
    size = read_recipe("demo")["model"]["backbone"]
    return (
        f"A demonstration on rendered scenes ({origin}), not a benchmark: a slim {size}, {scale.pretrain_steps} steps "
        f"of pretraining, {scale.labeled} labeled images, {scale.seeds} seeds of both, a few minutes on a CPU.{short}"
    )
