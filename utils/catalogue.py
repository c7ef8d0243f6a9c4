"""`main.py models` and `main.py weights fetch`: what is supported, and its checkpoints."""

import sys
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from utils.command import Parser, parse_flags
from utils.config import nearest
from utils.download_bar import DownloadBar
from utils.errors import UserError
from utils.registry import Model
from utils.weights import bring, is_downloaded


def show_models(arguments: Sequence[str], models: Mapping[str, Model]) -> int:
    """Print every feature type with its outputs, checkpoints, licences, and whether they are downloaded."""
    parser = Parser(prog="main.py models", description=show_models.__doc__, allow_abbrev=False)
    parser.add_argument("--weights_dir", help="also look for checkpoints in this folder")
    options = parser.parse_args(arguments)
    table = Table(show_lines=True)
    for column in ("feature type", "outputs", "checkpoint", "downloaded", "licence of the weights"):
        table.add_column(column, overflow="fold")
    for name, model in models.items():
        outputs = "\n".join(f"{key} {shape}" for key, shape in model.outputs.items())
        if not model.files():
            table.add_row(
                f"{name}\n{model.summary}", outputs, "by the model's name", "", "each model's own: see its card"
            )
        for i, file in enumerate(model.files()):
            first = (f"{name}\n{model.summary}", outputs) if i == 0 else ("", "")
            there = "yes" if is_downloaded(file, options.weights_dir) else "no"
            table.add_row(*first, file.name, there, file.licence)
    wide = None if sys.stdout.isatty() else 160
    Console(width=wide, markup=False).print(table)
    return 0


def fetch_weights(arguments: Sequence[str], models: Mapping[str, Model]) -> int:
    """Download the checkpoints that a feature type uses ahead of time, for machines that will be offline.

    The feature type's own flags choose among them, e.g. --flow_type raft.
    """
    parser = Parser(prog="main.py weights", description=fetch_weights.__doc__, allow_abbrev=False)
    parser.add_argument("action", choices=["fetch"])
    parser.add_argument("feature_type", metavar="TYPE", help=f"of {', '.join(models)}")
    parser.add_argument("--all", action="store_true", help="every checkpoint that the feature type can use")
    parser.add_argument("--weights_dir", help="folder to download into (default: the cache)")
    options, flags = parser.parse_known_args(arguments)
    name = options.feature_type
    if name not in models:
        raise UserError(f"{name}: no such feature type; choose from {', '.join(models)}{nearest(name, models)}")
    config = parse_flags(flags, models[name].config_class())
    used = [need.published for need in models[name].needs(config).values() if need.named is None]
    for file in models[name].files() if options.all else used:
        with DownloadBar(file.name) as report:
            print(f"{file.name}: {bring(file, options.weights_dir, report)}")
        print(f"  licence: {file.licence} ({file.source})")
    return 0
