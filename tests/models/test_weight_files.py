from __future__ import annotations

import pickle
import zipfile
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from codo.core.errors import InputError
from codo.core.run import start_run
from codo.models.weight_files import header, read_tensors

NESTED = {"epoch": 3, "state_dict": {"module.a": torch.arange(3.0)}, "meta": {"CLASSES": ("cat",)}}


@pytest.mark.parametrize("zipped", [True, False])
def test_files_of_torch_new_and_old_are_flattened(zipped: bool, tmp_path: Path) -> None:
    torch.save(NESTED, tmp_path / "a.pth.tar", _use_new_zipfile_serialization=zipped)
    read = read_tensors(tmp_path / "a.pth.tar")
    assert list(read) == ["state_dict.module.a"]
    assert torch.equal(read["state_dict.module.a"], torch.arange(3.0))


def test_a_pickle_of_detectron2_and_a_file_of_torch_of_that_name(tmp_path: Path) -> None:
    made = {"model": {"a": np.arange(3, dtype=np.float32)}, "__author__": "CoDo", "matching_heuristics": True}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(made))
    torch.save({"model": {"a": torch.arange(3.0)}}, tmp_path / "b.pkl")
    for name in ("a.pkl", "b.pkl"):
        read = read_tensors(tmp_path / name)
        assert list(read) == ["model.a"]
        assert torch.equal(read["model.a"], torch.arange(3.0))


def test_a_run_gives_its_newest_whole_checkpoint(tmp_path: Path) -> None:
    run = start_run(tmp_path / "run", {}, "pretrain")
    run.unlock()
    with pytest.raises(InputError, match="has no checkpoint yet"):
        read_tensors(run.path)
    for step in (1, 2, 3):
        torch.save({"method": {"a": torch.tensor(step)}}, run.checkpoints_dir / f"step-{step:08d}.pt")
    assert int(read_tensors(run.path)["method.a"]) == 3
    newest = run.checkpoints()[-1]
    newest.write_bytes(newest.read_bytes()[:200])
    assert int(read_tensors(run.path)["method.a"]) == 2
    for file in run.checkpoints():
        file.write_bytes(b"")
    with pytest.raises(InputError, match="all checkpoints of the run are damaged"):
        read_tensors(run.path)


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return (Path.touch, (Path("exploded"),))


def test_files_that_are_no_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="no such weight file"):
        read_tensors(tmp_path / "absent.pth")
    with pytest.raises(InputError, match="neither a run nor weights in the folder"):
        read_tensors(tmp_path)
    torch.save({"weights": Bomb()}, tmp_path / "bomb.pth")
    torch.save({"weights": Bomb()}, tmp_path / "old_bomb.pth", _use_new_zipfile_serialization=False)
    for name in ("bomb.pkl", "bomb_of_another_name.pth"):
        (tmp_path / name).write_bytes(pickle.dumps({"weights": Bomb()}))
    bombs = sorted(tmp_path.glob("*bomb*"))
    assert len(bombs) == 4
    for path in bombs:
        with pytest.raises(InputError, match=r"getattr|pathlib(\._local)?\.Path\.touch") as caught:
            read_tensors(path)
        assert len(caught.value.lines()) == 3
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("Apache License\nVersion 2.0", "it begins with 'Apache License', which is no known format"),
        ("<!DOCTYPE html>\n<html>", "it begins with '<!DOCTYPE html>'"),
        ("version https://git-lfs.github.com/spec/v1", "it begins with 'version https://git-lfs"),
        ("", "it is empty"),
    ],
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ""])
def test_what_was_downloaded_instead_of_weights_is_shown(
    content: str, message: str, suffix: str, tmp_path: Path
) -> None:
    (tmp_path / f"weights{suffix}").write_text(content)
    with pytest.raises(InputError, match=f"cannot read the weight file: {message}"):
        read_tensors(tmp_path / f"weights{suffix}")


def write_kinds(folder: Path) -> dict[str, Path]:
    """The same tensors in every kind of file."""
    tensors = {"a": torch.arange(300.0)}
    paths = {kind: folder / kind for kind in ("zip", "old", "safetensors", "pickle")}
    torch.save(tensors, paths["zip"])
    torch.save(tensors, paths["old"], _use_new_zipfile_serialization=False)
    save_file(tensors, paths["safetensors"])
    paths["pickle"].write_bytes(pickle.dumps({name: tensor.numpy() for name, tensor in tensors.items()}))
    return paths


def test_the_kind_is_told_by_the_content_not_by_the_name(tmp_path: Path) -> None:
    """Caches give files names without endings, and people rename them."""
    for path in write_kinds(tmp_path).values():
        for name in ("no_ending", "wrong.pth", "wrong.pkl", "wrong.safetensors"):
            copy = tmp_path / name
            copy.write_bytes(path.read_bytes())
            assert torch.equal(read_tensors(copy)["a"], torch.arange(300.0))


def test_files_that_are_cut_off_are_refused(tmp_path: Path) -> None:
    for path in write_kinds(tmp_path).values():
        content = path.read_bytes()
        for end in (5, 20, 100, len(content) // 2, len(content) - 1):
            path.write_bytes(content[:end])
            with pytest.raises(InputError) as caught:
                read_tensors(path)
            assert caught.value.where == str(path)
            assert "weights_only" not in " ".join(caught.value.lines())  # torch's own advice


def test_a_damaged_file_is_refused_although_torch_would_load_it(tmp_path: Path) -> None:
    path = write_kinds(tmp_path)["zip"]
    content = bytearray(path.read_bytes())
    content[content.index(torch.arange(300.0).numpy().tobytes()) + 40] ^= 255
    path.write_bytes(content)
    assert not torch.equal(torch.load(path)["a"], torch.arange(300.0))
    with pytest.raises(InputError, match="cut off, damaged or compressed"):
        read_tensors(path)


def test_compressed_records_are_refused(tmp_path: Path) -> None:
    """torch.save stores them; what is compressed may fill any memory."""
    path = write_kinds(tmp_path)["zip"]
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "new.pth", "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with pytest.raises(InputError, match="damaged or compressed"):
        read_tensors(tmp_path / "new.pth")


@pytest.mark.parametrize("zipped", [True, False])
def test_settings_pickled_beside_the_weights_are_named(zipped: bool, tmp_path: Path) -> None:
    saved = {"state_dict": {"a": torch.zeros(1)}, "args": Namespace(lr=0.03)}
    torch.save(saved, tmp_path / "old.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputError, match=r"also holds a argparse\.Namespace") as caught:
        read_tensors(tmp_path / "old.pth")
    assert caught.value.where == str(tmp_path / "old.pth")
    assert "weights_only=False" in caught.value.fix


def test_safetensors_are_read(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2)}, tmp_path / "a.safetensors", metadata={"codo": "1"})
    assert torch.equal(read_tensors(tmp_path / "a.safetensors")["a"], torch.ones(2))


def test_the_record_of_a_file_is_found_whatever_its_name(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2)}, tmp_path / "a.bin", metadata={"codo": "1"})
    assert header(tmp_path / "a.bin") == {"codo": "1"}
    torch.save({"a": torch.ones(2)}, tmp_path / "b.safetensors")
    assert header(tmp_path / "b.safetensors") == header(tmp_path / "none.safetensors") == {}


def test_of_a_run_that_stopped_early_the_best_detector_is_read(tmp_path: Path) -> None:
    for early_stop, value in ((None, 1.0), (2, 5.0)):
        run = start_run(tmp_path / f"{early_stop}", {"early_stop": early_stop}, "finetune")
        run.unlock()
        torch.save({"method": {"a": torch.ones(2)}}, run.checkpoints_dir / "step-00000003.pt")
        save_file({"a": torch.full((2,), 5.0)}, run.exports_dir / "detector.safetensors")
        (tensor,) = read_tensors(run.path).values()
        assert float(tensor[0]) == value


def test_a_folder_made_for_a_hub_is_read(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2)}, tmp_path / "model.safetensors")
    assert torch.equal(read_tensors(tmp_path)["a"], torch.ones(2))
