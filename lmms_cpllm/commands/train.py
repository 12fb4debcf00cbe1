"""`lmms-cpllm train recipe | prepare | test | baselines | ablations`: makes a checkpoint, tells what parts are worth."""

from __future__ import annotations

import argparse
import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lmms_cpllm.memory import keep_freed_memory

if TYPE_CHECKING:
    from lmms_cpllm.training.recipe import Recipe

TINY = "tiny"


def add(subparsers: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser("train", help="train a checkpoint, test it, measure what its parts are worth")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    recipe = actions.add_parser("recipe", help="from data to an exported checkpoint; goes on where it stopped")
    recipe.add_argument("name", help="tiny; or, of full size, small, paper or a YAML file of your own")
    recipe.add_argument("--out", metavar="DIR", type=Path, help="the checkpoint")
    tiny = recipe.add_argument_group("tiny")
    _add_data(tiny, required=False)
    tiny.add_argument(
        "--pretrained-tower", action="store_true", help="leave the pixel tower as ImageNet made it: quicker and worse"
    )
    tiny.add_argument("--small", action="store_true", help="a miniature that only shows that the way is open")
    _add_full(recipe.add_argument_group("full size (with --work and --out; data under $LMMS_CPLLM_DATA)"))
    recipe.set_defaults(run=run_recipe, refuse=recipe.error)

    prepare = actions.add_parser("prepare", help="decode the videos of a recipe once, into a cache for its training")
    prepare.add_argument("name", metavar="RECIPE", help="small, paper or a YAML file of your own")
    prepare.add_argument(
        "--cache", metavar="DIR", type=Path, help="the cache (default: that which the recipe names, beside it)"
    )
    prepare.add_argument("--stages", metavar="NAME", nargs="+", help="of these (default: all that are not optional)")
    prepare.add_argument(
        "--pieces", action="store_true", help="also the frames of clean videos, uncompressed: large, see README"
    )
    prepare.add_argument("--workers", metavar="N", type=int, default=0, help="videos at once (default: one a core)")
    prepare.add_argument(
        "--shard-mb",
        metavar="MB",
        type=float,
        default=512.0,
        help="the most that one file holds (default: %(default)g)",
    )
    prepare.set_defaults(run=run_prepare, refuse=prepare.error)

    test = actions.add_parser("test", help="the sealed test: figures of a checkpoint with intervals over contents")
    test.add_argument("checkpoint", metavar="DIR", nargs="+", help="one folder for each seed; the median is printed")
    _add_data(test)
    test.add_argument("--out", metavar="FILE", type=Path, help="also write the figures as JSON")
    test.add_argument("--small", action="store_true", help="the miniature's test")
    test.set_defaults(run=run_test)

    baselines = actions.add_parser("baselines", help="no-reference baselines on the sealed test")
    _add_data(baselines)
    baselines.add_argument("--out", metavar="FILE", type=Path, help="also write the figures as JSON")
    baselines.add_argument("--small", action="store_true", help="on the miniature's test")
    _add_share(baselines)
    baselines.set_defaults(run=run_baselines)

    ablations = actions.add_parser(
        "ablations", help="train without one part at a time on the towers of the recipe, and test"
    )
    ablations.add_argument("--small", action="store_true", help="of the miniature")
    _add_data(ablations)
    _add_share(ablations)
    ablations.add_argument("--only", metavar="NAME", nargs="*", help="these rows instead of all")
    ablations.add_argument("--epochs", metavar="N", type=int, help="of every row, instead of the recipe's")
    ablations.add_argument(
        "--out", metavar="FILE", type=Path, required=True, help="JSON, one entry a row; rows there are kept"
    )
    ablations.set_defaults(run=run_ablations, refuse=ablations.error)


def _add_full(parser: argparse._ArgumentGroup) -> None:
    parser.add_argument(
        "--stages", metavar="NAME", nargs="+", help="these, optional ones too (default: all that are not)"
    )
    parser.add_argument(
        "--sharding",
        metavar="HOW",
        help="over GPUs: none, zero2 or fsdp (default: what accelerate was configured for, or none)",
    )
    parser.add_argument(
        "--cache",
        metavar="DIR",
        type=Path,
        help="what `train prepare` has decoded (default: that of the recipe, or none)",
    )
    parser.add_argument("--plan", action="store_true", help="only say what it needs: parameters, memory, time")
    parser.add_argument("--gpus", metavar="N", type=int, default=1, help="of the plan (default: %(default)s)")
    parser.add_argument(
        "--memory-gb", metavar="GB", type=float, default=80.0, help="of one GPU, for the plan (default: %(default)g)"
    )
    parser.add_argument(
        "--tflops",
        metavar="T",
        type=float,
        help="in practice, of one GPU or, of tiny, of the CPU, for the plan (default: 200; of tiny 0.1)",
    )


def _add_data(parser: argparse._ActionsContainer, required: bool = True) -> None:
    parser.add_argument(
        "--contents",
        metavar="DIR",
        type=Path,
        required=required,
        help="pristine photographs in photos/, clips in videos/",
    )
    parser.add_argument(
        "--photographs", metavar="DIR", type=Path, required=required, help="photographs with human scores in scores.csv"
    )
    parser.add_argument(
        "--work", metavar="DIR", type=Path, required=required, help="everything on the way is kept here"
    )
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="processes and threads (default: %(default)s)")


def _add_share(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--share",
        metavar="S",
        type=float,
        default=1.0,
        help="of the contents and photographs of training, 0 to 1; the sealed test stays whole (default: %(default)g)",
    )


def _settings(args: argparse.Namespace) -> Recipe:
    """The recipe of a command, which has the process for itself."""
    from lmms_cpllm.training import recipe

    keep_freed_memory()
    settings = recipe.Recipe(seed=args.seed, workers=args.workers)
    if args.small:
        settings = recipe.small(settings)
    # Comparisons alone take a share.
    return recipe.partial(settings, getattr(args, "share", 1.0))


def run_recipe(args: argparse.Namespace) -> int:
    """Train and export; prints the validation of the last stage."""
    if args.name != TINY:
        return _run_full(args)
    if args.plan:
        return _plan_tiny(args)
    _require(args, "contents", "photographs", "work", "out")
    from lmms_cpllm.training import recipe

    settings = _settings(args)
    if args.pretrained_tower:
        settings = replace(settings, tower=None)
    record = recipe.run_recipe(settings, args.contents, args.photographs, args.work, args.out)
    for name, value in record["stages"][-1]["validation"].items():
        print(f"validation SRCC, {name}: {value:.3f}")
    if record["stages"][-1]["questions"] is not None:
        print(f"validation, questions answered right: {record['stages'][-1]['questions']:.3f}")
    print(f"saved to {args.out}")
    return 0


def _plan_tiny(args: argparse.Namespace) -> int:
    """What the recipe of the embedded checkpoint needs of a CPU."""
    if args.gpus != 1 or args.sharding:
        args.refuse("tiny is trained on one CPU: leave out --gpus and --sharding")
    from lmms_cpllm.training import planning
    from lmms_cpllm.training.full import plan

    setup = plan.Setup(memory_gb=args.memory_gb, tflops=0.1 if args.tflops is None else args.tflops, device="CPU")
    for line in plan.plan_lines(planning.tiny_plan(_settings(args), setup)):
        print(line)
    print(f"of {planning.EXAMPLES:,} examples, without rendering them: README, Training, says how long that takes")
    return 0


def _run_full(args: argparse.Namespace) -> int:
    """A recipe of full size, or its plan."""
    from lmms_cpllm.training.full import plan, reading, running

    path = reading.find(args.name)
    recipe = reading.read(path)
    if args.plan:
        setup = plan.Setup(
            args.gpus, args.sharding or "none", args.memory_gb, 200.0 if args.tflops is None else args.tflops
        )
        for line in plan.plan_lines(plan.make_plan(recipe, setup)):
            print(line)
        return 0
    _require(args, "work", "out")
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.INFO)
    record = running.run(recipe, path, args.work, args.out, sharding=args.sharding, only=args.stages, cache=args.cache)
    for entry in record["stages"][-1]["history"][-1:]:
        print(f"validation SRCC: {entry['srcc']:.3f}")
    print(f"saved to {args.out}")
    return 0


def run_prepare(args: argparse.Namespace) -> int:
    """Decodes into a cache; prints how fast, how much, and what failed."""
    from lmms_cpllm.training.full import preparing, reading, running

    path = reading.find(args.name)
    recipe = reading.read(path)
    if args.workers < 0:
        args.refuse(f"argument --workers: expected 0 (one a core) or more, found {args.workers}")
    if args.shard_mb <= 0:
        args.refuse(f"argument --shard-mb: expected more than 0, found {args.shard_mb:g}")
    if args.cache is None and not recipe.cache:
        args.refuse("the following arguments are required for a recipe without the key cache: --cache")
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.INFO)
    done = preparing.prepare_views(
        recipe,
        path,
        running.cache_of(recipe, path, args.cache),
        running.chosen(recipe, args.stages),
        pieces=args.pieces,
        workers=args.workers,
        shard_bytes=int(args.shard_mb * 1e6),
    )
    for prepared in done:
        print("\n".join(preparing.prepared_lines(prepared)))
    return 0


def _require(args: argparse.Namespace, *names: str) -> None:
    missing = [f"--{name}" for name in names if getattr(args, name) is None]
    if missing:
        args.refuse(f"the following arguments are required for {args.name}: {', '.join(missing)}")


def run_test(args: argparse.Namespace) -> int:
    """Test one or several checkpoints."""
    from lmms_cpllm.training import sealed

    settings = _settings(args)
    tested = sealed.run_tests(settings, args.checkpoint, args.contents, args.photographs, args.work)
    if args.out:
        sealed.write(tested, args.out)
    for line in sealed.table(tested):
        print(line)
    return 0


def run_baselines(args: argparse.Namespace) -> int:
    """Figures of the baselines, one line a baseline and figure."""
    from lmms_cpllm.training import ablations, baselines, sealed

    settings = _settings(args)
    tested = baselines.run(settings, args.contents, args.photographs, args.work)
    if args.out:
        sealed.write(tested, args.out)
    for line in ablations.table(tested):
        print(line)
    return 0


def run_ablations(args: argparse.Namespace) -> int:
    """Train and test every row of the table of ablations."""
    if args.epochs is not None and args.epochs < 1:
        args.refuse(f"argument --epochs: expected 1 or more, found {args.epochs}")
    from lmms_cpllm.training import ablations

    settings = _settings(args)
    rows = ablations.run(settings, args.contents, args.photographs, args.work, args.out, args.only, args.epochs)
    for line in ablations.table(rows):
        print(line)
    return 0
