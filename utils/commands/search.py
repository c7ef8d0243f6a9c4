"""`main.py search OUT SENTENCE`: windows of saved features by text or by example; outliers and near-duplicates."""

import argparse
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from utils.commands.hints import wrong_feature_type
from utils.commands.parser import Parser, add_flags
from utils.commands.view import add_page_flags, check_videos, show
from utils.config.run import RunConfig
from utils.config.schema import build, field_names
from utils.errors import PROGRAM, UserError, printable
from utils.extractors.registry import Model
from utils.storage.urls import redacted

if TYPE_CHECKING:
    from utils.explore.search.ask import Duplicates, Search
    from utils.explore.search.windows import Hit

OF_RUN = {"device", "device_ids", "weights_dir"}
SPANS = 3  # of a video in a group, in the table
EXAMPLES = f"""\
examples:
  {PROGRAM} search out "a person opens a door"
  {PROGRAM} search out --like video.mp4@12.5
  {PROGRAM} search out --like picture.jpg --top 3
  {PROGRAM} search out --duplicates --json
  {PROGRAM} search out --outliers --page --videos my_videos
"""


def search(arguments: Sequence[str], models: Mapping[str, Model]) -> int:
    """Print the windows that were looked for.

    Raises:
        UserError: the arguments are wrong, or the features cannot be compared with what is looked for.
    """
    options = _parser().parse_intermixed_args(list(arguments))  # a text may come after flags
    if options.feature_type is not None and options.feature_type not in models:
        raise UserError(wrong_feature_type(options.feature_type, models))
    ways = ("text", "like", "outliers", "duplicates")
    wanted = [name for name in ways if getattr(options, name) not in (None, False)]
    if len(wanted) != 1:
        raise UserError("search: give one of a sentence in quotes, --like, --outliers and --duplicates")
    check_videos(options.videos)
    from utils.explore.search.ask import Search, text_type

    feature_type = options.feature_type
    if options.text is not None:
        feature_type = text_type(options.output, feature_type, models)
    given = vars(options)
    run = build(RunConfig, [("command line", {key: given[key] for key in OF_RUN & given.keys()})])
    of_output = (options.output, models, feature_type, options.feature)
    looking = Search(*of_output, run, options.exact, _tell, options.checkpoint)
    found = _found(looking, wanted[0], options)
    if looking.note:
        _tell(looking.note)
    if options.page or options.export is not None:
        return _show(found, _title(options, wanted[0]), looking, options)
    about = {"output": options.output, "feature_type": looking.collection.feature_type,
             "feature": looking.collection.feature, "note": looking.note}  # fmt: skip
    if options.json:
        print(json.dumps({**about, "found": list(map(asdict, found))}, indent=1))
    else:
        print("\n".join(_lines(found, wanted[0] == "duplicates")))
    return 0


def _found(looking: "Search", way: str, options: argparse.Namespace) -> "Sequence[Hit | Duplicates]":
    if way == "duplicates":
        return looking.duplicates(options.top, options.min_score)
    if way == "outliers":
        return looking.outliers(options.top, options.min_score)
    least = -math.inf if options.min_score is None else options.min_score
    if way == "text":
        return looking.text(options.text, options.top, least)
    return looking.example(options.like, options.top, least)


def _title(options: argparse.Namespace, way: str) -> str:
    """Return what was looked for, as a title."""
    titles = {"outliers": "Outliers", "duplicates": "Near-duplicates"}
    return titles.get(way) or (f"Like {redacted(options.like)}" if way == "like" else f"“{options.text}”")


def _show(found: "Sequence[Hit | Duplicates]", title: str, looking: "Search", options: argparse.Namespace) -> int:
    """Show what was found as a page, and return the exit code."""
    from utils.explore.view.collection import Collection
    from utils.explore.view.documents import Documents
    from utils.explore.view.found import found_document
    from utils.explore.view.media import MediaFolder

    collection = Collection(options.output)
    about = {"what": title, "note": looking.note}
    document = about | found_document(found, collection, looking.collection.feature_type)
    return show(Documents(collection, MediaFolder(options.videos), found=document), options, "#/found")


def _tell(text: str) -> None:
    print(printable(text), file=sys.stderr)


def _parser() -> Parser:
    parser = Parser(
        prog=f"{PROGRAM} search",
        usage=f"{PROGRAM} search OUT (SENTENCE | --like EXAMPLE | --outliers | --duplicates) [--top K] [--json]",
        description="Look for windows of saved features. Scores are cosines; of outliers, distances.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    switch: dict[str, Any] = {"action": argparse.BooleanOptionalAction, "default": False}
    parser.add_argument("output", metavar="OUT", help="an --output_path, or the folder of one feature type in it")
    parser.add_argument("text", nargs="?", metavar="SENTENCE", help="in quotes, for features in the space of texts")
    parser.add_argument(
        "--like", metavar="EXAMPLE",
        help="NAME@SECONDS, a window of a video in OUT; FILE@SECONDS, the same of any file, which is extracted as OUT "
        "was; without @SECONDS, all of the video; a picture",
    )  # fmt: skip
    parser.add_argument("--outliers", **switch, help="windows that are unlike those of other videos")
    parser.add_argument("--duplicates", **switch, help="groups of windows that are nearly the same in several videos")
    parser.add_argument("--top", type=int, default=10, metavar="K", help="most to show (default: 10)")
    parser.add_argument(
        "--min_score", type=float, metavar="X",
        help="lowest score to show (default: any; of --duplicates 0.98; of --outliers what is unusual here)",
    )  # fmt: skip
    parser.add_argument("--feature_type", metavar="TYPE", help="which one, where OUT has several")
    parser.add_argument("--feature", metavar="KEY", help="which one, where the type has several, such as rgb")
    parser.add_argument(
        "--checkpoint", metavar="FILE",
        help="of the network that made the features, for a sentence or a FILE, where it has moved since",
    )  # fmt: skip
    parser.add_argument("--exact", **switch, help="compare every window, also where there is an index")
    parser.add_argument("--page", **switch, help="as a page in the browser, with pictures; a click leads to the moment")
    add_page_flags(parser)
    parser.add_argument("--json", **switch, help="as JSON, for programs")
    add_flags(parser, RunConfig, field_names(RunConfig) - OF_RUN)
    return parser


def _lines(found: "Sequence[Hit | Duplicates]", are_groups: bool) -> Iterator[str]:
    """Yield the lines of a table, or one saying that nothing was found."""
    if not found:
        yield "nothing found"
        return
    head = ("score", "video", "windows", "times") if are_groups else ("score", "video", "start", "end")
    rows = [head, *(tuple(map(printable, row)) for one in found for row in _rows(one))]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def _rows(one: "Hit | Duplicates") -> Iterator[tuple[str, ...]]:
    from utils.explore.search.ask import Duplicates

    score = f"{one.score:.4f}"
    if isinstance(one, Duplicates):
        for i, part in enumerate(one.videos):
            spans = [f"{_time(start)}-{_time(end)}" for start, end in part.spans]
            more = f" and {len(spans) - SPANS} more" if len(spans) > SPANS else ""
            yield ("" if i else score, _name(part.video), str(part.windows), ", ".join(spans[:SPANS]) + more)
        return
    yield score, _name(one.video), _time(one.start_s), _time(one.end_s)


def _name(video: str) -> str:
    """Return a name in one line."""
    return video.replace("\n", "\\n").replace("\t", "\\t")


def _time(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.2f}"
