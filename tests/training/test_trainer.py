"""The loop: random numbers of its own for every step and rank, checks between steps, errors and early ends."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import namedtuple
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import Dataset

import codo
from codo.core.errors import CodoError, InputError, Interrupted, Preempted
from codo.core.run import Run
from codo.loading.loader import build_loader
from codo.training import checkpoint, trainer
from codo.training.distributed import DistributedContext
from codo.training.trainer import seed_torch, to_device
from tests.ranks import on_two_ranks
from tests.training import tiny
from tests.training.noisy import STEPS, run_noisy, stopped_after

pytestmark = pytest.mark.usefixtures("one_thread")


def assert_equal(a: Any, b: Any) -> None:
    """Two states are the same to the last bit."""
    if isinstance(a, Mapping):
        assert a.keys() == b.keys()
        for key in a:
            assert_equal(a[key], b[key])
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            assert_equal(one, other)
    else:
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b


def newest(out: Path) -> dict[str, Any]:
    """What the last checkpoint says, without the settings (which name the directory)."""
    state = checkpoint.load(Run(out).checkpoints()[-1])
    return {key: value for key, value in state.items() if key != "config"}


def test_numbers_of_a_step_follow_from_seed_step_and_rank() -> None:
    def drawn(seed: int, step: int, rank: int) -> list[float]:
        seed_torch(seed, step, DistributedContext(rank, 4, torch.device("cpu")))
        values: list[float] = torch.rand(3).tolist()
        return values

    places = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 1)]
    found = [drawn(*place) for place in places]
    assert [drawn(*place) for place in places] == found
    assert len({tuple(values) for values in found}) == len(places)


DROPOUT = '''
from codo.methods.simsiam import SimSiam
from torch import nn


class Forgetful(SimSiam):
    """SimSiam with dropout before its predictor."""

    def __init__(self, setup):
        super().__init__(setup)
        self.predictor = nn.Sequential(nn.Dropout(0.5), self.predictor)
'''


def test_a_method_with_dropout_is_resumed_to_the_same_bits(catalog: Path, tmp_path: Path) -> None:
    """Through the public function, with probes between the steps and another number of workers."""
    (tmp_path / "mine.py").write_text(DROPOUT)
    given = tiny.settings(catalog, tmp_path / "whole", steps=4, canvas=32, keep_checkpoints=9, checkpoint_every=2)
    given |= {"method": f"{tmp_path}/mine.py:Forgetful", "options": {"hidden": 16, "bottleneck": 8}}
    del given["backgrounds"], given["contrast"]
    codo.pretrain(**given)
    copy = stopped_after(tmp_path / "whole", 2, tmp_path / "resumed")
    codo.pretrain(**{**given, "out": str(copy), "workers": 1})
    assert_equal(newest(copy), newest(tmp_path / "whole"))
    assert tiny.timeless(Run(copy).metrics()) == tiny.timeless(Run(tmp_path / "whole").metrics())


def test_every_step_draws_anew(tmp_path: Path) -> None:
    seen = run_noisy(tmp_path / "run").seen
    assert len(seen) == STEPS
    assert len({tuple(one.flatten().tolist()) for one in seen}) == STEPS


def test_what_is_drawn_between_steps_changes_nothing(tmp_path: Path) -> None:
    run_noisy(tmp_path / "quiet")
    run_noisy(tmp_path / "asked", check=lambda step: {"drawn": float(torch.rand(step).sum())})
    assert_equal(newest(tmp_path / "asked")["method"], newest(tmp_path / "quiet")["method"])


def test_a_checkpoint_of_the_previous_version_goes_on(tmp_path: Path) -> None:
    """It has a state of torch's generator, which nothing depends on any more."""
    run_noisy(tmp_path / "run")
    old = stopped_after(tmp_path / "run", 2, tmp_path / "old")
    path = Run(old).checkpoints()[-1]
    torch.manual_seed(99)
    torch.save({**checkpoint.load(path), "rng": torch.get_rng_state()}, path)
    run_noisy(old)
    assert_equal(newest(old), newest(tmp_path / "run"))


def two_ranks(rank: int, folder: Path) -> None:
    context = DistributedContext(rank, 2, torch.device("cpu"))
    whole = run_noisy(folder / "whole", context)
    torch.save(whole.seen, folder / f"whole-{rank}.pt")
    if context.main:
        stopped_after(folder / "whole", 2, folder / "resumed")
    context.barrier()
    torch.save(run_noisy(folder / "resumed", context).seen, folder / f"resumed-{rank}.pt")


def test_ranks_drop_differently_and_resume_each_as_it_was(tmp_path: Path) -> None:
    on_two_ranks(two_ranks, tmp_path)
    first, second = (torch.load(tmp_path / f"whole-{rank}.pt") for rank in (0, 1))
    assert not any(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert_equal(torch.load(tmp_path / "resumed-0.pt"), first[2:])
    assert_equal(torch.load(tmp_path / "resumed-1.pt"), second[2:])
    assert_equal(newest(tmp_path / "resumed"), newest(tmp_path / "whole"))


def test_an_error_in_place_of_a_batch_is_raised(tmp_path: Path) -> None:
    broken = InputError("cannot read the image", where="a.jpg", fix="remove it")
    with pytest.raises(InputError, match="cannot read the image"):
        run_noisy(tmp_path / "run", batches=[torch.ones(3, 64), broken])
    assert newest(tmp_path / "run")["step"] == 1  # the step before it is kept


def test_a_loss_that_is_not_finite_names_the_checkpoint_that_is(tmp_path: Path) -> None:
    with pytest.raises(CodoError, match="is nan at step 2") as caught:
        run_noisy(tmp_path / "run", batches=[torch.ones(3, 64), torch.full((3, 64), torch.nan)])
    assert "step-00000001.pt" in caught.value.fix


def test_enough_is_enough_once_the_checks_are_logged(tmp_path: Path) -> None:
    run_noisy(tmp_path / "run", check=lambda step: {"score": 10.0 * step}, enough=lambda step: step == 3)
    assert [(row["step"], row["score"]) for row in Run(tmp_path / "run").metrics()] == [(1, 10), (2, 20), (3, 30)]
    assert newest(tmp_path / "run")["step"] == 3


def test_only_tensors_move() -> None:
    batch = namedtuple("batch", "images names")
    given = batch([torch.zeros(2)], {"a": (torch.ones(1), "word")})
    moved = to_device(given, torch.device("meta"))
    assert isinstance(moved, batch)
    assert moved.images[0].is_meta
    assert moved.names["a"][0].is_meta
    assert moved.names["a"][1] == "word"


class Stuck(Dataset[Any]):
    """The third batch never comes."""

    def __getitem__(self, step: int) -> Any:
        if step == 2:
            time.sleep(300)
        return torch.ones(3, 64)


@pytest.mark.parametrize(
    ("number", "kind"),
    [(signal.SIGINT, Interrupted), (signal.SIGTERM, Preempted), (signal.SIGUSR1, Preempted)],
    ids=["int", "term", "usr1"],
)
@pytest.mark.parametrize("workers", [0, 2])
def test_a_signal_ends_a_run_that_waits_for_a_batch_and_saves_it(
    number: int, kind: type[CodoError], workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codo.loading.loader.GRACE", 0.1)
    out = tmp_path / "run"

    def send(step: int) -> dict[str, float]:
        if step == 2:
            threading.Timer(0.1, os.kill, (os.getpid(), number)).start()
        return {}

    loader: Any = build_loader(Stuck(), range(STEPS), workers=workers, device=torch.device("cpu"))
    with pytest.raises(kind, match="after step 2; a checkpoint is saved"):
        run_noisy(out, batches=loader, checkpoint_every=100, check=send)
    assert [path.name for path in Run(out).checkpoints()] == ["step-00000002.pt"]
    run_noisy(out, checkpoint_every=100)
    run_noisy(tmp_path / "whole", checkpoint_every=100)
    assert_equal(newest(out), newest(tmp_path / "whole"))


def test_a_signal_before_the_first_batch_leaves_nothing_to_save(tmp_path: Path) -> None:
    def never() -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
        yield

    with pytest.raises(Preempted, match="before step 1"):
        run_noisy(tmp_path / "run", batches=never())
    assert Run(tmp_path / "run").checkpoints() == []
    run_noisy(tmp_path / "run")


def one_rank_waits(rank: int, folder: Path) -> None:
    trainer.PATIENCE = 0.3
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()

    def batches() -> Any:
        yield torch.ones(3, 64)
        if rank == 1:
            time.sleep(60)
        yield torch.ones(3, 64)

    try:
        run_noisy(folder / "run", DistributedContext(rank, 2, torch.device("cpu")), batches=batches())
    except Preempted as error:
        (folder / f"{rank}.txt").write_text(error.what)
        os._exit(0)
    except RuntimeError:  # the connection is closed
        (folder / f"{rank}.txt").write_text("alone")
        os._exit(0)


def test_of_several_ranks_the_one_that_waits_leaves_after_its_patience(tmp_path: Path) -> None:
    on_two_ranks(one_rank_waits, tmp_path)
    assert (tmp_path / "1.txt").read_text() == (
        "stopped by SIGTERM after step 1, waiting for a batch; the last checkpoint is older"
    )
    assert (tmp_path / "0.txt").read_text() == "alone"
