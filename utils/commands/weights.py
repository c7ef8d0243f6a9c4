"""`main.py models` and `main.py weights fetch`: what is supported, and its checkpoints."""

from collections.abc import Mapping, Sequence

from utils.commands.cli import Parser, parse_flags
from utils.config.schema import nearest
from utils.errors import UserError
from utils.extractors.registry import Model
from utils.weights.download_bar import DownloadBar
from utils.weights.store import fetch


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
    used = [need.published for need in models[name].needs(config).values() if need.path is None]
    for file in models[name].files() if options.all else used:
        with DownloadBar(file.name) as progress:
            print(f"{file.name}: {fetch(file, options.weights_dir, progress)}")
        print(f"  licence: {file.licence} ({file.source})")
    return 0
