"""`python main.py status DIR`: how far the runs on an output folder are, and what failed for which reason."""

import argparse
import json
from collections.abc import Sequence

from utils.commands.parser import Parser
from utils.errors import PROGRAM, printable
from utils.run.folder_status import FolderStatus
from utils.state.feature_folders import feature_folders


def show_status(arguments: Sequence[str]) -> int:
    """Print what the manifests below a folder say, and return the exit code.

    Raises:
        UserError: there is no manifest.
    """
    about = "Show the progress of the runs on an output folder, and causes of failures. Exit code 1: a video failed."
    parser = Parser(prog=f"{PROGRAM} status", description=about)
    parser.add_argument(
        "output", metavar="DIR", help="the --output_path of the runs, or the folder of one feature type in it"
    )
    parser.add_argument("--json", action=argparse.BooleanOptionalAction, default=False, help="as JSON, for programs")
    options = parser.parse_args(list(arguments))
    found = [FolderStatus.of(folder, latest) for folder, _, latest in feature_folders(options.output)]
    if options.json:
        print(json.dumps([status.as_json() for status in found], indent=1))
    else:
        print(printable("\n\n".join(status.as_text() for status in found)))
    return int(any(status.counts["failed"] for status in found))
