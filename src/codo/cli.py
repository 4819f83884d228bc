"""The command line: parsing, messages and exit codes only. ``--help`` does not import torch.

Exit codes: 0 done, 1 failed, 2 bad input or configuration, 130 interrupted, 143 preempted (checkpoint saved).
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Sequence
from typing import Any

import codo
from codo.core.cpu import wait_without_spinning
from codo.core.errors import CodoError, InputError, class_and_line, nearest
from codo.core.verb_parser import VerbParser

DESCRIPTION = """Pretrain the trunk of a detector (backbone, FPN, box head) on your own unlabeled images, and
measure how much it helps.

  codo demo                                                   an end-to-end demo; needs no data
  codo prepare photos/ --out catalog                          compute object proposals, once
  codo pretrain -c laptop foregrounds=catalog 'backgrounds=[catalog]' out=run
  codo plan codo_200ep gpus=8                                 estimate the cost of a run
  codo export run --to torchvision                            weights for your detector
  codo finetune -c finetune_laptop data=labeled/ weights=run out=detector
  codo evaluate detector data=labeled/                        the twelve COCO metrics
  codo convert labelme_folder/ --to coco --out labeled        write labels of other tools as COCO
  codo compare -c finetune_laptop data=labeled/ 'inits=[none,run]' 'fractions=[0.1,1]' out=answer
  codo compare -c table1_laptop data=labeled/ pools.images=… pools.scenes=… out=table1   the paper's Table 1

Settings are key=value; dots separate groups (optim.lr=0.03, probe=null). -c takes a shipped recipe or a YAML file.
"""


def build_parser() -> argparse.ArgumentParser:
    """The parser of all verbs."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="codo", description=DESCRIPTION, formatter_class=raw)
    parser.add_argument("--version", action="version", version=f"codo-detect {codo.__version__}")
    parser.add_argument("--debug", action="store_true", help="show Python tracebacks")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=VerbParser)

    def verb(name: str, text: str) -> VerbParser:
        subparser = verbs.add_parser(name, help=text, description=text, formatter_class=raw)
        # --debug is accepted after the verb too; SUPPRESS keeps the value of a --debug given before the verb.
        subparser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        return subparser

    prepare = verb("prepare", "scan images, compute proposals, write a catalog; rerun to resume")
    prepare.add_argument(
        "source",
        nargs="*",
        metavar="SOURCE | key=value",
        help="folders, tars, zips, COCO json, VOCdevkit, lists of paths, URLs; settings such as proposals.mode=single",
    )
    prepare.add_argument("--out", metavar="DIR", help="the catalog to write (required)")
    prepare.add_argument("--no-proposals", action="store_true", help="skip proposals: the images serve as backgrounds")
    prepare.add_argument("--pack", type=int, metavar="SHORT_SIDE", help="also write resized copies as tar shards")
    prepare.add_argument("--jobs", type=int, metavar="N", help="worker processes (default: one per core)")
    prepare.add_argument(
        "--engine", choices=("local", "ray"), default="local", help="processes of this machine, or a Ray cluster"
    )
    prepare.add_argument("--shard", metavar="i/n", help="process only shard i of n (counted from 1), for job arrays")

    for name, text in (
        ("pretrain", "pretrain a trunk on a catalog; rerun to resume"),
        ("finetune", "finetune a detector on labeled images from given weights; rerun to resume"),
        ("compare", "finetune from several initial weights, label fractions and seeds, and test which is better"),
    ):
        training = verb(name, text)
        training.add_argument("-c", "--config", metavar="RECIPE", help="a shipped recipe or a YAML file")
        training.add_argument("settings", nargs="*", metavar="key=value", help="settings that override the recipe")
        if name != "compare":
            text = "profile a few steps: write trace.json into the run, and log the time of each stage"
            training.add_argument("--profile", action="store_true", help=text)

    plan = verb("plan", "estimate time, memory, cores, traffic and storage of a pretraining run; needs no GPU")
    plan.add_argument(
        "settings",
        nargs="*",
        metavar="RECIPE | key=value",
        help="a shipped recipe or a YAML file; gpus=N, nodes=N, images=N, and any setting of codo pretrain",
    )
    plan.add_argument("-c", "--config", metavar="RECIPE", help="the recipe, as codo pretrain takes it")

    export = verb("export", "write the pretrained trunk of a run in the format of another library")
    export.add_argument("run", help="directory of a pretraining run")
    export.add_argument(
        "--to", required=True, metavar="TARGET", help="torchvision, detectron2, mmdet, timm, resnet, safetensors or hub"
    )
    export.add_argument(
        "--model", default="mask_rcnn", metavar="NAME", help="mask_rcnn (default), faster_rcnn, retinanet or fcos"
    )
    export.add_argument(
        "--encoder", default="query", metavar="NAME", help="query (default), or key, the momentum encoder"
    )
    export.add_argument("--out", metavar="FILE", help="file to write, a folder for hub (default: in RUN/exports)")

    evaluate = verb("evaluate", "the twelve COCO metrics of a detector, or of a file of detections")
    evaluate.add_argument("source", metavar="RUN|FILE", help="a finetuning run, or detections in COCO's result format")
    evaluate.add_argument("settings", nargs="*", metavar="key=value", help="data=DIR, backend=pycocotools, …")

    probe = verb("probe", "k-NN and linear classification of labeled boxes or images on frozen features")
    probe.add_argument("source", metavar="RUN|FILE", help="a pretraining run, a weight file, imagenet or none")
    probe.add_argument("settings", nargs="*", metavar="key=value", help="data=DIR, image_folder=DIR, boxes=N, …")

    view = verb("view", "write an HTML page of proposals, views or detections")
    view.add_argument(
        "path", metavar="CATALOG|RUN|FILE", help="a catalog, a run, or a file of detections in COCO's result format"
    )
    view.add_argument("settings", nargs="*", metavar="key=value", help="for detections: data=DIR, by=segm, …")
    view.add_argument("--images", type=int, metavar="N", help="maximum number of images, worst first (default: 200)")
    view.add_argument(
        "--out", metavar="FILE", help="the page (default: view.html in the catalog or run, or next to the file)"
    )

    convert = verb("convert", "write labeled data in any format as COCO annotation files; say what was understood")
    convert.add_argument(
        "source",
        nargs="*",
        metavar="SOURCE | key=value",
        help="a folder of labeled data or its annotation file; settings such as data.format=via, data.missing=skip",
    )
    convert.add_argument("--to", default="coco", metavar="FORMAT", help="coco (default)")
    convert.add_argument("--out", metavar="DIR", help="the folder to write (required)")

    demo = verb("demo", "end-to-end demo on a generated data set")
    demo.add_argument("--out", default="demo_out", metavar="DIR", help="folder of all results (default: demo_out)")
    demo.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the images and of all trainings")
    demo.add_argument("--quick", action="store_true", help="under 3 minutes: too short for meaningful numbers")
    demo.add_argument("--data-only", action="store_true", help="only generate the data set, for your own experiments")

    cache = verb("cache", "list the catalogs that commands have prepared of plain image folders, and remove them")
    text = "remove entries: those that no command will use again (stale, the default), or all"
    cache.add_argument("--clear", nargs="?", const="stale", choices=("stale", "all"), help=text)

    verb("doctor", "print versions and devices, and run a one-minute self-check")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = build_parser()
    _suggest_verb(parser, sys.argv[1:] if arguments is None else arguments)
    args = parser.parse_args(arguments)
    wait_without_spinning(os.environ)
    try:
        VERBS[args.verb](args)
    except CodoError as error:
        if args.debug:
            raise
        _print_error(error.lines())
        return error.exit_code
    except KeyboardInterrupt:
        if args.debug:
            raise
        _print_error(["stopped by Ctrl-C"])
        return 130
    except BrokenPipeError:  # the reader of our output has exited, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if args.debug:
            raise
        fix = "free disk space or fix the permissions, then run the same command again to resume"
        _print_error([error.strerror or str(error), f"  where: {error.filename or args.verb}", f"  fix:   {fix}"])
        return 1
    except Exception as error:
        if args.debug:
            raise
        fix = "run again with --debug for the traceback, and please report it"
        _print_error([f"unexpected {class_and_line(error)}", f"  where: codo {args.verb}", f"  fix:   {fix}"])
        return 1
    return 0


def _suggest_verb(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """Suggest the nearest verb for a mistyped one; argparse alone would list all verbs."""
    given = next((item for item in arguments if not item.startswith("-")), None)
    if given is not None and given not in VERBS:
        hint = nearest(given, list(VERBS)) or f"verbs: {', '.join(VERBS)}"
        _print_error([f"unknown verb '{given}'", "  where: command line", f"  fix:   {hint}"])
        raise SystemExit(2)


def _print_error(lines: list[str]) -> None:
    print(f"codo: {lines[0]}", *lines[1:], sep="\n", file=sys.stderr)


def _prepare(args: argparse.Namespace) -> None:
    from codo.core.config import nest, parse_assignments
    from codo.preparation.prepare import prepare_shard

    sources = [item for item in args.source if "=" not in item]
    settings = parse_assignments(item for item in args.source if "=" in item)
    settings = nest({"propose": not args.no_proposals, "pack": args.pack}) | settings
    if not sources:
        raise InputError(
            "no source of images is given", where="command line", fix="name a folder: codo prepare photos/ …"
        )
    if args.out is None:
        raise InputError("the catalog to write is not named", where="command line", fix="add --out DIR")
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
        print(f"{run.path}: {_report(run)}next: codo evaluate {shlex.quote(str(run.path))}")


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
    print(codo.export(args.run, to=args.to, out=args.out, model=args.model, encoder=args.encoder))


def _evaluate(args: argparse.Namespace) -> None:
    from codo.core.config import parse_assignments

    numbers = codo.evaluate(args.source, **parse_assignments(args.settings))
    if _main_process():
        print(json.dumps(numbers, indent=2))


def _probe(args: argparse.Namespace) -> None:
    from codo.core.config import parse_assignments

    print(json.dumps(codo.probe(args.source, **parse_assignments(args.settings)), indent=2))


def _view(args: argparse.Namespace) -> None:
    from codo.core.config import parse_assignments

    settings = parse_assignments(args.settings)
    if args.images is not None:
        settings["images"] = args.images
    print(codo.view(args.path, out=args.out, **settings))


def _convert(args: argparse.Namespace) -> None:
    from codo.core.config import parse_assignments

    sources = [item for item in args.source if "=" not in item]
    if len(sources) != 1:
        what = f"{len(sources)} sources are given" if sources else "no labeled data are given"
        raise InputError(what, where="command line", fix="name one folder or file: codo convert labeled/ --out coco")
    if args.out is None:
        raise InputError("the folder to write is not named", where="command line", fix="add --out DIR")
    settings = parse_assignments(item for item in args.source if "=" in item)
    print(codo.convert(sources[0], args.out, to=args.to, **settings).text())


def _demo(args: argparse.Namespace) -> None:
    from codo.demo.demo import demo, write_data

    if args.data_only:
        write_data(args.out)
    else:
        demo(args.out, quick=args.quick, seed=args.seed)


def _cache(args: argparse.Namespace) -> None:
    from codo.preparation.cache import report

    print(report(args.clear))


def _doctor(args: argparse.Namespace) -> None:
    from codo.doctor import doctor

    if not doctor():
        raise CodoError("the self-check failed", where="codo doctor", fix="see the lines marked FAIL")


def _main_process() -> bool:
    """Whether this process prints results: torchrun starts several."""
    return os.environ.get("RANK", "0") == "0"


VERBS: dict[str, Any] = {
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
    "doctor": _doctor,
}


if __name__ == "__main__":
    sys.exit(main())
