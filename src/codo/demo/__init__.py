"""``codo demo``: end-to-end demo on a generated data set.

* ``demo``: runs all steps, from drawing the images to the report.
* ``synthetic``: generates the data set: object images, and detection scenes with COCO annotations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.demo.demo import demo as demo
    from codo.demo.synthetic.scenes import DemoData as DemoData
    from codo.demo.synthetic.scenes import write_demo as write_demo
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "DemoData": "synthetic.scenes",
            "demo": "demo",
            "write_demo": "synthetic.scenes",
        },
    )
