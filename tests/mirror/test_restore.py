"""A run is brought back from its mirror where it is further than the folder, and no other run is."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from codo.core.errors import CodoError, InputError
from codo.core.run import Run, check_out
from codo.mirror.restore import check_mirror, checkpoint_names, part_of, repair, restore
from tests.mirror.runs import CONFIG, add_checkpoint, started
from tests.object_store import Fault, Store, impatient


@pytest.fixture
def mirror(s3: Store, tmp_path: Path) -> str:
    """The mirror of a run of two checkpoints."""
    run = started(tmp_path / "first", 2, 4)
    files = {path.relative_to(run.path).as_posix(): path for path in run.path.rglob("*") if path.is_file()}
    return s3.put({name: path.read_bytes() for name, path in files.items() if name != ".lock"}, "run")


def test_a_missing_run_comes_back_and_can_be_resumed(mirror: str, tmp_path: Path) -> None:
    assert restore(mirror, tmp_path / "out", CONFIG, "pretrain")
    assert check_out(tmp_path / "out", CONFIG, "pretrain")
    for path in (tmp_path / "first").rglob("*"):
        if path.is_file() and path.name != ".lock":
            assert (tmp_path / "out" / path.relative_to(tmp_path / "first")).read_bytes() == path.read_bytes()
    assert not restore(mirror, tmp_path / "out", CONFIG, "pretrain")  # it is as far


def test_a_run_that_is_behind_is_brought_up_and_one_ahead_is_left(mirror: str, tmp_path: Path) -> None:
    behind = started(tmp_path / "behind", 2)
    behind.unlock()
    assert restore(mirror, behind.path, CONFIG, "pretrain")
    assert [path.name for path in behind.checkpoints()] == ["step-00000002.pt", "step-00000004.pt"]
    add_checkpoint(behind, 6)
    assert not restore(mirror, behind.path, CONFIG, "pretrain")


def test_a_damaged_checkpoint_comes_back(mirror: str, tmp_path: Path) -> None:
    def load(path: Path) -> None:
        if path.read_bytes() not in (b"2" * 1000, b"4" * 1000):
            raise CodoError("damaged", where=str(path), fix="")

    first = Run(tmp_path / "first")
    assert not repair(mirror, first, load)
    assert not repair(mirror, Run(tmp_path / "none"), load)
    newest = first.checkpoints()[-1]
    newest.write_bytes(b"4" * 999 + b"5")
    assert not restore(mirror, first.path, CONFIG, "pretrain")  # it is as far
    assert repair(mirror, first, load)
    assert newest.read_bytes() == b"4" * 1000
    add_checkpoint(first, 6).write_bytes(b"")
    assert not repair(mirror, first, load)  # not there


def test_a_mirror_without_a_checkpoint_is_no_state(s3: Store, tmp_path: Path) -> None:
    assert not restore(f"{s3.url}/none", tmp_path / "out", CONFIG, "pretrain")
    s3.put({"config.yaml": b"method: codo\n"}, "half")
    assert not restore(f"{s3.url}/half", tmp_path / "out", CONFIG, "pretrain")
    assert not (tmp_path / "out").exists()


def test_another_run_is_refused_before_anything_is_written(mirror: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="mirror= holds a run with other settings") as caught:
        restore(mirror, tmp_path / "out", CONFIG | {"seed": 1}, "pretrain")
    assert caught.value.where == mirror
    with pytest.raises(InputError, match="mirror= holds a run of codo pretrain, and this is codo finetune"):
        restore(mirror, tmp_path / "out", CONFIG, "finetune")
    assert not (tmp_path / "out").exists()


def test_a_restore_that_broke_off_goes_on(
    mirror: str, s3: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch)
    s3.faults.append(Fault("reset", times=100, key="step-00000004"))
    with pytest.raises(Exception, match="the mirror cannot be reached"):
        restore(mirror, tmp_path / "out", CONFIG, "pretrain")
    assert check_out(tmp_path / "out", CONFIG, "pretrain")
    assert [path.name for path in Run(tmp_path / "out").checkpoints()] == ["step-00000002.pt"]
    s3.faults.clear()
    assert restore(mirror, tmp_path / "out", CONFIG, "pretrain")
    assert len(Run(tmp_path / "out").checkpoints()) == 2


def test_a_run_that_another_process_writes_is_left_alone(mirror: str, tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "first", tmp_path / "out")
    (tmp_path / "out/checkpoints/step-00000004.pt").unlink()
    code = (
        f"from codo.core.run import Run; from pathlib import Path; r = Run(Path({str(tmp_path / 'out')!r})); r.lock()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", f"{code}; print(flush=True); input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    assert not restore(mirror, tmp_path / "out", CONFIG, "pretrain")
    holder.communicate(b"\n")
    assert restore(mirror, tmp_path / "out", CONFIG, "pretrain")


def test_a_mirror_in_the_run_is_refused(tmp_path: Path) -> None:
    for mirror in (tmp_path / "run", tmp_path / "run/mirror", tmp_path):
        with pytest.raises(InputError, match="are in each other"):
            check_mirror(str(mirror), tmp_path / "run")
    check_mirror(str(tmp_path / "run2"), tmp_path / "run")
    check_mirror("s3://run", tmp_path / "run")


def test_names_of_checkpoints() -> None:
    names = ["checkpoints/step-00000010.pt", "checkpoints/last", "checkpoints/best.pt", "checkpoints/step-100000002.pt"]
    assert checkpoint_names(names) == ["checkpoints/step-00000010.pt", "checkpoints/step-100000002.pt"]


def test_runs_of_a_comparison_have_their_part(tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    assert part_of(None, out, f"{out}/trials/a") is None
    assert part_of("s3://b/c", out, f"{out}/trials/a") == "s3://b/c/trials/a"
    assert part_of("s3://b/c", out, f"{tmp_path}/pretrained/codo/seed-0") == "s3://b/c/codo/seed-0"
