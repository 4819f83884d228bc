"""Courses of runs, as the pages are tested with."""

from tests.reporting.conftest import healthy, make_log, make_run

__all__ = ["healthy", "make_log", "make_run"]
