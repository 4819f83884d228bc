"""What `codo settings` says."""

from __future__ import annotations

import pytest

from codo.cli import main
from codo.command_line.schemas import SCHEMAS, settings_of
from codo.command_line.setting_help import entries, explain, set_by
from codo.core.config import flatten, read_recipe, shipped_recipes
from codo.core.errors import InputError


def test_one_setting_with_the_recipes_that_set_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["settings", "cpj.jitter"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:6] == [
        "cpj.jitter",
        "  taken by:  codo pretrain, codo plan",
        "  type:      float, at least 0, below 1",
        "  default:   0.2",
        "  meaning:   largest box jitter, as a share of the box's sides, of which the paper gives no number",
        "             (docs/method.md#box-jitter); 0: off",
    ]
    assert any("0.35 in adapt_laptop, demo, laptop, short_runs (inits.boxes, " in line for line in lines[6:])
    assert any("0 in ablations (inits.no_jitter)" in line for line in lines[6:])


def test_recipes_are_those_with_the_setting_in_their_file_or_a_base() -> None:
    entry = next(one for one in entries() if one.setting.name == "optim.warmup_steps" and "pretrain" in one.verbs)
    found = {recipe: value for value, recipes in set_by(entry).items() for recipe in recipes if "(" not in recipe}
    flat = {name: flatten(read_recipe(name)) for name in shipped_recipes()}
    names = {
        name for name, values in flat.items() if entry.setting.name in values and "inits" not in str(values.keys())
    }
    finetunings = {name for name in names if "short_sides" in flat[name]}
    assert found == {name: f"{flat[name][entry.setting.name]:g}" for name in names - finetunings}
    assert len(found) > 3


def test_a_name_of_several_verbs_shows_each() -> None:
    both = explain("optim.lr", 100)
    assert both.count("\noptim.lr\n") + both.startswith("optim.lr\n") == 2
    assert "  taken by:  codo pretrain, codo plan\n" in both
    assert "  taken by:  codo finetune, codo compare\n" in both


def test_options_name_their_methods() -> None:
    text = explain("options.projection", 100)
    assert "codo pretrain, codo plan with method=moco or moco_v2" in text
    assert "linear in moco" in text.splitlines()[-1]
    assert "mlp in dilo, moco_v2" in text
    assert "0 in short_runs (inits.localization_alone)" in explain("options.contrast_weight", 100)
    assert "table1_laptop (inits.swav)" in explain("options.prototypes", 500)


def test_a_group_lists_its_settings() -> None:
    text = explain("cpj", 100)
    names = [setting.name for setting in settings_of("pretrain") if setting.name.startswith("cpj.")]
    assert text.startswith(f"cpj: {len(names)} settings of codo pretrain, codo plan\n")
    assert [line.split()[0] for line in text.splitlines() if line.startswith("  cpj.")] == names
    assert "  labeled images: data=FOLDER" in explain("data", 100)


def test_the_last_part_is_enough() -> None:
    assert explain("max_tries", 100) == explain("cpj.max_tries", 100) == explain("cpj.max_tries=30", 100)


def test_names_of_the_user_lead_to_their_setting() -> None:
    assert explain("pools.scenes", 100) == explain("pools", 100)


def test_without_a_name_every_verb_and_group() -> None:
    text = explain(None, 100)
    assert all(f"codo {verb}\n" in text for verb in SCHEMAS)
    assert "groups:  backgrounds, model, anchor, cpj," in text
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cpj.jiter", "did you mean 'cpj.jitter'?"),
        ("jiter", "did you mean 'cpj.jitter'?"),
        ("contrst", "did you mean 'contrast'?"),
        ("augment.on", "codo settings augment.device"),
        ("zzz", "codo settings lists the groups"),
    ],
)
def test_a_mistyped_name_gets_the_nearest(name: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        explain(name)
    assert words in caught.value.fix
