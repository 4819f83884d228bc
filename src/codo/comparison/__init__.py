"""``codo compare``: several initializations x label fractions x seeds on one data set, under one protocol.

* ``compare``: the public function; ``compare_settings``: its settings, on top of those of a finetuning.
* ``grid``: all trials, checked before the first begins; ``initializations``: the weights that they start from.
* ``pretraining``: initializations that are pretrained first; ``pretraining_costs``: time, memory and samples of that.
* ``trials``: one finetuning and its result file.
* ``jobs``, ``scheduler``, ``worker``: run the missing trainings, in this process or in several.
* ``comparison``: the numbers of all trials; ``verdicts``: the sentences on which initialization is ahead.
* ``result_files``: CSV, JSON, LaTeX; ``paper_table``: the paper's table with its published numbers (``codo.tables``);
  ``page``: ``report.html``; ``probe_ranking``: which probe of pretraining ranks as AP does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.comparison.compare import compare as compare
    from codo.comparison.compare_settings import CompareSettings as CompareSettings
    from codo.comparison.comparison import Comparison as Comparison
    from codo.comparison.initializations import Initialization as Initialization
    from codo.comparison.trials import Trial as Trial
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "CompareSettings": "compare_settings",
            "Comparison": "comparison",
            "Initialization": "initializations",
            "Trial": "trials",
            "compare": "compare",
        },
    )
