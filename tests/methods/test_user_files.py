"""Files of the user's as modules: named by their path, and so found in any process."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from codo.core.config import resolve
from codo.core.errors import InputError
from codo.loading.loader import StartMethod, build_loader
from codo.loading.sampler import StepSampler
from codo.methods.user_files import load_file
from codo.training.pretrain_settings import PretrainSettings
from codo.training.pretrain_task import prepare_pretrain_task
from tests.training import tiny

OWN_VIEWS = """
from typing import NamedTuple

import torch

from codo.loading.step_dataset import StepDataset
from codo.methods.simsiam import SimSiam


class Sides(NamedTuple):
    sides: torch.Tensor
    step: int


class SidesDataset(StepDataset):
    num_views = 2

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def batch(self, plan):
        return Sides(torch.tensor([self.images.size(int(i)) for i in plan.query]), plan.step)


class Mine(SimSiam):
    @classmethod
    def dataset(cls, inputs):
        return SidesDataset(inputs.images)
"""


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_a_data_set_from_a_file_reaches_loader_workers(
    start_method: StartMethod, catalog: Path, tmp_path: Path
) -> None:
    """With the catalog behind it, and batches of its own class on the way back."""
    folder = tmp_path / "v1.0 50% café"  # dots, spaces, percent signs, accents
    folder.mkdir()
    (folder / "my method.py").write_text(OWN_VIEWS)
    given = tiny.settings(catalog, tmp_path / "run", method=f"{folder}/my method.py:Mine", probe=None)
    del given["backgrounds"]
    task = prepare_pretrain_task(resolve(PretrainSettings, None, given))
    sampler = StepSampler(len(task.dataset), 8, 0, start=0, stop=2)
    loader = build_loader(task.dataset, sampler, workers=1, device=torch.device("cpu"), start_method=start_method)
    batches: list[Any] = list(loader)
    assert [batch.step for batch in batches] == [0, 1]
    for batch, plan in zip(batches, sampler, strict=True):
        assert type(batch).__name__ == "Sides"
        assert batch.sides.tolist() == [list(task.inputs.images.size(int(i))) for i in plan.query]


def test_what_a_file_defines_is_found_again_by_its_name_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("class Thing:\n    pass\n")
    module: Any = load_file(tmp_path / "mine.py")
    pickled = pickle.dumps(module.Thing())
    del sys.modules[module.__name__]
    again = pickle.loads(pickled)
    assert type(again) is not module.Thing  # the file was run again
    assert type(again).__module__ == module.__name__
    assert sys.modules[module.__name__].__file__ == str(tmp_path / "mine.py")


def test_the_same_file_is_the_same_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text("value = 1")
    monkeypatch.chdir(tmp_path)
    assert load_file(Path("mine.py")) is load_file(tmp_path / "mine.py")


def test_a_file_that_fails_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("raise ValueError('not yet')")
    with pytest.raises(InputError, match="the file of the method fails: ValueError: not yet"):
        load_file(path)
    path.write_text("value = 1  # fixed")
    assert vars(load_file(path))["value"] == 1


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file of a method"):
        load_file(tmp_path / "absent.py")
