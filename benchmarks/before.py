"""S2, S3, S4, S6, S7: this version against an earlier one, in turn on the same machine.

    python -m benchmarks.before [--commit 126a4af] [--rounds 3] [--steps 40] [--share 0.2] [--data DIR]

The commit is checked out beside this one and runs in the same environment. Rates are medians over a run's log lines
after the first. S2: pretraining with the settings of `paper_laptop` (the earlier ``laptop``) on one thread and on two;
S7: the peak of its memory, where it keeps no decoded images. S3: finetuning with the settings of `demo_finetune`,
without masks. S4: what the earlier ``codo demo`` did, with a share of its steps: proposals, pretraining on two threads,
six finetunings with masks, two at a time; what does not depend on the steps weighs more than in the whole demo.
Where the processor has instructions for bfloat16, these once more with ``precision=bf16``, which has to be asked for.
S6: what a sample of two views costs a core of the loader (`benchmarks.loader`).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from benchmarks.command import run
from benchmarks.pictures import photographs
from benchmarks.row import Row, Spread
from benchmarks.upgrades import ROOT, checkout
from codo.demo.synthetic.scenes import DemoData, write_demo
from codo.machine.precision import has_fast_bf16

PRETRAIN = ("workers=0", "probe.every=0", "optim.warmup_steps=1", "log.every=2")
FINETUNE = ("finetune", "-c", "demo_finetune", "masks=false", "workers=0", "eval_every=0", "log.every=2")
DEMO_STEPS = (700, 350)
"""Of the pretraining and of a finetuning in the earlier ``codo demo``."""

THREADS = ("OMP_", "GOMP_", "KMP_", "MKL_")
"""Variables about threads begin like this."""


class Side(NamedTuple):
    """A command of one of the two versions.

    Attributes:
        source: Its checkout.
        arguments: Of ``codo``.
    """

    source: Path
    arguments: tuple[str, ...]

    def also(self, setting: str) -> Side:
        """The command with one more setting."""
        return Side(self.source, (*self.arguments, setting))


class Speed(NamedTuple):
    """Of one run.

    Attributes:
        ms: Milliseconds an image; a sample of pretraining is two.
        memory: Peak in MB.
    """

    ms: float
    memory: float


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--commit", default="126a4af")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--share", type=float, default=0.2, help="of the steps of the demo")


def rows(options: argparse.Namespace) -> Iterator[Row]:
    with checkout(options.commit) as earlier, tempfile.TemporaryDirectory() as scratch:
        yield from pretraining(options, earlier, Path(scratch))
        yield from finetuning(options, earlier, Path(scratch))
        yield from demo(options, earlier, Path(scratch))
        yield loader(options, earlier, Path(scratch))


def pretraining(options: argparse.Namespace, earlier: Path, scratch: Path) -> Iterator[Row]:
    """S2 on one thread and on two, and S7."""
    pictures, catalog = scratch / "pictures", scratch / "catalog"
    photographs(options.data, pictures, 64 if options.smoke else 200)
    python(earlier, ["-m", "codo.cli", "prepare", str(pictures), "--out", str(catalog), "--pack", "160"])
    given = (*PRETRAIN, f"foregrounds={catalog}", f"backgrounds=[{catalog}]")
    now = Side(ROOT, ("pretrain", "-c", "paper_laptop", *given))
    sides = {"before": Side(earlier, ("pretrain", "-c", "laptop", *given)), "now": now}
    alone = 0.0
    for threads in (1, 2):
        more = {"uncached": now.also("cache=off")} if threads == 1 else {}
        found = in_turn(sides | more, options, scratch / f"pretrain-{threads}", threads)
        rate = 1 / median(found["now"])
        note = f"{rate / alone:.2f} times the rate of one thread (wanted: 1.8)" if alone else ""
        alone = alone or rate
        yield from compared("S2", f"an image of paper_laptop, threads: {threads}", found, options, 1.6, note)
        if more:
            peaks = {side: [one.memory for one in found[side]] for side in ("before", "uncached")}
            yield row(
                "S7", "peak memory of that run, cache=off", "MB", peaks["before"], peaks["uncached"], options, 1.0
            )


def finetuning(options: argparse.Namespace, earlier: Path, scratch: Path) -> Iterator[Row]:
    """S3."""
    train = 8 if options.smoke else 96
    drawn = write_demo(scratch / "drawn", size=128, objects=8, train=train, val=4, use_photographs=False)
    command = (*FINETUNE, f"data={drawn.train.parent}")
    sides = {"before": Side(earlier, command), "now": Side(ROOT, command)}
    found = in_turn(sides, options, scratch / "finetune", 1)
    yield from compared("S3", "an image of demo_finetune, threads: 1", found, options, 1 / 0.6)


def demo(options: argparse.Namespace, earlier: Path, scratch: Path) -> Iterator[Row]:
    """S4."""
    objects, scenes, val = (80, 8, 4) if options.smoke else (600, 200, 80)
    drawn = write_demo(scratch / "demo", size=160, objects=objects, train=scenes, val=val, use_photographs=False)
    given = {"before": (earlier, "laptop", ()), "now": (ROOT, "paper_laptop", ())}
    if has_fast_bf16():
        given["bf16"] = (ROOT, "paper_laptop", ("precision=bf16",))
    found: dict[str, list[float]] = {name: [] for name in given}
    for number in range(1 if options.smoke else options.rounds):
        for name, (source, recipe, settings) in list(given.items())[:: -1 if number % 2 else 1]:
            began = time.perf_counter()
            run_demo(source, recipe, settings, drawn, scratch / f"demo-{name}-{number}", options)
            found[name].append(time.perf_counter() - began)
    what = f"{options.share:.0%} of the steps of the earlier codo demo, two cores"
    yield row("S4", what, "s", found["before"], found["now"], options, 1 / 0.6)
    if "bf16" in found:
        yield row("S4", f"{what}, precision=bf16", "s", found["before"], found["bf16"], options, 1 / 0.6)


def run_demo(
    source: Path, recipe: str, settings: tuple[str, ...], drawn: DemoData, out: Path, options: argparse.Namespace
) -> None:
    """The commands of the earlier demo on drawn pictures."""
    steps, short = (2, 2) if options.smoke else (round(options.share * whole) for whole in DEMO_STEPS)
    codo = ("-m", "codo.cli")
    python(source, [*codo, "prepare", str(drawn.unlabeled), "--out", f"{out}/objects"], 2)
    python(source, [*codo, "prepare", str(drawn.train), "--out", f"{out}/scenes", "--no-proposals"], 2)
    pools = (f"foregrounds={out}/objects", f"backgrounds=[{out}/objects,{out}/scenes]", f"out={out}/pretrained")
    probe = ("probe.every=100", "probe.proposals=64", "optim.warmup_steps=1")
    python(source, [*codo, "pretrain", "-c", recipe, *pools, *probe, f"steps={steps}", *settings], 2)

    def finetune(weights: str, seed: int) -> None:
        given = (
            f"data={drawn.train.parent}",
            f"weights={weights}",
            f"seed={seed}",
            f"out={out}/{Path(weights).name}-{seed}",
        )
        more = ("masks=true", "workers=0", "optim.warmup_steps=1", f"steps={short}", *settings)
        python(source, [*codo, "finetune", "-c", "demo_finetune", *given, *more])

    with ThreadPoolExecutor(2) as pool:
        starts = [(weights, seed) for seed in range(3) for weights in ("none", f"{out}/pretrained")]
        list(pool.map(finetune, *zip(*starts, strict=True)))


def loader(options: argparse.Namespace, earlier: Path, scratch: Path) -> Row:
    """S6."""
    found: dict[str, list[float]] = {"before": [], "now": []}
    for number in range(1 if options.smoke else options.rounds):
        for name, source in (("before", earlier), ("now", ROOT)):
            file = scratch / f"loader-{name}-{number}.json"
            given = ["--data", str(options.data.resolve())] if options.data else []
            given += ["--smoke"] if options.smoke else []
            python(source, ["-m", "benchmarks.loader", "--json", str(file), *given])
            two = next(one for one in json.loads(file.read_text()) if "2 pasted views" in one["what"])
            found[name].append(two["ours"]["median"])
    return row("S6", "core time of two packed views of 224 pixels", "ms", found["before"], found["now"], options, 2.0)


def in_turn(sides: dict[str, Side], options: argparse.Namespace, scratch: Path, threads: int) -> dict[str, list[Speed]]:
    """Run all sides in turn, and this version in bfloat16 where that is fast."""
    if has_fast_bf16():
        sides = {**sides, "bf16": sides["now"].also("precision=bf16")}
    found: dict[str, list[Speed]] = {name: [] for name in sides}
    for number in range(1 if options.smoke else options.rounds):
        for name, side in list(sides.items())[:: -1 if number % 2 else 1]:  # in turn, as the machine may drift
            out = scratch / f"{name}-{number}"
            steps = 6 if options.smoke else options.steps
            command = ["-m", "codo.cli", *side.arguments, f"steps={steps}", f"out={out}"]
            python(side.source, command, threads)
            found[name].append(speed(out))
    return found


def speed(run: Path) -> Speed:
    """Read the log of a run."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    lines = [line for line in lines if "time/images_per_s" in line]
    rates = [line["time/images_per_s"] for line in lines]
    return Speed(1000 / sorted(rates[1:])[len(rates[1:]) // 2], max(line["time/memory_mb"] for line in lines))


def python(source: Path, arguments: Sequence[str], threads: int = 1) -> None:
    """Run Python on a checkout."""
    path = os.pathsep.join([str(source / "src"), str(source)])
    kept = {name: value for name, value in os.environ.items() if not name.startswith(THREADS)}
    environment = {**kept, "PYTHONPATH": path, "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")


def median(found: Sequence[Speed]) -> float:
    """The median of the times."""
    return Spread.of([one.ms for one in found]).median


def compared(
    target: str, what: str, found: dict[str, list[Speed]], options: argparse.Namespace, least: float, note: str = ""
) -> Iterator[Row]:
    """A row for this version as it is, and one for it in bfloat16."""
    before = [one.ms for one in found["before"]]
    yield row(target, what, "ms", before, [one.ms for one in found["now"]], options, least, note)
    if "bf16" in found:
        half = [one.ms for one in found["bf16"]]
        yield row(target, f"{what}, precision=bf16", "ms", before, half, options, least)


def row(
    target: str,
    what: str,
    unit: str,
    before: Sequence[float],
    now: Sequence[float],
    options: argparse.Namespace,
    least: float,
    note: str = "",
) -> Row:
    """A row of both versions."""
    ratio = Spread.of([b / a for a, b in zip(now, before, strict=True)])
    return Row(
        target,
        what,
        unit,
        Spread.of(now),
        Spread.of(before),
        f"commit {options.commit}",
        ratio,
        least_ratio=least,
        note=note,
    )


if __name__ == "__main__":
    run(__doc__, rows, arguments)
