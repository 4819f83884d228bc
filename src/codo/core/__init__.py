"""Base of all packages: settings, errors, the run directory, files and random numbers.

* ``errors``: `CodoError` and its subclasses; each message has three short lines: what, where, how to fix it.
* ``config``: `Settings`, the base of every schema; recipes and overrides are merged and checked.
* ``renamed``: settings that had another name in earlier versions; ``recipe_width``: a recipe's width where the
  chosen backbone has none.
* ``run``, ``run_files``: the run directory; reading its files when some are missing or damaged.
* ``io``: atomic writes, locks, and the error message for a full disk.
* ``signals``: SIGINT and SIGTERM while a run works.
* ``paths``: paths and URLs.
* ``content``: content hashes of files, and whether files still have theirs.
* ``numbers``: formatting of numbers in reports and tables.
* ``cache``: where catalogs of plain folders and compiled kernels are kept.
* ``rng``: random generators keyed by seed, epoch, sample and stream.
* ``jit``: the decorator that compiles Numba kernels.
* ``lazy``: public names that are imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.core.config import Settings as Settings
    from codo.core.config import read_recipe as read_recipe
    from codo.core.config import resolve as resolve
    from codo.core.config import shipped_recipes as shipped_recipes
    from codo.core.errors import CodoError as CodoError
    from codo.core.errors import InputError as InputError
    from codo.core.errors import Interrupted as Interrupted
    from codo.core.errors import Preempted as Preempted
    from codo.core.run import Run as Run
    from codo.core.run import is_run as is_run
    from codo.core.run import open_run as open_run
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "CodoError": "errors",
            "InputError": "errors",
            "Interrupted": "errors",
            "Preempted": "errors",
            "Run": "run",
            "Settings": "config",
            "is_run": "run",
            "open_run": "run",
            "read_recipe": "config",
            "resolve": "config",
            "shipped_recipes": "config",
        },
    )
