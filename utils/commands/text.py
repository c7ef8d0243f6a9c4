"""`main.py text SENTENCE ...`: vectors of texts in the space of features."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from utils.commands.hints import wrong_feature_type
from utils.commands.parser import Parser, add_flags
from utils.config.run import RunConfig
from utils.config.schema import build, field_names
from utils.engines.devices import choose
from utils.errors import PROGRAM, UserError
from utils.extractors.registry import Model
from utils.run.like import recorded
from utils.run.text import embed_texts
from utils.storage.folder import folder_at
from utils.storage.urls import is_url

OF_RUN = {"device", "device_ids", "weights", "weights_dir"}
EXAMPLES = f"""\
examples:
  {PROGRAM} text "a dog runs" "a cat sleeps" --like out --output texts.npy
  {PROGRAM} text "a dog runs" --feature_type clip --model_name ViT-B/16
"""


def show_text(arguments: Sequence[str], models: Mapping[str, Model]) -> int:
    """Print or save vectors of texts in the space of a feature type's rows, float32 [texts, D].

    The feature type's own flags choose the network, as for an extraction.

    Raises:
        UserError: the arguments are wrong, or the features are in no space shared with text.
    """
    first = Parser(add_help=False)
    _add_choice(first)
    chosen, _ = first.parse_known_args(arguments)
    if "--help" not in arguments and "-h" not in arguments and not (chosen.like or chosen.feature_type):
        raise UserError(f"text: give --like OUTPUT or --feature_type TYPE; see {PROGRAM} text --help")
    if chosen.feature_type and chosen.feature_type not in models:
        raise UserError(wrong_feature_type(chosen.feature_type, models))
    like = recorded(chosen.like, chosen.feature_type, models) if chosen.like else None
    feature_type = like.feature_type if like else chosen.feature_type
    options = _parser(feature_type, models).parse_args(list(arguments))
    given = vars(options)
    if options.output is not None and not options.output.endswith(".npy"):
        raise UserError(f"--output {options.output}: must end in .npy")
    run = build(RunConfig, [("command line", {key: given[key] for key in OF_RUN & given.keys()})])
    resources, _ = choose(run)
    flags = {key: given[key] for key in field_names(models[feature_type].config_class()) & given.keys()}
    device, warn = resources.devices[0], partial(print, file=sys.stderr)
    vectors = embed_texts(options.text, run, feature_type, flags, models, device, warn, like)
    _save_or_print(vectors, options.output)
    return 0


def _add_choice(parser: Parser) -> None:
    parser.add_argument("--like", metavar="OUTPUT", help="use the network that made the features in this folder")
    parser.add_argument("--feature_type", metavar="TYPE", help="use the network of this feature type and its flags")


def _parser(feature_type: str | None, models: Mapping[str, Model]) -> Parser:
    parser = Parser(
        prog=f"{PROGRAM} text",
        usage=f"{PROGRAM} text SENTENCE ... (--like OUTPUT | --feature_type TYPE [its flags]) [--output FILE.npy]",
        description="Print or save a vector for each text, in the space of a feature type's rows.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("text", nargs="+", metavar="SENTENCE", help="text in quotes; each makes one row")
    _add_choice(parser)
    parser.add_argument("--output", metavar="FILE.npy", help="file to save the vectors in, instead of printing them")
    add_flags(parser, RunConfig, field_names(RunConfig) - OF_RUN)
    if feature_type is not None:
        add_flags(parser, models[feature_type].config_class())
    return parser


def _save_or_print(vectors: np.ndarray, output: str | None) -> None:
    """Save vectors, or print each in a line, with enough digits to read the same float32 back."""
    if output is None:
        print("\n".join(" ".join(f"{value:.9g}" for value in row) for row in vectors.tolist()))
        return
    parent, name = output.rsplit("/", 1) if is_url(output) else (str(Path(output).parent), Path(output).name)
    folder = folder_at(parent)
    with folder.whole(name) as file:
        np.save(file, vectors)
    folder.tidy()
    print(f"{output}: {vectors.dtype} {list(vectors.shape)}")
