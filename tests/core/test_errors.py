from __future__ import annotations

import errno
import pickle
from pathlib import Path

import pytest
import torch

from codo.core.errors import CodoError, InputError, class_and_line, first_line, nearest, system_error


def test_three_lines_without_the_empty_ones() -> None:
    assert CodoError("what", where="there", fix="do").lines() == ["what", "  where: there", "  fix:   do"]
    assert str(InputError("what")) == "what"


def test_errors_of_loader_workers_arrive_whole() -> None:
    error = pickle.loads(pickle.dumps(InputError("what", where="there", fix="do")))
    assert (type(error), error.what, error.where, error.fix) == (InputError, "what", "there", "do")


def test_nearest_suggests_only_what_is_near() -> None:
    assert nearest("torchvison", ["torchvision", "timm"]) == "did you mean 'torchvision'?"
    assert nearest("onnx", ["torchvision", "timm"]) == ""


def test_the_systems_error_is_found_behind_torchs() -> None:
    with pytest.raises((OSError, RuntimeError)) as caught, Path("/dev/full").open("wb") as full:
        torch.save(torch.zeros(100_000), full)
    found = system_error(caught.value)
    assert found is not None
    assert found.errno == errno.ENOSPC
    assert system_error(RuntimeError("not the system's")) is None


@pytest.mark.parametrize(
    ("error", "line", "with_class"),
    [
        (ValueError("one\ntwo"), "one", "ValueError: one"),
        (ValueError("\n  one \ntwo"), "one", "ValueError: one"),
        (ValueError(), "ValueError", "ValueError"),
        (RuntimeError(" \n\n"), "RuntimeError", "RuntimeError"),
        (KeyError("name"), "'name'", "KeyError: 'name'"),
        (
            PermissionError(errno.EACCES, "Permission denied", "/a"),
            "Permission denied",
            "PermissionError: Permission denied",
        ),
        (OSError("a library's own words"), "a library's own words", "OSError: a library's own words"),
        (InputError("what", where="there", fix="do"), "what", "InputError: what"),
    ],
)
def test_an_error_in_a_line(error: Exception, line: str, with_class: str) -> None:
    assert first_line(error) == line
    assert class_and_line(error) == with_class
