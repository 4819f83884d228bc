"""CoDo: pretrain a whole detector trunk from unlabeled images, and prove that it helped.

The public names are imported on first use, so that ``import codo`` costs nothing.

    >>> import codo
    >>> catalog = codo.prepare("photos/", "catalog/")
    >>> run = codo.pretrain("laptop", foregrounds="catalog/", backgrounds=["catalog/"], out="run/")
    >>> codo.export(run, to="torchvision")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from codo.catalog.catalog import Catalog, open_catalog
    from codo.comparison.compare import compare
    from codo.core.errors import CodoError
    from codo.core.run import Run, open_run
    from codo.detection.evaluate import evaluate
    from codo.detection.finetune import finetune
    from codo.exporters.write import export
    from codo.planning.plan import plan
    from codo.preparation.prepare import prepare
    from codo.proposals.selective_search import selective_search
    from codo.reporting.view import view
    from codo.training.pretrain import pretrain
    from codo.training.probing import probe

__version__ = "0.1.0"

_WHERE = {
    "Catalog": "codo.catalog.catalog",
    "CodoError": "codo.core.errors",
    "Run": "codo.core.run",
    "compare": "codo.comparison.compare",
    "evaluate": "codo.detection.evaluate",
    "export": "codo.exporters.write",
    "finetune": "codo.detection.finetune",
    "open_catalog": "codo.catalog.catalog",
    "open_run": "codo.core.run",
    "plan": "codo.planning.plan",
    "prepare": "codo.preparation.prepare",
    "pretrain": "codo.training.pretrain",
    "probe": "codo.training.probing",
    "selective_search": "codo.proposals.selective_search",
    "view": "codo.reporting.view",
}

__all__ = [
    "Catalog",
    "CodoError",
    "Run",
    "compare",
    "evaluate",
    "export",
    "finetune",
    "open_catalog",
    "open_run",
    "plan",
    "prepare",
    "pretrain",
    "probe",
    "selective_search",
    "view",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'codo' has no attribute {name!r}")
    value = getattr(import_module(_WHERE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
