"""What can be typed, as lists of words."""

from __future__ import annotations

from codo.command_line.resolved_recipe import accepting_verb
from codo.command_line.verbs import VERBS
from codo.command_line.words import all_words
from codo.core.config import shipped_recipes
from codo.methods.registry import METHODS

WORDS = {verb.name: verb for verb in all_words()}


def test_all_verbs_are_there() -> None:
    assert WORDS.keys() == VERBS.keys()
    assert all(verb.help for verb in WORDS.values())


def test_options_with_their_values() -> None:
    options = {name: option for option in WORDS["prepare"].options for name in option.names}
    assert options["--engine"].values == ("local", "ray")
    assert (options["--out"].takes_value, options["--out"].values) == (True, ())
    assert not options["--no-proposals"].takes_value
    assert "--debug" not in options  # taken, but not in the help


def test_recipes_go_with_the_verbs_that_take_them() -> None:
    recipes = {
        verb.name: {name for option in verb.options if "-c" in option.names for name in option.values}
        for verb in WORDS.values()
    }
    kinds = {name: accepting_verb(name) for name in shipped_recipes()}
    pretraining, finetuning, comparing = (
        {name for name, kind in kinds.items() if kind == verb} for verb in ("pretrain", "finetune", "compare")
    )
    assert recipes["pretrain"] == recipes["plan"] == pretraining
    assert recipes["finetune"] == finetuning
    assert recipes["compare"] == finetuning | comparing
    assert set(WORDS["plan"].words) == pretraining
    assert set(WORDS["recipes"].words) == kinds.keys()


def test_settings_and_their_values() -> None:
    pretrain = WORDS["pretrain"]
    assert {
        "optim.lr",
        "backgrounds",
        "backgrounds.key",
        "probe",
        "probe.data",
        "options.prototypes",
    } <= pretrain.settings.keys()
    assert "cpj" not in pretrain.settings  # a group that has no short form
    assert pretrain.values["method"] == tuple(METHODS)
    assert pretrain.values["probe"] == ("null",)
    assert pretrain.values["local_copy"] == ("true", "false")
    assert pretrain.values["compile"] == ("true", "false", "frozen")
    assert "weights" not in WORDS["compare"].settings
    assert not WORDS["export"].settings
    assert {"cpj", "cpj.jitter", "probe.data", "gpus"} <= set(WORDS["settings"].words)


def test_words_hold_nothing_that_a_shell_would_split_or_expand() -> None:
    for verb in WORDS.values():
        words = [*verb.words, *verb.settings, *(value for values in verb.values.values() for value in values)]
        words += [word for option in verb.options for word in (*option.names, *option.values)]
        assert all(
            word and set(word) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
            for word in words
        )
