"""Write a page without failing the run: a page that cannot be written becomes a warning."""

from __future__ import annotations

import logging
from collections.abc import Callable

from codo.core.errors import class_and_line
from codo.core.signals import signals_pass

log = logging.getLogger(__name__)


def attempt_page(write: Callable[[], object], again: str) -> str | None:
    """Write a page, and catch errors.

    Args:
        write: Writes the page.
        again: How the user can write it later, as the subject of a sentence.

    Returns:
        A one-line message if writing failed, else ``None``. The traceback is logged at level DEBUG.
    """
    try:
        with signals_pass():
            write()
    except Exception as error:
        log.debug("the page could not be written", exc_info=True)
        return f"the report could not be written: {class_and_line(error)}; everything else is done, {again} writes it"
    return None
