"""CoDo: pretrain backbone, FPN and box head of a detector on unlabeled images, and measure how much it helps.

Public names are imported on first use, so ``import codo`` does not load torch.

    >>> import codo
    >>> catalog = codo.prepare("photos", "catalogs/photos")
    >>> run = codo.pretrain("laptop", foregrounds="catalogs/photos", backgrounds=["catalogs/photos"], out="runs/mine")
    >>> weights = codo.export(run, to="torchvision")
    >>> trunk = codo.load_trunk(run)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

__version__ = "0.1.0"

if TYPE_CHECKING:
    from codo.catalog.catalog import Catalog as Catalog
    from codo.catalog.catalog import open_catalog as open_catalog
    from codo.comparison.compare import compare as compare
    from codo.convert import convert as convert
    from codo.core.errors import CodoError as CodoError
    from codo.core.run import Run as Run
    from codo.core.run import open_run as open_run
    from codo.detection.evaluate import evaluate as evaluate
    from codo.detection.finetune import finetune as finetune
    from codo.exporters.load_trunk import Trunk as Trunk
    from codo.exporters.load_trunk import load_trunk as load_trunk
    from codo.exporters.write import export as export
    from codo.planning.plan import plan as plan
    from codo.preparation.prepare import prepare as prepare
    from codo.proposals.selective_search import selective_search as selective_search
    from codo.reporting.view import view as view
    from codo.training.pretrain import pretrain as pretrain
    from codo.training.probing import probe as probe
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "Catalog": "catalog.catalog",
            "CodoError": "core.errors",
            "Run": "core.run",
            "Trunk": "exporters.load_trunk",
            "compare": "comparison.compare",
            "convert": "convert",
            "evaluate": "detection.evaluate",
            "export": "exporters.write",
            "finetune": "detection.finetune",
            "load_trunk": "exporters.load_trunk",
            "open_catalog": "catalog.catalog",
            "open_run": "core.run",
            "plan": "planning.plan",
            "prepare": "preparation.prepare",
            "pretrain": "training.pretrain",
            "probe": "training.probing",
            "selective_search": "proposals.selective_search",
            "view": "reporting.view",
        },
    )
