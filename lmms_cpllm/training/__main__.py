"""Trains `cpllm-tiny` from contents to an exported folder.

    python -m lmms_cpllm.training --contents FOLDER --photographs FOLDER --work FOLDER --out FOLDER

Needs the extra `train`. Every intermediate result stays in --work and is used again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from lmms_cpllm.training.corpus import make_corpus, photograph_contents, video_contents
from lmms_cpllm.training.examples import clip_examples, photograph_examples
from lmms_cpllm.training.features import encode_examples
from lmms_cpllm.training.loop import TrainingConfig, train
from lmms_cpllm.training.tiny import build, export


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m lmms_cpllm.training", description="Trains cpllm-tiny.")
    parser.add_argument(
        "--contents", type=Path, required=True, help="folder with photos/ and videos/, none of vqa_mini's"
    )
    parser.add_argument("--clean", nargs="*", default=[""], help="beginnings of the names of clean clips in videos/")
    parser.add_argument("--photographs", type=Path, help="folder with scores.csv: photographs with human scores")
    parser.add_argument("--work", type=Path, required=True, help="where clips and features are kept")
    parser.add_argument("--out", type=Path, required=True, help="the checkpoint")
    parser.add_argument("--scenes", type=int, default=3, help="scenes per photograph (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=TrainingConfig.epochs, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    contents = photograph_contents(args.contents / "photos")
    if (args.contents / "videos").is_dir():
        contents += video_contents(args.contents / "videos", args.clean)
    make_corpus(contents, args.work / "clips", scene_count=args.scenes)
    model, processor = build(args.seed)
    sources = {"clips": clip_examples(args.work / "clips")}
    if args.photographs:
        sources["photographs"] = photograph_examples(args.photographs)
    examples, parts = [], []
    for name, found in sources.items():
        examples += found
        parts.append(encode_examples(model, processor, found, args.work / f"features-{name}"))
    features = {key: _join([part[key] for part in parts]) for key in ("context", "pixel")}
    record = train(model, processor, examples, features, TrainingConfig(epochs=args.epochs, seed=args.seed))
    export(model, processor, args.out)
    (args.out / "training.json").write_text(json.dumps(record, indent=2) + "\n")
    print(json.dumps(record["validation"], indent=2))


def _join(tensors):
    import torch

    return torch.cat(tensors)


if __name__ == "__main__":
    main()
