"""When bfloat16 is used, and when it is advised."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import codo
from codo.machine.precision import has_fast_bf16, precision_note, use_bf16
from tests.training.tiny import settings

CPU = torch.device("cpu")


def test_auto_computes_the_same_on_all_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    for supported in (True, False):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda found=supported: found, raising=False)
        assert [use_bf16(name, CPU) for name in ("auto", "fp32", "bf16")] == [False, False, True]


def test_the_note_stands_where_the_processor_is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)
    assert "precision=bf16" in precision_note("auto", CPU)
    assert precision_note("fp32", CPU) == precision_note("bf16", CPU) == ""
    assert precision_note("auto", torch.device("cuda")) == ""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    assert precision_note("auto", CPU) == ""
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported")
    assert not has_fast_bf16()


def test_torch_and_the_kernel_agree_about_the_processor() -> None:
    """The function of torch is private: this fails when it is gone."""
    assert hasattr(torch.cpu, "_is_avx512_bf16_supported")
    flags = Path("/proc/cpuinfo")
    if not flags.exists() or "flags" not in flags.read_text():
        pytest.skip("no /proc/cpuinfo of an x86-64 processor")
    assert has_fast_bf16() == (" avx512_bf16 " in f"{flags.read_text()} ".replace("\n", " "))


def test_a_run_in_bfloat16_ends_as_one_in_float32_does(catalog: Path, tmp_path: Path) -> None:
    """To the digits that bfloat16 has: the loss of the first step differs by less than 1%, and is not the same."""
    runs = [
        codo.pretrain(**settings(catalog, tmp_path / name, steps=1, precision=name, probe=None))
        for name in ("fp32", "bf16")
    ]
    single, half = (run.metrics()[0]["loss"] for run in runs)
    assert half == pytest.approx(single, rel=0.01)
    assert half != single
