"""`main.py models` and `main.py weights fetch`: what is supported, and its checkpoints."""

import sys
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from utils.command import Parser
from utils.config import nearest
from utils.errors import UserError
from utils.registry import Model
from utils.weights import Published, fetch, is_downloaded


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
        for i, file in enumerate(model.files()):
            first = (f"{name}\n{model.summary}", outputs) if i == 0 else ("", "")
            there = "yes" if is_downloaded(file, options.weights_dir) else "no"
            table.add_row(*first, file.name, there, file.licence)
    wide = None if sys.stdout.isatty() else 160
    Console(width=wide, markup=False).print(table)
    return 0


def fetch_weights(arguments: Sequence[str], models: Mapping[str, Model]) -> int:
    """Download the checkpoints of feature types ahead of time, for machines that will be offline."""
    parser = Parser(prog="main.py weights", description=fetch_weights.__doc__, allow_abbrev=False)
    parser.add_argument("action", choices=["fetch"])
    parser.add_argument("feature_types", nargs="+", metavar="TYPE", help=f"of {', '.join(models)}, or all")
    parser.add_argument("--weights_dir", help="folder to download into (default: the cache)")
    options = parser.parse_args(arguments)
    types = list(models) if options.feature_types == ["all"] else options.feature_types
    for name in types:
        if name not in models:
            raise UserError(f"{name}: no such feature type; choose from {', '.join(models)}{nearest(name, models)}")
    files = {file.name: file for name in types for file in models[name].files()}
    for file in files.values():
        print(f"{file.name}: {fetch_with_bar(file, options.weights_dir)}")
        print(f"  licence: {file.licence} ({file.source})")
    return 0


def fetch_with_bar(file: Published, folder: str | None) -> str:
    """Download one file with a progress bar on standard error; return where it lies."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(file.name, total=file.size)
        path = fetch(file, folder, lambda done, total: progress.update(task, completed=done, total=total))
    return str(path)
