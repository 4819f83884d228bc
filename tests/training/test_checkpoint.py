"""Torn, damaged and unwritable checkpoints."""

from __future__ import annotations

import pickle
import resource
from pathlib import Path

import pytest
import torch

from codo.core.errors import CodoError, InputError
from codo.core.io import temporary_path
from codo.core.run import Run
from codo.training import checkpoint


@pytest.fixture
def run(tmp_path: Path) -> Run:
    (tmp_path / "checkpoints").mkdir()
    return Run(tmp_path)


def state(value: float) -> dict[str, object]:
    return {"method": {"weight": torch.full((1000,), value)}, "config": {"seed": 0}}


def test_round_trip_and_pointer(run: Run) -> None:
    path = checkpoint.save(run, 12, state(1.5), keep=2)
    assert path.name == "step-00000012.pt"
    assert (run.checkpoints_dir / "last").read_text().strip() == path.name
    loaded = checkpoint.load(path)
    assert loaded["step"] == 12
    assert loaded["method"]["weight"].tolist() == [1.5] * 1000


def test_what_a_killed_process_had_begun_is_completed(run: Run) -> None:
    for step in (1, 2, 3):
        checkpoint.save(run, step, state(step), keep=2)
    # As after a kill between the third checkpoint and its name in `last`.
    (run.checkpoints_dir / "last").write_text("step-00000002.pt\n")
    (run.checkpoints_dir / "step-00000001.pt").write_bytes(b"old")
    (run.checkpoints_dir / "step-00000004.pt").write_bytes(b"damaged")
    checkpoint.complete(run, 3, keep=2)
    assert (run.checkpoints_dir / "last").read_text() == "step-00000003.pt\n"
    names = [path.name for path in run.checkpoints()]
    assert names == ["step-00000002.pt", "step-00000003.pt", "step-00000004.pt"]  # damaged ones go with the next


def test_nine_digits_come_after_eight(run: Run) -> None:
    for step in (99_999_998, 99_999_999, 100_000_000):
        checkpoint.save(run, step, state(step), keep=2)
    assert [path.name for path in run.checkpoints()] == ["step-99999999.pt", "step-100000000.pt"]
    assert checkpoint.load_newest(run)["step"] == 100_000_000


def test_only_the_newest_are_kept(run: Run) -> None:
    for step in (1, 2, 3, 10):
        checkpoint.save(run, step, state(step), keep=2)
    assert [path.name for path in run.checkpoints()] == ["step-00000003.pt", "step-00000010.pt"]


@pytest.mark.parametrize("damage", ["truncated", "empty", "flipped", "text"])
def test_a_damaged_file_is_passed_over(run: Run, damage: str) -> None:
    checkpoint.save(run, 1, state(1.0), keep=3)
    path = checkpoint.save(run, 2, state(2.0), keep=3)
    data = bytearray(path.read_bytes())
    if damage == "flipped":
        data[data.index(torch.full((1,), 2.0).numpy().tobytes() * 8) + 5] ^= 0xFF  # a weight, not the index
    path.write_bytes(
        {"truncated": bytes(data[: len(data) // 2]), "empty": b"", "text": b"hello"}.get(damage, bytes(data))
    )
    warnings: list[str] = []
    loaded = checkpoint.load_last(run, warnings.append)
    assert loaded is not None
    assert loaded["step"] == 1
    assert len(warnings) == 1
    assert "damaged" in warnings[0]
    assert "step-00000002.pt" in warnings[0]


@pytest.mark.parametrize("method", [None, {("a", "b"): torch.zeros(1)}])
def test_a_checkpoint_without_the_weights_of_a_method_is_passed_over(method: object, run: Run) -> None:
    checkpoint.save(run, 1, state(1.0), keep=3)
    checkpoint.save(run, 2, {"method": method} if method else {"model": {}}, keep=3)
    warnings: list[str] = []
    loaded = checkpoint.load_last(run, warnings.append)
    assert loaded is not None
    assert loaded["step"] == 1
    assert "the checkpoint is damaged" in warnings[0]


def test_a_damaged_newest_file_does_not_push_out_the_good_ones(run: Run) -> None:
    checkpoint.save(run, 4, state(4.0), keep=1)
    (run.checkpoints_dir / "step-00000009.pt").write_bytes(b"torn")
    checkpoint.save(run, 5, state(5.0), keep=1)
    assert [path.name for path in run.checkpoints()] == ["step-00000005.pt"]


def test_nothing_whole_means_a_fresh_start(run: Run) -> None:
    path = checkpoint.save(run, 1, state(1.0), keep=1)
    path.write_bytes(b"")
    assert checkpoint.load_last(run, lambda _: None) is None


def test_a_pickle_is_never_run(run: Run, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "owned",))

    path = run.checkpoints_dir / "step-00000001.pt"
    torch.save({"format": 1, "step": 1, "method": Evil()}, path)
    with pytest.raises(CodoError, match="damaged"):
        checkpoint.load(path)
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(CodoError, match="damaged"):
        checkpoint.load(path)
    assert not (tmp_path / "owned").exists()


def test_a_newer_format_is_refused(run: Run) -> None:
    path = run.checkpoints_dir / "step-00000001.pt"
    torch.save({"format": checkpoint.FORMAT + 1, "step": 1}, path)
    with pytest.raises(InputError, match="newer than this CoDo"):
        checkpoint.load(path)
    with pytest.raises(InputError, match="newer than this CoDo"):
        checkpoint.load_last(run, lambda _: None)  # starting over would throw the run away


def test_a_full_disk_keeps_the_last_good_one(run: Run) -> None:
    """A limit on the size of files fails writes as a full disk does, in the middle of the file."""
    checkpoint.save(run, 1, state(1.0), keep=2)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(CodoError, match="cannot save the checkpoint of step 2") as caught:
            checkpoint.save(run, 2, state(2.0), keep=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "resumes from step-00000001.pt" in caught.value.fix
    assert sorted(path.name for path in run.checkpoints_dir.iterdir()) == ["last", "step-00000001.pt"]
    loaded = checkpoint.load_last(run, lambda _: None)
    assert loaded is not None
    assert loaded["step"] == 1


def test_what_killed_processes_leave_is_removed_also_that_of_earlier_versions(run: Run) -> None:
    checkpoint.save(run, 1, state(1.0), keep=2)
    unfinished = temporary_path(run.checkpoints_dir / "step-00000002.pt")
    for path in (unfinished, run.checkpoints_dir / "step-00000002.123.tmp"):  # of 0.1.0
        path.write_bytes(b"half of")
    assert [path.name for path in run.checkpoints()] == ["step-00000001.pt"]
    checkpoint.remove_temporary(run)
    assert sorted(path.name for path in run.checkpoints_dir.iterdir()) == ["last", "step-00000001.pt"]
