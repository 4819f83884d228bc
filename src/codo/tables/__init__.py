"""Tables as papers print them.

* ``published``: the numbers of the paper's tables, with notes on their origin (``published.yaml``).
* ``latex``: LaTeX with ``booktabs`` and the columns of the paper's Table 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.tables.latex import booktabs as booktabs
    from codo.tables.published import published as published
else:
    __getattr__, __dir__, __all__ = lazy_exports(__name__, {"booktabs": "latex", "published": "published"})
