"""Made-up runs, as for the reports."""

from tests.reporting.conftest import healthy, labeled, make_run  # noqa: F401  # fixtures of these tests
