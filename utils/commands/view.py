"""`python main.py view OUT`: a page that shows what is in an output folder, on this machine or as a folder of files."""

import argparse
import contextlib
import functools
import os
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from utils.commands.parser import Parser, add_flags
from utils.config.label_file import read_labels
from utils.config.run import RunConfig
from utils.config.schema import build, field_names
from utils.config.words import counted
from utils.errors import PROGRAM, FeatmillError, UserError, printable
from utils.extractors.registry import Model
from utils.storage.urls import is_url, redacted, resolve

if TYPE_CHECKING:
    from utils.explore.view.classes import Labels
    from utils.explore.view.collection import Collection
    from utils.explore.view.documents import Documents

OF_RUN = {"device", "device_ids", "weights_dir"}

EXAMPLES = f"""\
examples:
  {PROGRAM} view output --videos my_videos
  {PROGRAM} view output --videos my_videos --export page
  {PROGRAM} view output --with other_output
  {PROGRAM} view output --labels labels.txt
  {PROGRAM} view output --videos my_videos --to embedding-atlas --export atlas
"""


def view(arguments: Sequence[str], models: Mapping[str, Model]) -> int:
    """Serve or write the page, and return the exit code.

    Raises:
        UserError: there is no manifest, or a folder or the port cannot be used.
    """
    options = _parser().parse_args(list(arguments))
    check_videos(options.videos)
    if options.to is not None and options.export is None:
        raise UserError(f"--to {options.to}: give --export FOLDER, a new folder to write to")
    from utils.explore.view.collection import FIRST, Collection
    from utils.explore.view.documents import Documents
    from utils.explore.view.media import MediaFolder

    other = None if options.other is None else Collection(options.other)
    collection = Collection(options.output, None if options.export else FIRST)
    labels = {} if options.labels is None else _labels(options, collection, models)
    documents = Documents(collection, MediaFolder(options.videos), other, labels)
    if options.to is not None:
        from utils.explore.view.handover import hand_over

        print(printable(hand_over(documents, options.to, Path(options.export))))
        return 0
    return show(documents, options)


def show(documents: "Documents", options: argparse.Namespace, view: str = "") -> int:
    """Serve or write the page, and return the exit code. view: the one that is opened, as its address has it.

    Raises:
        UserError: a folder or the port cannot be used.
    """
    if options.export is not None:
        from utils.explore.view.export import export

        n_files = export(documents, Path(options.export))
        print(printable(f"{counted(n_files, 'file')}; open {Path(options.export) / 'index.html'}{view}"))
        return 0
    from utils.explore.view.server import Server

    with Server(documents, options.port) as server:
        note = "" if options.videos else " without pictures: --videos FOLDER shows the videos of that folder"
        address = server.address + view
        print(printable(f"{address}\n{redacted(options.output)}{note}. Ctrl-C ends this."), flush=True)
        threading.Thread(target=_get_ready, args=(documents,), daemon=True).start()  # while the browser starts
        shown = _browser(address) if not options.no_browser and _has_screen() else contextlib.nullcontext()
        with shown, contextlib.suppress(KeyboardInterrupt):
            server.serve_forever(poll_interval=0.1)
    return 0


def _get_ready(documents: "Documents") -> None:
    """Draw the first map, then read what is left of the manifests."""
    try:
        documents.get(f"map-{documents.first_map()}")
        documents.collection.refresh()
    except FeatmillError as error:
        print(printable(f"page: {error}"), file=sys.stderr)


def _labels(options: argparse.Namespace, collection: "Collection", models: Mapping[str, Model]) -> "dict[str, Labels]":
    """Return the labels of a file in the space of each feature type that has a text tower.

    Raises:
        UserError: there is no such file, or no such type.
    """
    names = read_labels(options.labels, "--labels")
    types = [folder.feature_type for folder in collection.folders]
    joint = [name for name in types if name in models and models[name].text]
    if not joint:
        raise UserError(f"--labels: {' and '.join(types)} has no text tower; drop the flag")
    from utils.engines.devices import choose
    from utils.explore.view.classes import Labels
    from utils.run.like import recorded
    from utils.run.text import embed_texts

    given = vars(options)
    run = build(RunConfig, [("command line", {key: given[key] for key in OF_RUN & given.keys()})])
    device = choose(run)[0].devices[0]
    tell = functools.partial(print, file=sys.stderr)
    likes = {name: recorded(options.output, name, models) for name in joint}
    vectors = {name: embed_texts(names, run, name, {}, models, device, tell, like) for name, like in likes.items()}
    return {name: Labels.of(names, each) for name, each in vectors.items()}


@contextlib.contextmanager
def _browser(address: str) -> Iterator[None]:
    """Open a browser through a file that only this user reads: on a command line others would see the token."""
    with tempfile.NamedTemporaryFile("w", suffix=".html") as file:
        file.write(f'<meta charset="utf-8"><meta http-equiv="refresh" content="0; url={address}">')
        file.flush()
        webbrowser.open(Path(file.name).as_uri())
        yield


def _has_screen() -> bool:
    """Return whether a browser has a screen to open on: else one for terminals might start."""
    return sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _parser() -> Parser:
    parser = Parser(
        prog=f"{PROGRAM} view",
        usage=f"{PROGRAM} view OUT [--videos ROOT] [--with OTHER_OUT] [--labels FILE] [--export FOLDER [--to TOOL]]",
        description="Show saved features in a browser: videos, a map of all windows, and each video on its time axis. "
        "The page is served to this machine alone, at an address with a secret; nothing leaves the machine.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("output", metavar="OUT", help="the --output_path of runs, or the folder of one feature type")
    parser.add_argument(
        "--with", dest="other", metavar="OTHER_OUT", help="another output of the same videos, to compare with"
    )
    parser.add_argument(
        "--labels", metavar="LABELS.txt", help="texts, one per line, that windows of types with a text tower are like"
    )
    parser.add_argument(
        "--to", choices=("fiftyone", "rerun", "embedding-atlas"),
        help="with --export: write what that tool opens in place of the page, and print how",
    )  # fmt: skip
    add_page_flags(parser)
    add_flags(parser, RunConfig, field_names(RunConfig) - OF_RUN)
    return parser


def add_page_flags(parser: Parser) -> None:
    """Add the flags that say how the page is shown."""
    parser.add_argument(
        "--videos", metavar="ROOT",
        help="folder or address of the videos; without it none are shown, and no file outside it ever is",
    )  # fmt: skip
    parser.add_argument("--export", metavar="FOLDER", help="write the page to a new folder, which opens from disk")
    parser.add_argument("--port", type=int, default=0, metavar="N", help="to serve at (default: any free one)")
    parser.add_argument("--no_browser", action="store_true", help="only print the address")


def check_videos(videos: str | None) -> None:
    """Raise UserError unless --videos names a folder or an address, or is not given."""
    if videos is not None and is_url(videos):
        resolve(videos)
    elif videos is not None and not Path(videos).is_dir():
        raise UserError(f"--videos {videos}: no such folder")
