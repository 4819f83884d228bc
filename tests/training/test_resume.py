"""Killed, interrupted, preempted, moved to other workers or ranks: the run computes the same."""

from __future__ import annotations

import itertools
import json
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from codo.core.errors import Preempted
from codo.core.run import Run
from codo.probes.labeled import LabeledProbes
from codo.probes.watched_probes import BEST
from codo.training import trainer
from codo.training.distributed import DistributedContext
from codo.training.pretrain import pretrain
from tests.annotations.synthetic import coco, write
from tests.training import tiny
from tests.training.test_freezing import weights as weights

STEPS = 12


@pytest.fixture(scope="module")
def undisturbed(catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    done = tiny.run(tiny.settings(catalog, out, steps=STEPS))
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["kill", "term", "int"]
)
def test_stopped_and_started_again_is_bit_identical(
    catalog: Path, tmp_path: Path, undisturbed: Path, number: int, code: int
) -> None:
    out = tmp_path / "run"
    # Long steps in the middle of the run leave time for the signal: 7 is not a multiple of checkpoint_every.
    arguments = tiny.settings(catalog, out, steps=STEPS, checkpoint_every=5)
    assert tiny.stop_after(arguments, out, 7, number) == code
    saved = [path.name for path in Run(out).checkpoints()]
    if number == signal.SIGKILL:
        assert saved[-1] in ("step-00000005.pt", "step-00000010.pt")
    else:
        assert int(saved[-1][5:13]) >= 7  # saved on the way out
    done = tiny.run(arguments)
    assert done.returncode == 0, done.stderr
    tiny.assert_same_state(tiny.final_state(out), tiny.final_state(undisturbed))
    assert tiny.timeless(Run(out).metrics()) == tiny.timeless(Run(undisturbed).metrics())


def test_killed_before_the_first_checkpoint(catalog: Path, tmp_path: Path, undisturbed: Path) -> None:
    out = tmp_path / "run"
    arguments = tiny.settings(catalog, out, steps=STEPS, checkpoint_every=50)
    assert tiny.stop_after(arguments, out, 4, signal.SIGKILL) == -9
    assert not Run(out).checkpoints()
    assert tiny.run(arguments).returncode == 0
    tiny.assert_same_state(tiny.final_state(out), tiny.final_state(undisturbed))
    assert tiny.timeless(Run(out).metrics()) == tiny.timeless(Run(undisturbed).metrics())


def test_other_numbers_of_workers_compute_the_same(catalog: Path, tmp_path: Path, undisturbed: Path) -> None:
    out = tmp_path / "run"
    assert tiny.run(tiny.settings(catalog, out, steps=STEPS, workers=2)).returncode == 0
    tiny.assert_same_state(tiny.final_state(out), tiny.final_state(undisturbed))


def test_a_torn_checkpoint_is_passed_over(catalog: Path, tmp_path: Path, undisturbed: Path) -> None:
    out = tmp_path / "run"
    arguments = tiny.settings(catalog, out, steps=STEPS, checkpoint_every=3, keep_checkpoints=3)
    assert tiny.stop_after(arguments, out, 8, signal.SIGKILL) == -9
    newest = Run(out).checkpoints()[-1]
    newest.write_bytes(newest.read_bytes()[:5000])
    done = tiny.run(arguments)
    assert done.returncode == 0, done.stderr
    assert "damaged" in (out / "train.log").read_text()
    tiny.assert_same_state(tiny.final_state(out), tiny.final_state(undisturbed))


def signal_within(step: int, patch: pytest.MonkeyPatch) -> None:
    """Send SIGTERM once, while a step is computed."""
    seed_torch, left = trainer.seed_torch, [step]

    def seed(number: int, done: int, context: DistributedContext) -> None:
        if left == [done + 1]:
            left.clear()
            os.kill(os.getpid(), signal.SIGTERM)
        seed_torch(number, done, context)

    patch.setattr(trainer, "seed_torch", seed)


@pytest.fixture(scope="module")
def probed(catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Probes after steps 3 and 6, of which the first is no step that is logged for itself."""
    out = tmp_path_factory.mktemp("probed") / "run"
    return pretrain(**tiny.settings(catalog, out, canvas=32, checkpoint_every=5, **{"log.every": 2}))


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("step", [3, 6])
def test_stopped_where_a_probe_is_due_it_is_made_up_for(
    step: int, catalog: Path, tmp_path: Path, probed: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tiny.settings(catalog, tmp_path / "run", canvas=32, checkpoint_every=5, **{"log.every": 2})
    with monkeypatch.context() as patch:
        signal_within(step, patch)
        with pytest.raises(Preempted, match=f"after step {step}; a checkpoint is saved"):
            pretrain(**settings)
    assert all(row["step"] < step for row in Run(tmp_path / "run").metrics())  # nobody waits for a probe
    run = pretrain(**settings)
    assert tiny.timeless(run.metrics()) == tiny.timeless(probed.metrics())
    tiny.assert_same_state(tiny.final_state(run.path), tiny.final_state(probed.path))
    metrics = run.metrics_file.read_bytes()
    assert pretrain(**settings).metrics_file.read_bytes() == metrics  # once


@pytest.mark.usefixtures("one_thread")
def test_a_run_that_was_stopped_without_its_probe_by_an_earlier_version(
    catalog: Path, tmp_path: Path, probed: Run
) -> None:
    """It logged the step without the probe; the values follow on a line of their own."""
    shutil.copytree(probed.path, tmp_path / "run")
    run = Run(tmp_path / "run")
    *before, last = probed.metrics()
    asked = probed.metrics()[0].keys() - {"step"}
    bare = {name: value for name, value in last.items() if name not in asked}
    run.metrics_file.write_text("".join(json.dumps(row) + "\n" for row in [*before, bare]))
    pretrain(**tiny.settings(catalog, run.path, canvas=32, checkpoint_every=5, **{"log.every": 2}))
    assert run.metrics() == [*before, bare, {"step": 6, **{name: last[name] for name in last if name in asked}}]


@pytest.mark.usefixtures("one_thread")
def test_stopped_where_the_best_probe_is_due_its_checkpoint_is_kept(
    catalog: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the run ends early where the undisturbed one would, after the probe that was made up for."""
    monkeypatch.setattr("codo.reporting.report.write_report", lambda run: None)
    for split in ("train", "val"):
        write(tmp_path / "boxes", *coco(6), split)
    probe = {"every": 1, "data": str(tmp_path / "boxes"), "boxes": 12, "proposals": 8, "group": 4}
    settings = tiny.settings(catalog, tmp_path / "run", canvas=32, checkpoint_every=5, keep_checkpoints=1)
    settings |= {"probe": {**probe, "stop_below_start": True}, "model": {**tiny.MODEL, "init": str(weights)}}
    series = iter([0.9, 0.95, 0.85, 0.0])
    monkeypatch.setattr(LabeledProbes, "scores", lambda *_: {"probe/roi/backbone/knn": next(series)})
    for step in (1, 3):
        with monkeypatch.context() as patch:
            signal_within(step, patch)
            with pytest.raises(Preempted):
                pretrain(**settings)
    run = pretrain(**settings)
    assert [row["probe/roi/backbone/knn"] for row in run.metrics()] == [0.9, 0.95, 0.85, 0.0]
    assert [path.name for path in run.checkpoints()] == ["step-00000003.pt"]
    assert torch.load(run.checkpoints_dir / BEST, weights_only=True)["step"] == 1


def test_steps_beyond_32_bits(catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, far = tmp_path / "run", 2**31 - 2
    settings = tiny.settings(catalog, out, steps=far + 4, checkpoint_every=2)
    with tiny.stopped_after(2, monkeypatch):
        pretrain(**settings)
    (begun,) = Run(out).checkpoints()
    torch.save({**torch.load(begun, weights_only=True), "step": far}, begun.with_name(f"step-{far}.pt"))
    with monkeypatch.context() as patch:  # a clock that jumps back by a year on every look
        clock = itertools.count(time.time(), -3e7)
        patch.setattr(time, "time", lambda: next(clock))
        pretrain(**settings)
    rows = [row for row in Run(out).metrics() if "loss" in row]
    assert [row["step"] for row in rows] == [1, 2, far + 1, far + 2, far + 3, far + 4]
    assert all(math.isfinite(row["loss"]) for row in rows)
    assert [path.name for path in Run(out).checkpoints()] == [f"step-{far + 2}.pt", f"step-{far + 4}.pt"]


def test_a_second_process_is_kept_out(catalog: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    arguments = tiny.settings(catalog, out, steps=2000, probe=None)
    process = subprocess.Popen(tiny.command(arguments), env=tiny.environment(), stderr=subprocess.DEVNULL)
    try:
        while not (out / "metrics.jsonl").exists():
            time.sleep(0.05)
        second = tiny.run(arguments)
    finally:
        process.kill()
        process.wait()
    assert second.returncode == 2
    assert "another process" in second.stderr


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def run_ranks(arguments: dict[str, object], world: int) -> None:
    """What torchrun does, without its start-up: one process a rank."""
    common = {"WORLD_SIZE": str(world), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    ranks = [
        subprocess.Popen(
            tiny.command(arguments),
            env=tiny.environment(**common, RANK=str(rank), LOCAL_RANK=str(rank)),
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(world)
    ]
    for process in ranks:
        _, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors


@pytest.fixture(scope="module")
def two_ranks(catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two_ranks")
    out = folder / "run"
    for split in ("train", "val"):
        write(folder / "data", *coco(4), split)
    probe = {"every": 3, "proposals": 8, "group": 4, "data": str(folder / "data"), "boxes": 8}
    run_ranks(tiny.settings(catalog, out, steps=STEPS, probe=probe), 2)
    return out


def test_a_killed_rank_is_told_once_and_torchrun_goes_on_to_the_same_bits(
    catalog: Path, tmp_path: Path, two_ranks: Path
) -> None:
    out = tmp_path / "run"
    arguments = tiny.command(tiny.settings(catalog, out, steps=STEPS, checkpoint_every=5, probe=None))[1:]
    launcher = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--max-restarts", "3"]
    command = [sys.executable, "-m", *launcher, *arguments]
    process = subprocess.Popen(command, env=tiny.environment(), stderr=subprocess.PIPE, text=True)
    tiny.wait_for_step(out, 7, process)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    (last,) = (int(pid) for pid in children if b"RANK=1\0" in Path(f"/proc/{pid}/environ").read_bytes())
    os.kill(last, signal.SIGKILL)
    _, said = process.communicate(timeout=240)
    assert process.returncode == 0, said
    assert said.count("is lost") == 1
    assert (
        f"codo: rank 1 of 2 is lost (killed, probably out of memory, or its host failed)\n  where: process {last}"
        in said
    )
    assert "resumed from step 5" in (out / "train.log").read_text()
    tiny.assert_same_state(tiny.final_state(out), tiny.final_state(two_ranks))


def test_two_ranks_compute_what_one_process_does(undisturbed: Path, two_ranks: Path) -> None:
    """Same global batches, same BN groups: the weights differ by the order of float sums only.

    One process takes both groups in one pass, so that its convolutions sum in another order from the first step on;
    training makes more of such a difference with every step.
    """
    out = two_ranks
    one, two = Run(undisturbed).metrics(), Run(out).metrics()
    assert [row["step"] for row in two if "probe/roi/knn" in row] == [0, 3, 6, 9, 12]  # by the first rank alone
    assert [row["step"] for row in one] == [row["step"] for row in two]
    for a, b in zip(one[1:], two[1:], strict=True):
        assert a["loss"] == pytest.approx(b["loss"], rel=5e-3)
    assert one[1]["loss"] == pytest.approx(two[1]["loss"], rel=1e-6)
    a, b = (tiny.final_state(path)["method"] for path in (undisturbed, out))
    for name in ("queue.pointer", "queue.filled"):
        assert torch.equal(a[name], b[name])
    similarity = torch.einsum("lkd,lkd->lk", a["queue.keys"], b["queue.keys"])
    assert similarity.min() > 0.99


def test_a_run_of_two_ranks_goes_on_with_one(catalog: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    run_ranks(tiny.settings(catalog, out, steps=4), 2)
    done = tiny.run(tiny.settings(catalog, out, steps=4))
    assert done.returncode == 0, done.stderr
    assert tiny.final_state(out)["step"] == 4


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="mounting a small disk needs root on Linux")
def test_a_full_disk_stops_the_run_and_loses_nothing(catalog: Path, tmp_path: Path, undisturbed: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("this machine does not allow mounting a tmpfs")
    try:
        out = disk / "run"
        arguments = tiny.settings(catalog, out, steps=STEPS, keep_checkpoints=1)
        filler = disk / "filler"
        size = sum(path.stat().st_size for path in (undisturbed / "checkpoints").glob("step-*.pt")) // 2
        filler.write_bytes(b"0" * (8 * 2**20 - int(1.6 * size)))
        stopped = tiny.run(arguments)
        assert stopped.returncode == 1
        assert "cannot save the checkpoint" in stopped.stderr or "cannot write" in stopped.stderr
        assert "same command" in stopped.stderr
        filler.unlink()
        done = tiny.run(arguments)
        assert done.returncode == 0, done.stderr
        tiny.assert_same_state(tiny.final_state(out), tiny.final_state(undisturbed))
    finally:
        subprocess.run(["umount", str(disk)], check=False)
