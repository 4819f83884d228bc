"""Photographs that packages ship: found without import, licenses stated, look-alikes kept out of scenes."""

from __future__ import annotations

import importlib.machinery
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from codo.demo.synthetic import photographs
from codo.demo.synthetic.photographs import SHIPPED, Photograph


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Photograph:
    """A package with one picture: red all over, but for a green box that must be kept out."""
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "__init__.py").write_text("raise RuntimeError('must not be imported')")
    picture = np.zeros((120, 160, 3), np.uint8)
    picture[..., 2] = 200  # OpenCV writes BGR
    picture[20:100, 90:160] = (0, 200, 0)
    cv2.imwrite(str(tmp_path / "holiday" / "beach.png"), picture)
    monkeypatch.syspath_prepend(str(tmp_path))
    green = (90, 20, 160, 100)
    return Photograph("holiday", "beach.png", "CC0 1.0", "nobody", (green,), (green,))


def _green(piece: np.ndarray) -> float:
    return float((piece[..., 1] > piece[..., 0]).mean())


def test_a_package_is_found_but_not_imported(package: Photograph) -> None:
    assert package.locate() is not None
    assert photographs.read(package)[0, 0].tolist() == [200, 0, 0]
    assert "holiday" not in sys.modules


def test_missing_packages_and_files(monkeypatch: pytest.MonkeyPatch, package: Photograph) -> None:
    assert Photograph("no_such_package_at_all", "a.png", "CC0", "nobody").locate() is None
    assert Photograph("holiday", "other.png", "CC0", "nobody").locate() is None
    monkeypatch.setattr(photographs, "SHIPPED", (package, package._replace(path="other.png")))
    assert photographs.installed() == (package,)
    namespace = importlib.machinery.ModuleSpec("holiday", None)  # a folder without __init__: no origin
    monkeypatch.setattr(photographs.importlib.util, "find_spec", lambda name: namespace)
    assert photographs.installed() == ()


def test_crops_for_scenes_keep_look_alikes_out(package: Photograph) -> None:
    apart = [_green(photographs.crop(np.random.default_rng(k), package, 32, 32, avoid_objects=True)) for k in range(20)]
    anywhere = [
        _green(photographs.crop(np.random.default_rng(k), package, 32, 32, avoid_objects=False)) for k in range(20)
    ]
    assert max(apart) < 0.05
    assert np.mean(anywhere) > 0.2


def test_crop_has_the_asked_shape_and_range(package: Photograph) -> None:
    for height, width in ((30, 70), (200, 180)):
        piece = photographs.crop(np.random.default_rng(0), package, height, width, avoid_objects=False)
        assert piece.shape == (height, width, 3)
        assert piece.dtype == np.float32
        assert 0 <= piece.min() <= piece.max() <= 1.1


def test_piece_around_an_object_shows_it(package: Photograph) -> None:
    for seed in range(10):
        piece = photographs.around_object(np.random.default_rng(seed), package, 48)
        assert piece.shape == (48, 48, 3)
        assert piece.dtype == np.uint8
        assert _green(piece) > 0.3


def test_listed_photographs_state_license_and_author_and_their_boxes_fit() -> None:
    assert all(photo.license and photo.author for photo in SHIPPED)
    assert not any("motorcycle" in photo.path for photo in SHIPPED)  # its package states no license
    here = photographs.installed()
    if not here:
        pytest.skip("neither scikit-image nor scikit-learn is installed")
    for photo in here:
        height, width = photographs.read(photo).shape[:2]
        for x1, y1, x2, y2 in (*photo.objects, *photo.keep_out):
            assert 0 <= x1 < x2 <= width
            assert 0 <= y1 < y2 <= height
