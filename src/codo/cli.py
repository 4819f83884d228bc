"""The command line: parsing, messages and exit codes only. ``--help`` imports nothing heavy.

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
from codo.core.errors import CodoError, InputError, class_and_line, nearest

DESCRIPTION = """Pretrain a whole detector trunk from your own unlabeled images, and see whether it helped.

  codo demo                                                   see everything work, no data needed
  codo prepare photos/ --out catalog                          find proposals, once
  codo pretrain -c laptop foregrounds=catalog backgrounds=[catalog] out=run
  codo plan codo_200ep gpus=8                                 what a run will cost
  codo export run --to torchvision                            weights for your detector
  codo finetune -c finetune_laptop data=labeled/ weights=run out=detector
  codo evaluate detector data=labeled/                       COCO's twelve numbers
  codo compare -c finetune_laptop data=labeled/ inits=[none,run] fractions=[0.1,1] out=answer
  codo compare -c table1_laptop data=labeled/ pools.images=… pools.scenes=… out=table1   the paper's Table 1

Settings are key=value with dots (optim.lr=0.03, probe=null); -c takes a shipped recipe or a YAML file.
"""


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="codo", description=DESCRIPTION, formatter_class=raw)
    parser.add_argument("--version", action="version", version=f"codo-detect {codo.__version__}")
    parser.add_argument("--debug", action="store_true", help="show Python tracebacks")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)

    def verb(name: str, text: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=text, description=text, formatter_class=raw)
        # Also behind the verb, where people look for it; SUPPRESS keeps a --debug given before the verb.
        made.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        return made

    prepare = verb("prepare", "scan images, find proposals, write a catalog; the same command resumes")
    prepare.add_argument(
        "source",
        nargs="+",
        metavar="SOURCE | key=value",
        help="folders, tars, zips, COCO json, VOCdevkit, lists of paths, URLs; settings such as proposals.mode=single",
    )
    prepare.add_argument("--out", required=True, metavar="DIR", help="the catalog to write")
    prepare.add_argument("--no-proposals", action="store_true", help="for backgrounds only")
    prepare.add_argument("--pack", type=int, metavar="SHORT_SIDE", help="also write resized copies as tar shards")
    prepare.add_argument("--jobs", type=int, metavar="N", help="processes (default: one a core)")
    prepare.add_argument("--engine", choices=("local", "ray"), default="local", help="what spreads the work")
    prepare.add_argument("--shard", metavar="i/n", help="do share i of n (from 1) only, for job arrays")

    for name, text in (
        ("pretrain", "pretrain a trunk on a catalog; the same command resumes"),
        ("finetune", "train a detector on labeled images from given weights; the same command resumes"),
        ("compare", "finetune from several weights, label fractions and seeds, and say which is better"),
    ):
        training = verb(name, text)
        training.add_argument("-c", "--config", metavar="RECIPE", help="a shipped recipe or a YAML file")
        training.add_argument("settings", nargs="*", metavar="key=value", help="settings on top of it")
        if name != "compare":
            text = "trace a few steps into trace.json of the run, and tell where their time goes"
            training.add_argument("--profile", action="store_true", help=text)

    plan = verb("plan", "what a pretraining run will cost in time, memory, cores, traffic and storage; needs no GPU")
    plan.add_argument(
        "settings",
        nargs="*",
        metavar="RECIPE | key=value",
        help="a shipped recipe or a YAML file; gpus=N, nodes=N, images=N, and any setting of codo pretrain",
    )

    export = verb("export", "write the trunk of a run for other tools")
    export.add_argument("run", help="a pretrain run")
    export.add_argument(
        "--to", required=True, metavar="TARGET", help="torchvision, detectron2, mmdet, timm, resnet, safetensors or hub"
    )
    export.add_argument(
        "--model", default="mask_rcnn", metavar="NAME", help="mask_rcnn (default), faster_rcnn, retinanet or fcos"
    )
    export.add_argument(
        "--encoder", default="query", metavar="NAME", help="query (default), or key for its momentum copy"
    )
    export.add_argument("--out", metavar="FILE", help="where to (default: in RUN/exports); a folder for hub")

    evaluate = verb("evaluate", "COCO's twelve numbers of a detector, or of a file of detections")
    evaluate.add_argument("source", metavar="RUN|FILE", help="a finetune run, or detections in COCO's result format")
    evaluate.add_argument("settings", nargs="*", metavar="key=value", help="data=DIR, backend=pycocotools, …")

    probe = verb("probe", "how well frozen features tell labeled boxes or pictures apart: k-NN and linear")
    probe.add_argument("source", metavar="RUN|FILE", help="a pretrain run, a weight file, imagenet or none")
    probe.add_argument("settings", nargs="*", metavar="key=value", help="data=DIR, image_folder=DIR, boxes=N, …")

    view = verb("view", "an HTML page of proposals, views or detections")
    view.add_argument("path", metavar="CATALOG|RUN|FILE", help="what to look at; detections in COCO's result format")
    view.add_argument("settings", nargs="*", metavar="key=value", help="of detections: data=DIR, by=segm, …")
    view.add_argument("--images", type=int, metavar="N", help="images in the page at most, the worst (default: 200)")
    view.add_argument("--out", metavar="FILE", help="the page (default: view.html in it, or beside the file)")

    demo = verb("demo", "the whole story on a built-in data set, on this machine")
    demo.add_argument("--out", default="demo_out", metavar="DIR", help="where to work (default: demo_out)")
    demo.add_argument("--quick", action="store_true", help="under 3 minutes: too short for the numbers to mean much")
    demo.add_argument("--data-only", action="store_true", help="draw a data set for experiments of your own, and stop")

    verb("doctor", "versions, devices, and a one-minute self-check")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = build_parser()
    _suggest_verb(parser, sys.argv[1:] if arguments is None else arguments)
    args = parser.parse_args(arguments)
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
    except BrokenPipeError:  # the reader of our output has gone, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if args.debug:
            raise
        fix = "free some space or mend the permissions; the same command goes on"
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
    """Name the nearest verb for a mistyped one; argparse alone would list them all."""
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
            "there is no source of images", where="command line", fix="name a folder: codo prepare photos/ …"
        )
    if args.shard is None:
        catalog = codo.prepare(sources, args.out, jobs=args.jobs, engine=args.engine, **settings)
    elif (finished := prepare_shard(sources, args.out, args.shard, jobs=args.jobs, **settings)) is None:
        print(f"{args.out}: share {args.shard} is done, others are not")
        return
    else:
        catalog = finished
    print(catalog.summary())


def _pretrain(args: argparse.Namespace) -> None:
    from codo.core.config import parse_assignments

    run = codo.pretrain(args.config, **parse_assignments(_training_settings(args)))
    if _main_process():
        print(f"{run.path}: report.html; next: codo export {shlex.quote(str(run.path))} --to torchvision")


def _finetune(args: argparse.Namespace) -> None:
    from codo.core.config import parse_assignments

    run = codo.finetune(args.config, **parse_assignments(_training_settings(args)))
    if _main_process():
        print(f"{run.path}: report.html; next: codo evaluate {shlex.quote(str(run.path))}")


def _training_settings(args: argparse.Namespace) -> list[str]:
    return [*args.settings, *(["log.profile=true"] if args.profile else [])]


def _compare(args: argparse.Namespace) -> None:
    from codo.comparison.compare import closing_words
    from codo.core.config import parse_assignments

    print(closing_words(codo.compare(args.config, **parse_assignments(args.settings))))


def _plan(args: argparse.Namespace) -> None:
    from codo.core.config import parse_assignments

    recipes = [item for item in args.settings if "=" not in item]
    if len(recipes) > 1:
        raise InputError(f"there are {len(recipes)} recipes", where="command line", fix="name one")
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


def _demo(args: argparse.Namespace) -> None:
    from codo.demo.demo import demo, write_data

    if args.data_only:
        write_data(args.out)
    else:
        demo(args.out, quick=args.quick)


def _doctor(args: argparse.Namespace) -> None:
    from codo.doctor import doctor

    if not doctor():
        raise CodoError("the self-check failed", where="codo doctor", fix="see the lines marked FAIL")


def _main_process() -> bool:
    """Whether this is the process that speaks: torchrun starts several."""
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
    "demo": _demo,
    "doctor": _doctor,
}


if __name__ == "__main__":
    sys.exit(main())
