from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from codo.preparation.prepare import prepare
from tests.catalog.pictures import jpegs, write_folder

VIEWS = """
import sys
from codo.catalog.catalog import open_catalog
from codo.catalog.tile_copy import copy_tiles
from codo.loading.pasted_views import PastedViews
from codo.views.cpj import CopyPasteJitter
from codo.loading.warm_up import load_kernels
from codo.views.photometric import AugmentSettings
from codo.loading.pools import Pool
from codo.views.kernels.render import render

load_kernels()
loaded = [list(kernel.signatures) for kernel in (render, copy_tiles)]
catalog = open_catalog(sys.argv[1])
pool = Pool([catalog], [None])
cpj = PastedViews(catalog, pool, pool, CopyPasteJitter(48), seed=0)
for sample in range(len(catalog)):
    cpj.views(0, sample, (0, 1))
assert [list(kernel.signatures) for kernel in (render, copy_tiles)] == loaded, "a view needed another version"
assert all(len(signatures) == 1 for signatures in loaded)
"""


def test_views_find_all_their_kernels_loaded(tmp_path: Path) -> None:
    write_folder(tmp_path / "images", jpegs(4))
    prepare(tmp_path / "images", tmp_path / "catalog", pack=64, jobs=1, progress=False)
    subprocess.run([sys.executable, "-c", VIEWS, str(tmp_path / "catalog")], check=True)
