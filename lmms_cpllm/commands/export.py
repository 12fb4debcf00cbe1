"""`lmms-cpllm export CHECKPOINT --out DIR`: a checkpoint with its card, for others, and on request on the hub."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add(subparsers: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "export",
        help="a checkpoint as a folder with a model card, and on the hub",
        description="Copy the files of a CP-LLM, write README.md with its results, base models and recipe beside them, and "
        "with --hub upload them. Only weights (safetensors), settings, tokenizer, card and the record of training are "
        "taken. Exit status 0: done.",
    )
    parser.add_argument("checkpoint", metavar="CHECKPOINT", type=Path, help="folder, such as --out of `train recipe`")
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="a new folder, or a CP-LLM to replace")
    parser.add_argument(
        "--results",
        metavar="RESULTS",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        help="what lmms-eval wrote about this checkpoint (--output_path), or files of `baseline save`",
    )
    parser.add_argument(
        "--unverified", action="store_true", help="take results although their weights are not known to be these"
    )
    parser.add_argument("--name", help="of the model (default: that on the hub, or of the folder)")
    parser.add_argument(
        "--license", metavar="ID", help="the hub's identifier, such as apache-2.0 (default: not stated)"
    )
    parser.add_argument("--hub", metavar="REPO", help="also upload, to owner/model; private")
    parser.add_argument("--public", action="store_true", help="with --hub: for everybody")
    parser.set_defaults(run=run, refuse=parser.error)


def run(args: argparse.Namespace) -> int:
    """Read results, write the folder, upload; says what was left out."""
    if args.public and not args.hub:
        args.refuse("argument --public: only with --hub")
    from lmms_cpllm.harness.fingerprint import of_checkpoint
    from lmms_cpllm.publish import card, figures, files, hub
    from lmms_cpllm.training.full.export import check_target

    names, others = files.published(args.checkpoint)
    check_target(args.out)
    if args.hub:
        hub.check_login(args.hub)
    found = []
    if args.results:
        processor = files.read_json(args.checkpoint / "processor_config.json")
        fingerprint = of_checkpoint(str(args.checkpoint))
        found = figures.figures(args.results, fingerprint, processor, verify=not args.unverified)
    name = args.name or args.hub or args.out.absolute().name
    written = files.write_folder(
        args.checkpoint,
        names,
        args.out,
        lambda record: card.card_text(name, record, found, args.license, verified=not args.unverified),
    )
    for other in others:
        why = "another is written" if other == files.CARD else "no file of a CP-LLM"
        print(f"left out: {other}: {why}", file=sys.stderr)
    if not args.license:
        print("the card states no licence; --license ID says which", file=sys.stderr)
    print(f"{len(written)} files in {args.out}")
    if args.hub:
        print(f"uploaded to {hub.upload(args.out, written, args.hub, args.public)}")
    return 0
