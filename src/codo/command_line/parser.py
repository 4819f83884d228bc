"""The parser of the command line. Importing it does not import torch.

Metavars say what an argument is, to readers and to completion (`codo.command_line.words`): ``RECIPE``, ``key=value``,
``SETTING``.
"""

from __future__ import annotations

import argparse

import codo
from codo.command_line.show_version import ShowVersion
from codo.command_line.verb_parser import VerbParser

SHELLS = ("bash", "zsh", "fish")

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

Settings are key=value; dots separate groups (optim.lr=0.03, probe=null); codo settings explains them. -c takes a
shipped recipe (codo recipes lists them) or a YAML file.
"""


def build_parser() -> argparse.ArgumentParser:
    """The parser of all verbs."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="codo", description=DESCRIPTION, formatter_class=raw)
    parser.add_argument("--version", action=ShowVersion, version=f"codo-detect {codo.__version__}")
    parser.add_argument("--debug", action="store_true", help="show Python tracebacks")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=VerbParser)

    def verb(name: str, text: str) -> VerbParser:
        subparser = verbs.add_parser(name, help=text, description=text, formatter_class=raw)
        # --debug is accepted after the verb too; SUPPRESS keeps the value of a --debug given before the verb.
        subparser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        return subparser

    def words(subparser: VerbParser, name: str, metavar: str, text: str) -> None:
        """Sources, recipes or settings in any number."""
        subparser.add_argument(name, nargs="*", metavar=metavar, help=text)

    prepare = verb("prepare", "scan images, compute proposals, write a catalog; rerun to resume")
    words(
        prepare,
        "source",
        "SOURCE | key=value",
        "folders, tars, zips, COCO json, VOCdevkit, lists of paths, URLs; settings such as proposals.mode=single",
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
        words(training, "settings", "key=value", "settings that override the recipe")
        if name != "compare":
            text = "profile a few steps: write trace.json into the run, and log the time of each stage"
            training.add_argument("--profile", action="store_true", help=text)

    plan = verb("plan", "estimate time, memory, cores, traffic and storage of a pretraining run; needs no GPU")
    words(
        plan,
        "settings",
        "RECIPE | key=value",
        "a shipped recipe or a YAML file; gpus=N, nodes=N, loader_cores=N, images=N, and any setting of codo pretrain",
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
    words(evaluate, "settings", "key=value", "data=DIR, backend=pycocotools, …")

    probe = verb("probe", "k-NN and linear classification of labeled boxes or images on frozen features")
    probe.add_argument("source", metavar="RUN|FILE", help="a pretraining run, a weight file, imagenet or none")
    words(probe, "settings", "key=value", "data=DIR, image_folder=DIR, boxes=N, …")

    view = verb("view", "write an HTML page of proposals, views or detections; --follow a run that goes on")
    view.add_argument(
        "path", metavar="CATALOG|RUN|FILE", help="a catalog, a run, or a file of detections in COCO's result format"
    )
    words(view, "settings", "key=value", "for detections: data=DIR, by=segm, …")
    view.add_argument("--images", type=int, metavar="N", help="maximum number of images, worst first (default: 200)")
    view.add_argument(
        "--out", metavar="FILE", help="the page (default: view.html in the catalog or run, or next to the file)"
    )

    text = "serve the report of a run or comparison that goes on, to browsers of this machine, and keep it up to date"
    view.add_argument("--follow", action="store_true", help=text)
    view.add_argument("--port", type=int, metavar="N", help="port on 127.0.0.1 for --follow (default: a free one)")

    convert = verb("convert", "write labeled data in any format as COCO annotation files; say what was understood")
    words(
        convert,
        "source",
        "SOURCE | key=value",
        "a folder of labeled data or its annotation file; settings such as data.format=via, data.missing=skip",
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

    recipes = verb("recipes", "list the shipped recipes; print one, or all of its settings with defaults")
    recipes.add_argument("recipe", nargs="?", metavar="RECIPE", help="a shipped recipe, or a YAML file")
    text = "print every setting, after the base recipes and the defaults, as a file for -c"
    recipes.add_argument("--show", action="store_true", help=text)
    recipes.add_argument("--against", metavar="OTHER", help="print the settings in which it differs from another one")

    settings = verb("settings", "explain a setting: type, default, what it does, and which recipes set it")
    text = "a setting such as cpj.jitter, or a group such as cpj; without, all groups are listed"
    settings.add_argument("setting", nargs="?", metavar="SETTING", help=text)

    completion = verb("completion", "print a script with which a shell completes verbs, options, recipes and settings")
    completion.add_argument("shell", choices=SHELLS, help="the shell; docs/how-to/command-line.md says where it goes")

    verb("doctor", "print versions and devices, and run a one-minute self-check")
    return parser
