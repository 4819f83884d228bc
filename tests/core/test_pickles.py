"""Pickles of arrays are read; everything else that a pickle could ask for is refused before it happens."""

from __future__ import annotations

import pickle
import pickletools
from argparse import Namespace
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from codo.core.errors import InputError
from codo.core.pickles import read_arrays


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pickles") / "model.pkl"


@given(
    array=hnp.arrays(
        st.sampled_from(["<f4", ">f4", "<f8", "<f2", "<i8", "u1", "?"]), hnp.array_shapes(min_dims=0, min_side=0)
    ),
    protocol=st.integers(0, 5),
    fortran=st.booleans(),
)
def test_arrays_come_back_whatever_the_protocol(array: np.ndarray, protocol: int, fortran: bool, file: Path) -> None:
    array = np.asfortranarray(array) if fortran else array
    file.write_bytes(pickle.dumps({"model": OrderedDict(a=array), "__author__": "me"}, protocol=protocol))
    read = read_arrays(file)
    assert read["__author__"] == "me"
    np.testing.assert_array_equal(read["model"]["a"], array)
    assert read["model"]["a"].dtype == array.dtype.newbyteorder("=")


def test_a_file_of_python_2_is_read(file: Path) -> None:
    """Written out by hand: Python 2 had bytes where Python 3 has text, and numpy.core."""
    file.write_bytes(
        b"(dp0\nS'blob'\np1\ncnumpy.core.multiarray\n_reconstruct\np2\n(cnumpy\nndarray\np3\n(I0\ntp4\nS'b'\np5\ntp6\nRp7\n"
        b"(I1\n(I2\ntp8\ncnumpy\ndtype\np9\n(S'f4'\np10\nI0\nI1\ntp11\nRp12\n(I3\nS'<'\np13\nNNNI-1\nI-1\nI0\ntp14\nb"
        b"I00\nS'\\x00\\x00\\x80?\\x00\\x00\\x00@'\np15\ntp16\nbs."
    )
    assert read_arrays(file)["blob"].tolist() == [1.0, 2.0]


class Public:
    """An array pickled by the public ``numpy.ndarray(shape, dtype, buffer)`` alone, as ``codo export`` does."""

    def __init__(self, *arguments: object) -> None:
        self.arguments = arguments

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return np.ndarray, self.arguments


def test_arrays_made_by_the_public_constructor_are_read(file: Path) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    made = {"w": Public((2, 3), "<f4", bytearray(array.tobytes())), "n": Public((), "<i8", bytearray(8))}
    file.write_bytes(pickle.dumps(made, protocol=5))
    np.testing.assert_array_equal(read_arrays(file)["w"], array)
    assert read_arrays(file)["n"].shape == ()


@pytest.mark.parametrize("arguments", [((2,), "O", bytearray(16)), ((2, 3), "<f4"), ((9,), "<f4", bytearray(4))])
def test_wrong_arguments_of_the_constructor_are_refused(arguments: tuple[object, ...], file: Path) -> None:
    file.write_bytes(pickle.dumps({"w": Public(*arguments)}))
    with pytest.raises(InputError, match="pickle"):
        read_arrays(file)


def test_scalars_are_arrays_without_axes(file: Path) -> None:
    file.write_bytes(pickle.dumps({"n": np.int64(3)}))
    assert read_arrays(file)["n"].shape == ()
    assert int(read_arrays(file)["n"]) == 3


class Bomb:
    def __init__(self, *call: object) -> None:
        self.call = call

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call[0], self.call[1:]


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (Bomb(eval, "1/0"), r"builtins\.eval"),
        (Bomb(Path.touch, Path("exploded")), r"builtins\.getattr|pathlib"),
        (Bomb(np.load, "exploded"), r"numpy\.load"),
        (Namespace(lr=1), r"argparse\.Namespace"),
        (torch.zeros(1), r"torch\._utils\._rebuild_tensor_v2"),
        (np.array([object()]), "an array of type 'O8'"),
        (np.array(["text"]), "an array of type 'U4'"),
        (np.zeros(1, dtype=[("a", "f4")]), "an array of type 'V4'"),
    ],
)
def test_everything_else_is_refused_by_name(value: object, named: str, file: Path) -> None:
    file.write_bytes(pickle.dumps({"model": {"w": np.zeros(2), "x": value}}))
    with pytest.raises(InputError, match=f"the pickle contains ({named})") as caught:
        read_arrays(file)
    assert caught.value.where == str(file)


def test_a_codec_that_unpacks_is_refused(file: Path) -> None:
    raw = pickle.dumps(Bomb(__import__("_codecs").encode, "x" * 9, "zip"), protocol=2)
    assert any(op.name == "GLOBAL" for op, _, _ in pickletools.genops(raw))
    file.write_bytes(raw)
    with pytest.raises(InputError, match="text in 'zip'"):
        read_arrays(file)


@given(data=st.binary(max_size=60))
def test_damage_is_an_input_error(data: bytes, file: Path) -> None:
    whole = pickle.dumps({"w": np.arange(6.0)})
    for raw in (data, whole[: len(whole) // 2] + data):
        file.write_bytes(raw)
        try:
            read_arrays(file)
        except InputError:
            continue
