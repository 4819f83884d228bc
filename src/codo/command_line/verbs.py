"""What each verb runs. Everything heavy is imported by the verb that needs it."""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import codo
from codo.core.errors import CodoError, InputError

_SETTING = re.compile(r"[A-Za-z_][\w.]*=")


def _is_setting(item: str) -> bool:
    """Whether it is a setting, not an address or a path with an equals sign."""
    return bool(_SETTING.match(item)) and not os.path.exists(item)


@contextmanager
def _messages() -> Iterator[None]:
    """Write what is logged to the standard error: a verb without a run has no log that does."""
    logger, handler = logging.getLogger("codo"), logging.StreamHandler()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def _prepare(args: argparse.Namespace) -> None:
    from codo.core.config import nest, parse_assignments
    from codo.preparation.prepare import prepare_shard

    sources = [item for item in args.source if not _is_setting(item)]
    settings = parse_assignments(filter(_is_setting, args.source))
    settings = nest({"propose": not args.no_proposals, "pack": args.pack}) | settings
    if not sources:
        raise InputError(
            "no source of images is given", where="command line", fix="name a folder: codo prepare photos/ …"
        )
    if args.out is None:
        raise InputError("the catalog to write is not named", where="command line", fix="add --out DIR")
    if args.shard is not None and args.engine != "local":
        what = f"--shard is for jobs that each take a share; --engine {args.engine} spreads all of it by itself"
        raise InputError(what, where="command line", fix="leave out one of them")
    if args.shard is None:
        catalog = codo.prepare(sources, args.out, jobs=args.jobs, engine=args.engine, **settings)
    elif (finished := prepare_shard(sources, args.out, args.shard, jobs=args.jobs, **settings)) is None:
        print(f"{args.out}: shard {args.shard} is done, other shards are not")
        return
    else:
        catalog = finished
    print(catalog.summary())


def _pretrain(args: argparse.Namespace) -> None:
    from codo.core.config import parse_assignments

    run = codo.pretrain(args.config, **parse_assignments(_training_settings(args)))
    if _main_process():
        print(f"{run.path}: {_report(run)}next: codo export {shlex.quote(str(run.path))} --to torchvision")


def _finetune(args: argparse.Namespace) -> None:
    from codo.core.config import parse_assignments

    run = codo.finetune(args.config, **parse_assignments(_training_settings(args)))
    if _main_process():
        path = shlex.quote(str(run.path))
        print(f"{run.path}: {_report(run)}next: codo evaluate {path}, and codo view {path} for what it gets wrong")


def _report(run: codo.Run) -> str:
    """The report's name, where it could be written."""
    return "report.html; " if (run.path / "report.html").is_file() else ""


def _training_settings(args: argparse.Namespace) -> list[str]:
    return [*args.settings, *(["log.profile=true"] if args.profile else [])]


def _compare(args: argparse.Namespace) -> None:
    from codo.comparison.compare import closing_words
    from codo.core.config import parse_assignments

    print(closing_words(codo.compare(args.config, **parse_assignments(args.settings))))


def _plan(args: argparse.Namespace) -> None:
    from codo.core.config import parse_assignments

    recipes = [item for item in [args.config, *args.settings] if item is not None and "=" not in item]
    if not args.config and not args.settings:
        fix = "name one, such as codo plan codo_200ep gpus=8, or give the settings of codo pretrain"
        raise InputError("no recipe is given", where="command line", fix=fix)
    if len(recipes) > 1:
        raise InputError(f"{len(recipes)} recipes are given", where="command line", fix="name one recipe")
    settings = parse_assignments(item for item in args.settings if "=" in item)
    print(codo.plan(*recipes, **settings).text())


def _export(args: argparse.Namespace) -> None:
    path = codo.export(args.run, to=args.to, out=args.out, model=args.model, encoder=args.encoder)
    print(path)
    page = path / "README.md" if path.is_dir() else path.with_suffix(".md")
    if page.is_file():
        print(f"how to load it: {page}", file=sys.stderr)


def _evaluate(args: argparse.Namespace) -> None:
    from codo.core.config import parse_assignments

    with _messages():
        numbers = codo.evaluate(args.source, **parse_assignments(args.settings))
    if _main_process():
        print(json.dumps(numbers, indent=2))
        print(
            "shares of 1, where reports and comparisons have points of 100; AP or AR of -1: no such objects",
            file=sys.stderr,
        )


def _probe(args: argparse.Namespace) -> None:
    from codo.core.config import parse_assignments

    print(json.dumps(codo.probe(args.source, **parse_assignments(args.settings)), indent=2))


def _view(args: argparse.Namespace) -> None:
    from codo.core.config import parse_assignments

    if args.follow:
        _follow(args)
        return
    if args.port is not None:
        raise InputError("--port is only for --follow", where="command line", fix="add --follow")
    settings = parse_assignments(args.settings)
    if args.images is not None:
        settings["images"] = args.images
    print(codo.view(args.path, out=args.out, **settings))


def _follow(args: argparse.Namespace) -> None:
    from codo.watching import follow

    given = [*args.settings, *(["--images"] if args.images is not None else []), *(["--out"] if args.out else [])]
    if given:
        what = f"{', '.join(given)}: --follow serves the report as it is, and writes nothing"
        raise InputError(what, where="command line", fix="leave them out")
    follow(args.path, port=args.port or 0)


def _convert(args: argparse.Namespace) -> None:
    from codo.core.config import parse_assignments

    sources = [item for item in args.source if not _is_setting(item)]
    if len(sources) != 1:
        what = f"{len(sources)} sources are given" if sources else "no labeled data are given"
        raise InputError(what, where="command line", fix="name one folder or file: codo convert labeled/ --out coco")
    if args.out is None:
        raise InputError("the folder to write is not named", where="command line", fix="add --out DIR")
    settings = parse_assignments(filter(_is_setting, args.source))
    print(codo.convert(sources[0], args.out, to=args.to, **settings).text())


def _demo(args: argparse.Namespace) -> None:
    from codo.demo.demo import demo, write_data

    if args.data_only:
        if args.quick or args.seed:
            what = "--data-only draws one data set, whatever --seed and --quick say"
            raise InputError(what, where="command line", fix="leave them out")
        write_data(args.out)
    else:
        demo(args.out, quick=args.quick, seed=args.seed)


def _cache(args: argparse.Namespace) -> None:
    from codo.preparation.cache import report

    print(report(args.clear))


def _recipes(args: argparse.Namespace) -> None:
    if (option := "--show" * args.show or "--against" * bool(args.against)) and args.recipe is None:
        fix = "name one, such as codo recipes laptop --show"
        raise InputError(f"{option} needs a recipe", where="command line", fix=fix)
    if args.against:
        from codo.command_line.resolved_recipe import difference_text

        print(difference_text(args.recipe, args.against))
    elif args.show:
        from codo.command_line.resolved_recipe import resolved_text

        print(resolved_text(args.recipe))
    else:
        from codo.command_line.recipe_list import listing, text_of

        print(listing() if args.recipe is None else text_of(args.recipe))


def _settings(args: argparse.Namespace) -> None:
    from codo.command_line.setting_help import explain

    print(explain(args.setting))


def _completion(args: argparse.Namespace) -> None:
    from codo.command_line.completion import script

    print(script(args.shell), end="")


def _doctor(args: argparse.Namespace) -> None:
    from codo.doctor import doctor

    if not doctor():
        raise CodoError("the self-check failed", where="codo doctor", fix="see the lines marked FAIL")


def _main_process() -> bool:
    """Whether this process prints results: torchrun starts several."""
    return os.environ.get("RANK", "0") == "0"


VERBS: dict[str, Callable[[argparse.Namespace], None]] = {
    "prepare": _prepare,
    "plan": _plan,
    "pretrain": _pretrain,
    "export": _export,
    "finetune": _finetune,
    "evaluate": _evaluate,
    "compare": _compare,
    "probe": _probe,
    "view": _view,
    "convert": _convert,
    "demo": _demo,
    "cache": _cache,
    "recipes": _recipes,
    "settings": _settings,
    "completion": _completion,
    "doctor": _doctor,
}
"""Verb -> the function that runs it."""
