"""Background pools: who is drawn how often."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import codo
from codo.core.config import Settings, resolve
from codo.core.errors import InputError
from codo.core.rng import RngStream, generator
from codo.loading.pools import Pool, PoolSettings, split_share
from codo.views.kernels import philox


class Holder(Settings):
    """A settings class with pools in it, as a run has."""

    backgrounds: PoolSettings


@pytest.fixture(scope="module")
def catalogs(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> list[codo.Catalog]:
    root = tmp_path_factory.mktemp("pools")
    files = sorted(photos.glob("*.jpg"))
    made = []
    for name, part in (("many", files[:18]), ("few", files[18:])):
        listing = root / f"{name}.txt"
        listing.write_text("".join(f"{path}\n" for path in part))
        made.append(codo.prepare(listing, root / name, propose=False, jobs=1))
    return made


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([None, None], [0.75, 0.25]),  # uniform over the images
        ([None, 0.6], [0.4, 0.6]),
        ([2 / 3, 2 / 3], [0.5, 0.5]),  # shares alone are normalized
        ([1.0, None], None),
    ],
)
def test_shares(catalogs: list[codo.Catalog], shares: list[float | None], expected: list[float] | None) -> None:
    if expected is None:
        with pytest.raises(InputError, match="leave nothing for the rest"):
            Pool(catalogs, shares)
        return
    pool = Pool(catalogs, shares)
    assert pool.shares == pytest.approx(expected)
    rng = np.random.default_rng(0)
    drawn = [pool.draw(rng) for _ in range(4000)]
    counts = [sum(catalog is one for catalog, _ in drawn) / 4000 for one in catalogs]
    assert counts == pytest.approx(expected, abs=0.03)
    assert {index for catalog, index in drawn if catalog is catalogs[1]} == set(range(6))


def test_compiled_draws_are_those_of_numpys_generator(catalogs: list[codo.Catalog]) -> None:
    pool = Pool(catalogs, [None, 0.6])
    for sample in range(300):
        key = (1, 2, sample, RngStream.VIEW + 0)
        assert pool.draw(philox.start(*key)) == pool.draw(generator(*key))


def test_a_share_outside_its_range_is_refused(catalogs: list[codo.Catalog]) -> None:
    with pytest.raises(InputError, match="outside"):
        Pool(catalogs, [1.5, None])


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("a/b", ("a/b", None)),
        ("a/b@0.3", ("a/b", 0.3)),
        ("s3://me@host/x", ("s3://me@host/x", None)),
        ("@0.3", ("@0.3", None)),
    ],
)
def test_splitting_a_share(entry: str, expected: tuple[str, float | None]) -> None:
    assert split_share(entry) == expected


@pytest.mark.parametrize(
    ("given", "query", "key"),
    [
        (["a", "b"], ("a", "b"), ("a", "b")),
        ("a", ("a",), ("a",)),
        ({"query": ["a"], "key": ["b", "c"]}, ("a",), ("b", "c")),
        ({"query": "a", "key": "b"}, ("a",), ("b",)),
    ],
)
def test_ways_to_write_pools(given: object, query: tuple[str, ...], key: tuple[str, ...]) -> None:
    pools = resolve(Holder, None, {"backgrounds": given}).backgrounds
    assert (pools.query, pools.key) == (query, key)
