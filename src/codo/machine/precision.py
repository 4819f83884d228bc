"""The precision of training (``precision=``): float32, or bfloat16 under autocast."""

from __future__ import annotations

import torch


def use_bf16(precision: str, device: torch.device) -> bool:
    """Whether to compute in bfloat16."""
    if precision == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported()
    return precision == "bf16"


def has_fast_bf16() -> bool:
    """Whether this processor multiplies in bfloat16 (AVX512_BF16); without these instructions float32 is faster."""
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # torch tells it nowhere else
    return supported is not None and bool(supported())


def precision_note(precision: str, device: torch.device) -> str:
    """A line for the log where bfloat16 may be faster; ``auto`` does not choose it, as other CPUs lack it."""
    note = (
        "precision=auto: float32; a new run with precision=bf16 may be faster on this processor (docs/performance.md)"
    )
    return note if precision == "auto" and device.type == "cpu" and has_fast_bf16() else ""
