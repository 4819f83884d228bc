"""Two detectors by their result files alone: pairs, numbers by the metrics of each file, both kinds of noise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codo.annotations.source import DataSettings, read_annotations
from codo.cli import main
from codo.core.errors import InputError
from codo.detection.compared_files import files_by_seed
from codo.detection.evaluate import evaluate
from tests.conftest import MakeData


def write(path: Path, data: Path, wrong: int, seed: int) -> Path:
    """Boxes of all objects, of which the first ``wrong`` of a shuffled order are in the wrong place."""
    truth = read_annotations(DataSettings(folder=str(data)), "val").to_coco()["annotations"]
    order = np.random.default_rng(seed).permutation(len(truth)).tolist()
    rows: list[dict[str, Any]] = []
    for place, i in enumerate(order):
        x, y, w, h = truth[i]["bbox"]
        box = [x, y, 0.4 * w, 0.4 * h] if place < wrong else [x, y, w, h]
        ids = {key: truth[i][key] for key in ("image_id", "category_id")}
        rows.append({**ids, "score": 1 - place / 1000, "bbox": box})
    path.write_text(json.dumps(rows))
    return path


@pytest.fixture
def data(make_data: MakeData, tmp_path: Path) -> Path:
    folder = make_data(6)
    for seed in range(3):
        write(tmp_path / f"mine-{seed}.json", folder, 1, seed)
        write(tmp_path / f"none-{seed}.json", folder, 5, seed)
    write(tmp_path / "none-9.json", folder, 5, 9)
    return folder


def test_means_and_differences_are_those_of_the_files(data: Path, tmp_path: Path) -> None:
    found = evaluate(tmp_path / "mine-*.json", data, against=str(tmp_path / "none-*.json"))
    mine, none = (
        [evaluate(tmp_path / f"{side}-{i}.json", data)["bbox"] for i in range(3)] for side in ("mine", "none")
    )
    assert list(found) == ["bbox", "bbox_against", "bbox_difference", "bbox_low", "bbox_high"]
    for name in ("AP", "AP50", "AR100"):
        means = [np.mean([one[name] for one in side]) for side in (mine, none)]
        assert found["bbox"][name] == pytest.approx(means[0])
        assert found["bbox_against"][name] == pytest.approx(means[1])
        assert found["bbox_difference"][name] == pytest.approx(means[0] - means[1])
        assert found["bbox_low"][name] <= found["bbox_difference"][name] <= found["bbox_high"][name]
    assert found["bbox_low"]["AP"] < found["bbox_high"]["AP"]
    assert found["bbox_difference"]["AP"] > 0.2


def test_the_sentence_and_what_is_left_out_are_told(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(tmp_path / "mine-*.json"), f"data={data}", f"against={tmp_path / 'none-*.json'}"]
    assert main(["evaluate", *words]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["bbox_difference"]["AP"] > 0.2
    assert "without a partner, and left out: 9" in told.err
    assert "mine is ahead of none beyond noise: +" in told.err
    assert "from 3 seeds and 6 evaluation images" in told.err


def test_one_file_on_each_side_has_the_noise_of_the_images_alone(
    data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    found = evaluate(tmp_path / "mine-0.json", data, against=str(tmp_path / "none-9.json"))
    assert found["bbox_low"]["AP"] < found["bbox_difference"]["AP"] < found["bbox_high"]["AP"]
    assert "AR100" in found["bbox_difference"]
    assert "AR100" not in found["bbox_low"]  # no resamples, and one seed
    assert any("One seed cannot show the noise of training: give 3" in line for line in caplog.messages)


def test_the_same_files_do_not_differ(data: Path, tmp_path: Path) -> None:
    found = evaluate(tmp_path / "mine-*.json", data, against=str(tmp_path / "mine-*.json"))
    assert {*found["bbox_difference"].values(), *found["bbox_low"].values(), *found["bbox_high"].values()} == {0.0}


def test_seeds_are_what_stands_for_the_star(tmp_path: Path) -> None:
    for name in ("a-1.json", "a-10.json", "b-1.json", "a-1.txt"):
        (tmp_path / name).touch()
    assert files_by_seed(tmp_path / "a-*.json") == {"1": tmp_path / "a-1.json", "10": tmp_path / "a-10.json"}
    assert files_by_seed(tmp_path / "a-1.json") == {"": tmp_path / "a-1.json"}
    with pytest.raises(InputError, match="no such folder"):
        files_by_seed(tmp_path / "missing" / "a-*.json")
    with pytest.raises(InputError, match="one in the name of a folder"):
        files_by_seed(tmp_path / "mine-*" / "found.json")
    with pytest.raises(InputError, match="no such files"):
        files_by_seed(tmp_path / "c-*.json")
    with pytest.raises(InputError, match=r"more than one '\*'"):
        files_by_seed(tmp_path / "*-*.json")


def test_what_cannot_be_compared_is_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no '\*' of mine-\*.json \(0, 1, 2\) is one of none-9.json \(\)"):
        evaluate(tmp_path / "mine-*.json", data, against=str(tmp_path / "none-9.json"))
    with pytest.raises(InputError, match="several result files"):
        evaluate(tmp_path / "mine-*.json", data)
