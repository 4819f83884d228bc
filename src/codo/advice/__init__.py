"""What to conclude from a run, and what to do next: rules over logged numbers, each with its threshold and reason.

Every page of `codo.reporting` and of `codo.comparison` begins with an `Answer`: one sentence, and suggestions that
follow from the run's own state. The rules live here and not in the pages, so that they can be read and tested alone.

* ``answer``: what a page is given; ``progress``: whether a run goes on, was stopped, or has ended.
* ``pretraining``, ``finetuning``, ``detections``, ``compared``, ``prepared``: the rules for each kind of page.
* ``intervals``: intervals of a share and of average precision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.advice.answer import Answer as Answer
    from codo.advice.answer import Suggestion as Suggestion
    from codo.advice.progress import Progress as Progress
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "Answer": "answer",
            "Progress": "progress",
            "Suggestion": "answer",
        },
    )
