"""lightly is imported when a method is built, and named when it is missing.

That gathered embeddings carry the gradient of all ranks is in test_two_ranks.py (Barlow Twins).
"""

from __future__ import annotations

import sys

import pytest
import torch

from codo.core.errors import InputError
from codo.methods.lightly_adapter import all_gather_with_grad, lightly
from codo.methods.registry import find_method
from tests.methods.crops import build


def test_a_module_of_lightly() -> None:
    assert lightly("loss").NTXentLoss.__module__.startswith("lightly.")


@pytest.mark.parametrize("name", ["simclr", "byol", "swav", "barlow_twins", "simsiam", "soco", "orl"])
def test_without_lightly_the_extra_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightly.models.modules.heads", None)
    with pytest.raises(InputError, match="lightly is not installed") as caught:
        build(find_method(name))
    assert "codo-detect[peers]" in caught.value.fix


def test_one_process_keeps_its_embeddings() -> None:
    embeddings = torch.randn(3, 2)
    assert all_gather_with_grad(embeddings) is embeddings
