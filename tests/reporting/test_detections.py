import json
from pathlib import Path

import pytest

from codo.errors import InputError
from codo.reporting.detections import Scene, Thing, best_threshold, match, read_scenes


def scene(truth: list[Thing], detections: list[Thing]) -> Scene:
    made = Scene(Path("a.jpg"), (100, 100), truth, sorted(detections, key=lambda d: -(d.score or 0)))
    match(made)
    return made


CAT = Thing("cat", (0, 0, 10, 10))
DOG = Thing("dog", (50, 50, 70, 70))


def found(name: str, box: tuple[float, float, float, float], score: float) -> Thing:
    return Thing(name, box, score=score)


def test_a_detection_needs_the_class_and_half_the_overlap() -> None:
    # IoU of (0, 0, 10, 10) with (0, 0, 10, 20) is exactly 0.5; with (0, 0, 10, 21) it is 10 / 21.
    assert scene([CAT], [found("cat", (0, 0, 10, 20), 0.9)]).matched == [0]
    assert scene([CAT], [found("cat", (0, 0, 10, 21), 0.9)]).matched == [None]
    assert scene([CAT], [found("dog", (0, 0, 10, 10), 0.9)]).matched == [None]


def test_an_object_is_found_once_by_the_most_confident() -> None:
    made = scene([CAT], [found("cat", (0, 0, 10, 10), 0.6), found("cat", (0, 0, 10, 11), 0.9)])
    assert [d.score for d in made.detections] == [0.9, 0.6]
    assert made.matched == [0, None]
    assert made.counts(0.5) == (1, 0, 1)
    assert made.counts(0.7) == (1, 0, 0)
    assert made.counts(0.95) == (0, 1, 0)


def test_the_nearest_free_object_is_taken() -> None:
    twins = [Thing("cat", (0, 0, 10, 10)), Thing("cat", (0, 2, 10, 12))]
    made = scene(twins, [found("cat", (0, 2, 10, 12), 0.9), found("cat", (0, 2, 10, 12), 0.8)])
    assert made.matched == [1, 0]


def test_crowds_are_neither_found_nor_missed_nor_make_wrong() -> None:
    crowd = Thing("cat", (0, 0, 50, 50), crowd=True)
    made = scene([crowd], [found("cat", (1, 1, 5, 5), 0.9), found("cat", (60, 60, 70, 70), 0.8)])
    assert made.matched == [None, None]
    assert made.ignored == [True, False]
    assert made.counts(0.5) == (0, 0, 1)
    assert made.missed(0.5) == set()


def test_the_score_of_an_image() -> None:
    made = scene([CAT, DOG], [found("cat", (0, 0, 10, 10), 0.9), found("cat", (80, 80, 90, 90), 0.8)])
    assert made.counts(0.5) == (1, 1, 1)
    assert made.score(0.5) == pytest.approx(1 / 3)
    assert made.missed(0.5) == {1}
    assert scene([], []).score(0.5) == 1.0
    assert scene([], [found("cat", (0, 0, 5, 5), 0.9)]).score(0.5) == 0.0


def test_the_threshold_has_the_best_f1() -> None:
    # At 0.9: 1 of 2 found, none wrong: F1 = 2/3. At 0.6: 2 found, 1 wrong: F1 = 4/5. At 0.2: 2 found, 2 wrong: 2/3.
    made = scene(
        [CAT, DOG],
        [
            found("cat", (0, 0, 10, 10), 0.9),
            found("cat", (80, 80, 90, 90), 0.7),
            found("dog", (50, 50, 70, 70), 0.6),
            found("dog", (0, 0, 5, 5), 0.2),
        ],
    )
    assert best_threshold([made]) == 0.6


def test_equal_confidences_count_together() -> None:
    made = scene([CAT], [found("cat", (0, 0, 10, 10), 0.5), *[found("cat", (80, 80, 90, 90), 0.5)] * 3])
    assert best_threshold([made]) == 0.5


def test_the_threshold_when_nothing_is_found() -> None:
    assert best_threshold([]) == 0.5
    assert best_threshold([scene([CAT], [])]) == 0.5
    assert best_threshold([scene([CAT], [found("dog", (0, 0, 10, 10), 0.1)])]) == 0.5


def test_reading_joins_truth_and_results(tmp_path: Path) -> None:
    truth = {
        "images": [{"id": 7, "file_name": "sub/a.jpg", "width": 64, "height": 48}],
        "categories": [{"id": 3, "name": "cat"}],
        "annotations": [{"id": 1, "image_id": 7, "category_id": 3, "bbox": [1, 2, 10, 20], "iscrowd": 0}],
    }
    results = [
        {"image_id": 7, "category_id": 3, "bbox": [40, 2, 10, 20], "score": 0.1},
        {"image_id": 7, "category_id": 3, "bbox": [1, 2, 10, 20], "score": 0.9},
    ]
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    (tmp_path / "found.json").write_text(json.dumps(results))
    (made,) = read_scenes(tmp_path / "truth.json", tmp_path / "images", tmp_path / "found.json")
    assert made.file == tmp_path / "images" / "sub" / "a.jpg"
    assert made.size == (64, 48)
    assert made.truth == [Thing("cat", (1, 2, 11, 22))]
    assert [d.score for d in made.detections] == [0.9, 0.1]
    assert made.matched == [0, None]


@pytest.mark.parametrize("text", ["not json", "[]", '{"images": [{}], "categories": [], "annotations": []}', "null"])
def test_wrong_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "truth.json").write_text(text)
    (tmp_path / "found.json").write_text("[]")
    with pytest.raises(InputError):
        read_scenes(tmp_path / "truth.json", tmp_path, tmp_path / "found.json")
    with pytest.raises(InputError):
        read_scenes(tmp_path / "missing.json", tmp_path, tmp_path / "found.json")
