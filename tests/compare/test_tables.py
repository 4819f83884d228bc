from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from codo.compare.tables import escape, latex, results_csv, summary_csv
from tests.compare.test_comparison import grid, made


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_every_cell_has_a_line() -> None:
    rows = read(results_csv(made(grid([0.3, 0.2, 0.1], [0.4]))))
    assert len(rows) == 6
    first = rows[0]
    assert (first["init"], first["parts"], first["fraction"], first["seed"]) == ("none", "nothing", "1.0", "0")
    assert (first["state"], first["bbox/AP"], first["bbox/AP50"]) == ("finished", "0.3", "0.6")
    last = rows[-1]
    assert (last["init"], last["state"], last["bbox/AP"]) == ("codo", "missing", "")


def test_summary_has_means_spreads_and_intervals() -> None:
    rows = {
        (r["init"], r["number"]): r for r in read(summary_csv(made(grid([0.30, 0.31, 0.29], [0.351, 0.359, 0.341]))))
    }
    none, codo = rows["none", "AP"], rows["codo", "AP"]
    assert float(none["mean"]) == pytest.approx(0.30)
    assert float(none["std"]) == pytest.approx(0.01)
    assert (none["difference"], none["verdict"]) == ("", "")
    assert float(codo["difference"]) == pytest.approx(0.0503, abs=1e-4)
    assert float(codo["low"]) < 0.0503 < float(codo["high"])
    assert codo["verdict"] == "better"
    assert rows["codo", "AP75"]["seeds"] == "0"


def test_latex_has_the_columns_of_the_paper() -> None:
    text = latex(made(grid([0.30, 0.31, 0.29], [0.351, 0.359, 0.341])))
    lines = text.splitlines()
    assert lines[1] == r"\begin{tabular}{llccc}"
    assert lines[3].endswith(r"$\mathrm{AP}^{bb}$ & $\mathrm{AP}^{bb}_{50}$ & $\mathrm{AP}^{bb}_{75}$ \\")
    assert lines[5] == r"none & nothing & 30.0 {\scriptsize$\pm$1.0} & 60.0 {\scriptsize$\pm$2.0} & -- \\"
    assert lines[6].startswith(r"codo & backbone, fpn, box\_head & 35.0")
    assert [line for line in lines if line.startswith("\\") and "rule" in line] == [
        "\\toprule",
        "\\midrule",
        "\\bottomrule",
    ]
    columns = lines[1].split("{")[2].count("c") + lines[1].split("{")[2].count("l") - 0
    assert all(line.count(" & ") == columns - 1 for line in lines if line.endswith(r"\\"))


def test_latex_groups_by_fraction_and_takes_any_name() -> None:
    found = made(grid([0.3], [0.4], 0.1) | grid([0.5], [0.6]), seeds=(0,))
    text = latex(found)
    assert text.count("\\midrule") == 2
    assert "\n10\\% & none" in text
    assert "\n & codo" in text
    odd = replace(found, parts={"none": "nothing", "a_b & 50% #1 {x} ~^\\": "backbone"}, cells=[], finished={})
    assert odd.inits[1] not in latex(odd)
    assert escape("a_b & 50% #1 {x} ~^\\") == (
        r"a\_b \& 50\% \#1 \{x\} \textasciitilde{}\textasciicircum{}\textbackslash{}"
    )
