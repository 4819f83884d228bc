from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from codo.comparison.result_files import as_json, latex, read_initializations, results_csv, summary_csv
from codo.core.errors import InputError
from tests.comparison.test_comparison import INITIALIZATIONS, grid, make_comparison, with_classes


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_every_trial_has_a_line() -> None:
    found = make_comparison(grid([0.3, 0.2, 0.1], [0.4]))
    rows = read(results_csv(replace(found, failures={("codo", 1.0, 1): "why"})))
    assert len(rows) == 6
    first = rows[0]
    assert (first["init"], first["parts"], first["fraction"], first["seed"]) == ("none", "nothing", "1.0", "0")
    assert (first["state"], first["bbox/AP"], first["bbox/AP50"]) == ("finished", "0.3", "0.6")
    assert [row["state"] for row in rows] == ["finished", "finished", "finished", "failed", "finished", "missing"]
    assert (rows[-1]["init"], rows[-1]["parts"], rows[-1]["bbox/AP"]) == ("codo", "backbone, FPN, box head", "")


def test_numbers_of_classes_are_in_the_table_and_the_document() -> None:
    found = with_classes(make_comparison(grid([0.3, 0.2, 0.1], [0.4])))
    rows = read(results_csv(found))
    assert (rows[0]["bbox/class/cat"], rows[0]["bbox/class/a, b/c"]) == ("0.5", "0.1")
    assert rows[-1]["bbox/class/cat"] == ""  # not finished
    content = json.loads(as_json(replace(found, classes=("cat",))))
    assert content["judge"] == {"metric": "AP", "classes": ["cat"]}
    assert content["trials"][0]["classes"] == {"bbox": {"cat": 0.5, "a, b/c": 0.1}}
    assert content["trials"][-1]["classes"] == {}


def test_summary_has_means_spreads_and_intervals() -> None:
    rows = {
        (r["init"], r["number"]): r
        for r in read(summary_csv(make_comparison(grid([0.30, 0.31, 0.29], [0.351, 0.359, 0.341]))))
    }
    none, codo = rows["none", "AP"], rows["codo", "AP"]
    assert float(none["mean"]) == pytest.approx(0.30)
    assert float(none["std"]) == pytest.approx(0.01)
    assert (none["difference"], none["verdict"]) == ("", "")
    assert float(codo["difference"]) == pytest.approx(0.0503, abs=1e-4)
    assert float(codo["low"]) < 0.0503 < float(codo["high"])
    assert (codo["seed_low"], codo["seed_high"]) != ("", "")
    assert float(codo["image_low"]) == pytest.approx(0.0503, abs=1e-4)  # images shift both alike
    assert codo["verdict"] == "better"
    assert rows["codo", "AP75"]["seeds"] == "0"


def test_latex_has_the_columns_of_the_paper() -> None:
    text = latex(make_comparison(grid([0.30, 0.31, 0.29], [0.351, 0.359, 0.341]), masks=True))
    lines = text.splitlines()
    assert lines[0] == r"% needs \usepackage{booktabs}; 6 of 6 trials, 3 seeds"
    assert lines[2] == r"\begin{tabular}{llcccccc}"
    ap = r"$\mathrm{AP}^{bb}$ & $\mathrm{AP}^{bb}_{50}$ & $\mathrm{AP}^{bb}_{75}$"
    assert lines[4] == rf"Start from & Pretrained parts & {ap} & {ap.replace('bb', 'mk')} \\"
    numbers = r"30.0 {\scriptsize$\pm$1.0} & 60.0 {\scriptsize$\pm$2.0} & --"
    assert lines[6] == rf"none & nothing & {numbers} & {numbers} \\"
    assert lines[7].startswith("codo & backbone, FPN, box head & 35.0")
    well_formed(text)


def test_latex_groups_by_fraction_and_takes_any_name() -> None:
    odd = "a_b & 50% #1 {x} ~^\\$"
    values = {(init, f, 0): 0.3 for init in ("none", odd) for f in (0.1, 1.0)}
    text = latex(
        make_comparison(
            values, seeds=(0,), initializations={"none": INITIALIZATIONS["none"], odd: INITIALIZATIONS["codo"]}
        )
    )
    assert text.count("\\midrule") == 2
    assert "\n10\\% & none" in text
    assert r" & a\_b \& 50\% \#1 \{x\} \textasciitilde{}\textasciicircum{}\textbackslash{}\$ & " in text
    well_formed(text)


def well_formed(text: str) -> None:
    """What LaTeX with booktabs insists on."""
    lines = [line for line in text.splitlines() if not line.startswith("%")]
    assert lines[-1] == r"\end{tabular}"
    columns = len(re.findall(r"\{tabular\}\{([lc]+)\}", lines[0])[0])
    rules = [line for line in lines if re.fullmatch(r"\\\w+rule", line)]
    assert rules == ["\\toprule", *["\\midrule"] * (len(rules) - 2), "\\bottomrule"]
    for line in (line for line in lines if line.endswith(r"\\")):
        bare = re.sub(r"\\[&%$#_{}]", "", line)  # without escaped characters
        assert bare.count("&") == columns - 1
        assert bare.count("$") % 2 == 0
        assert bare.count("{") == bare.count("}")
        assert not set(re.sub(r"\$[^$]*\$", "", bare)) & set("%#_^~")


def test_one_file_has_everything_and_remembers_the_starts(tmp_path: Path) -> None:
    found = make_comparison(grid([0.30, 0.31], [0.35, 0.36]) | grid([0.1, 0.12], [0.2, 0.22], 0.1), seeds=(0, 1))
    file = tmp_path / "comparison.json"
    file.write_text(as_json(found))
    content = json.loads(file.read_text())
    assert content["reference"] == "none"
    assert content["evaluation_images"] == 440
    assert len(content["trials"]) == 8
    assert content["trials"][0]["numbers"]["bbox"]["AP"] == 0.1
    first = content["differences"][0]
    assert (first["init"], first["fraction"], first["kind"], first["number"]) == ("codo", None, "bbox", "AP")
    assert first["mean"] == pytest.approx(0.075)
    assert first["low"] < first["mean"] < first["high"]
    assert read_initializations(file) == INITIALIZATIONS
    assert read_initializations(tmp_path / "absent.json") == {}


@pytest.mark.parametrize("text", ["{", '{"format": 2}', "{}", "[]", '{"format": 2, "initializations": []}'])
def test_a_damaged_file_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "comparison.json").write_text(text)
    with pytest.raises(InputError, match="cannot read the initial weights recorded for this comparison"):
        read_initializations(tmp_path / "comparison.json")


@pytest.mark.parametrize(
    ("version", "what", "fix"),
    [
        (
            1,
            "this comparison was begun by an earlier version of codo (format 1 with cells/, now 2 with trials/)",
            "finish it with the version that began it, or start in a new out=",
        ),
        (
            3,
            "this comparison was made by another version of codo (format 3, this version has 2)",
            "resume it with that version, or start anew in another out=",
        ),
    ],
)
def test_other_formats_are_refused_with_what_to_do(version: int, what: str, fix: str, tmp_path: Path) -> None:
    file = tmp_path / "comparison.json"
    file.write_text(json.dumps({"format": version, "cells": []}))
    with pytest.raises(InputError) as error:
        read_initializations(file)
    assert error.value.lines() == [what, f"  where: {file}", f"  fix:   {fix}"]
