"""`main.py models`: what is supported."""

import sys
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from utils.commands.parser import Parser
from utils.extractors.registry import Model
from utils.weights.store import is_downloaded


def show_models(arguments: Sequence[str], models: Mapping[str, Model]) -> int:
    """Print every feature type with its outputs, checkpoints, licences, and whether they are downloaded."""
    parser = Parser(prog="main.py models", description=show_models.__doc__)
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
