"""A page is about work that is done: one that cannot be written is told of, and never fails the work."""

from __future__ import annotations

import logging
from collections.abc import Callable

from codo.core.errors import class_and_line

log = logging.getLogger(__name__)


def attempt_page(write: Callable[[], object], again: str) -> str | None:
    """Write a page if it can be done.

    Args:
        write: Writes it.
        again: What the user does to have it written later, as the subject of a sentence.

    Returns:
        Why there is none, in a line; ``None`` once it is written. The traceback goes to Python's log, at level DEBUG.
    """
    try:
        write()
    except Exception as error:
        log.debug("the page could not be written", exc_info=True)
        return f"the report could not be written: {class_and_line(error)}; all else is done, {again} writes it"
    return None
