"""The answers of the command line to wrong label files."""

from tests.annotations.conftest import answer as answer
from tests.annotations.conftest import refuses as refuses
