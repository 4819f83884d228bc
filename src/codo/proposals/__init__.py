"""Object proposals without labels: selective search (Uijlings et al. 2013), implemented here and compiled with Numba.

* ``selective_search``: the complete search and its three modes.
* ``downscale``: exact area-averaging resize before the search.
* ``color``: the color spaces that the search uses.
* ``smoothing``: Gaussian smoothing in fixed point.
* ``segmentation``: the pixel graph and Felzenszwalb-Huttenlocher segmentation for several ``k`` at once.
* ``regions``: size, box, neighbors, color and texture histogram of every region.
* ``grouping``: the four similarities and hierarchical grouping.
* ``filters``: selects the proposals to store from all boxes.

Every decision is made on integers (the few floating-point steps are single IEEE operations), so that the boxes are the
same for every call, number of threads and machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.proposals.filters import ProposalSettings as ProposalSettings
    from codo.proposals.filters import filter_boxes as filter_boxes
    from codo.proposals.filters import propose as propose
    from codo.proposals.selective_search import selective_search as selective_search
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "ProposalSettings": "filters",
            "filter_boxes": "filters",
            "propose": "filters",
            "selective_search": "selective_search",
        },
    )
