"""`main.py weights fetch`: download checkpoints ahead of time."""

from collections.abc import Mapping, Sequence

from utils.commands.cli import parse_flags
from utils.commands.parser import Parser
from utils.config.schema import did_you_mean
from utils.errors import PROGRAM, UserError
from utils.extractors.registry import Model
from utils.weights.download_bar import DownloadBar
from utils.weights.store import fetch


def fetch_weights(arguments: Sequence[str], models: Mapping[str, Model]) -> int:
    """Download the checkpoints that feature types use; return the exit code."""
    description = (
        "Download the checkpoints of feature types ahead of time, for machines without a network. "
        "The types' own flags choose among them, such as --flow_type raft."
    )
    parser = Parser(prog=f"{PROGRAM} weights", description=description)
    parser.add_argument("action", choices=["fetch"])
    parser.add_argument("feature_type", nargs="+", metavar="TYPE", help=f"of {', '.join(models)}")
    parser.add_argument("--all", action="store_true", help="every checkpoint that the feature types can use")
    parser.add_argument("--weights_dir", metavar="DIR", help="folder to download into (default: the cache)")
    options, flags = parser.parse_known_args(arguments)
    names: list[str] = list(dict.fromkeys(options.feature_type))
    for name in names:
        if name not in models:
            raise UserError(
                f"{name}: no such feature type; choose from {', '.join(models)}{did_you_mean(name, models)}"
            )
    configs = parse_flags(flags, names, models)
    files = {}  # by name: several types may use one file
    for name, config in configs.items():
        used = [need.published for need in models[name].needs(config).values() if need.path is None]
        if not used and not models[name].files() and not models[name].needs(config):
            print(f"{name}: has no weights")
        files |= {file.name: file for file in (models[name].files() if options.all else used)}
    for file in files.values():
        with DownloadBar(file.name) as progress:
            print(f"{file.name}: {fetch(file, options.weights_dir, progress)}")
        print(f"  licence: {file.licence} ({file.source})")
    return 0
