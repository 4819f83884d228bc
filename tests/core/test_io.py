"""Files that are whole or not there, locks that end with their process, a full disk in plain words."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from codo.core.errors import CodoError, InputError
from codo.core.io import atomic, exclusive_lock, explain_full_disk


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match="stop"), atomic(path) as file:  # noqa: PT012
        file.write(b"half of the n")
        raise ValueError("stop")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]
    assert path.read_bytes() == b"old"
    with atomic(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk(tmp_path: Path, number: int) -> None:
    with pytest.raises(CodoError) as caught, explain_full_disk(tmp_path):
        raise OSError(number, os.strerror(number))
    assert caught.value.exit_code == 1
    assert len(caught.value.lines()) == 3


def test_other_errors_are_not_explained_away(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), explain_full_disk(tmp_path):
        raise PermissionError(errno.EACCES, "denied")


def test_one_at_a_time_and_never_for_ever(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    code = (
        "import sys, time; from pathlib import Path; from codo.core.io import exclusive_lock\n"
        f"with exclusive_lock(Path({str(lock)!r}), wait=0):\n    print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert holder.stdout
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(InputError, match="another codo prepare is writing here"), exclusive_lock(lock, wait=0.2):
        pytest.fail("two at a time")
    holder.kill()
    holder.wait()
    holder.stdout.close()
    with exclusive_lock(lock, wait=0):
        assert lock.exists()
