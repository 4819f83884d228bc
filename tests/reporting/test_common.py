"""What the pages of all runs share: settings, commands, environment, files that are broken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from codo.core.run import Run
from codo.reporting.report import write_report

ReadPage = Callable[[Path], Any]
MakeRun = Callable[..., Run]
Rows = list[dict[str, Any]]


def test_settings_commands_and_environment_are_those_of_the_files(make_run: MakeRun, read_page: ReadPage) -> None:
    run = make_run()
    page = read_page(write_report(run))
    settings = next(table for table in page.tables if table[0] == ["Setting", "Value"])
    assert ["contrast.queue", "4096"] in settings
    assert ["backgrounds.key", "gone/bg"] in settings
    environment = dict(next(table for table in page.tables if table[0] == ["What", "Value"])[1:])
    assert environment["python"] == run.environment["python"]
    assert environment["packages.numpy"] == np.__version__
    assert "codo pretrain -c laptop out=run" in page.text


def test_a_run_whose_files_are_broken(make_run: MakeRun, read_page: ReadPage) -> None:
    run = make_run()
    run.metrics_file.write_text('{"step": 1, "loss": 2.0}\n{"step": 2, "lo', encoding="utf-8")
    (run.path / "command.txt").unlink()
    (run.path / "config.yaml").write_text("- not\n- a mapping\n")
    page = read_page(write_report(run))
    assert "Recipe" not in page.facts
    assert page.facts["Steps"] == "1"
