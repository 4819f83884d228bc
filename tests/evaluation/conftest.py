"""Courses of runs, as the pages are tested with."""

from tests.reporting.conftest import healthy, make_course, make_run

__all__ = ["healthy", "make_course", "make_run"]
