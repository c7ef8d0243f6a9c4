"""`python main.py compare A B`: whether two folders of features are equal, and how one follows from the other."""

import argparse
import contextlib
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from utils.commands.hints import wrong_feature_type
from utils.commands.parser import Parser
from utils.config.words import counted
from utils.errors import PROGRAM, FeatmillError, UserError, printable
from utils.extractors.registry import Model

if TYPE_CHECKING:
    from utils.run.pixels import Pixels
    from utils.run.relation import Relation
    from utils.run.video_names import Matched

ROWS = 20  # of the table
LISTED = 5  # videos without a counterpart
VERDICTS = 8
HYPOTHESES = 10
DIFFERENT = ("near", "similar", "alike", "unrelated")  # kinds that other pixels may explain
HINT = "--pixels tries other colour orders, means and deviations, where A was written by Featmill"
EXAMPLES = f"""\
examples:
  {PROGRAM} compare out/i3d downloaded_pack
  {PROGRAM} compare out/clip pack.h5 --pixels --videos my_videos

exit codes: 0 all matched videos are equal within --tolerance, 1 they are not, 2 nothing could be compared
"""


def compare(arguments: Sequence[str], models: Mapping[str, Model]) -> int:
    """Print how the features in two places are related, and return the exit code.

    Raises:
        UserError: the arguments are wrong, there are no features, or no names in common.
    """
    options = _parser().parse_args(list(arguments))
    if options.feature_type is not None and options.feature_type not in models:
        raise UserError(wrong_feature_type(options.feature_type, models))
    from utils.run.packs import pack_at
    from utils.run.video_names import match_names

    types = frozenset(models)
    a, b = (pack_at(path, options.feature_type, types) for path in (options.a, options.b))
    matched = match_names(a.names, b.names, types)
    if not matched.pairs:
        raise UserError(
            f"no video is in both: {a.place} has {_some(a.names)}, {b.place} has {_some(b.names)}; their names differ"
        )
    compared = list(_compared(a, b, matched.pairs, options.tolerance))
    pixels = None
    if options.pixels or options.videos:
        pixels = _pixels(a, b, compared, options, models)
    report = _Report(options.a, options.b, options.tolerance, matched, compared, pixels)
    print(json.dumps(report.as_json(), indent=1) if options.json else printable(report.as_text()))
    return int(not report.is_equal)


def _parser() -> Parser:
    parser = Parser(
        prog=f"{PROGRAM} compare",
        usage=f"{PROGRAM} compare A B [--tolerance X] [--json] [--pixels]",
        description="Compare saved features with others of the same videos, such as a downloaded pack: how far they "
        "are equal, and what was done differently.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    packs = "an --output_path, or files of .npy, .npz, .pkl, .pt, .h5: a folder, or one with many videos"
    parser.add_argument("a", metavar="A", help=packs)
    parser.add_argument("b", metavar="B", help="the same; findings are about B where possible")
    parser.add_argument(
        "--tolerance", type=float, default=1e-3, metavar="X",
        help="relative error ||A - B|| / ||B|| up to which features are equal (default: 0.001)",
    )  # fmt: skip
    parser.add_argument(
        "--pixels", action=argparse.BooleanOptionalAction, default=False,
        help="recompute a few rows of one video of A with BGR for RGB, other means and deviations, mirrored or later "
        "frames, on the CPU, and show which come nearest to B; A must be written by Featmill",
    )  # fmt: skip
    parser.add_argument("--videos", metavar="DIR", help="the same, with the videos in this folder")
    parser.add_argument("--feature_type", metavar="TYPE", help="which one, where a folder has several")
    parser.add_argument("--json", action=argparse.BooleanOptionalAction, default=False, help="as JSON, for programs")
    return parser


@dataclass(frozen=True)
class _Compared:
    """One array of one video. keys_only_a, keys_only_b: what the video has in one place, and the other lacks."""

    video: str
    other_name: str
    key: str
    shape_a: tuple[int, ...]
    shape_b: tuple[int, ...]
    relation: "Relation"
    keys_only_a: tuple[str, ...] = ()
    keys_only_b: tuple[str, ...] = ()


def _compared(a: Any, b: Any, pairs: Sequence[tuple[str, str]], tolerance: float) -> Iterator[_Compared]:
    """Yield what is found of each video; one is in memory at a time."""
    from utils.run.relation import best_relation, unpaired, unread

    for name_a, name_b in pairs:
        try:
            saved_a, saved_b = a.read(name_a), b.read(name_b)
            alone = unpaired(saved_a, saved_b), unpaired(saved_b, saved_a)
            for key, shapes, relation in best_relation(saved_a, saved_b, tolerance):
                yield _Compared(name_a, name_b, key, *shapes, relation, *alone)
        except FeatmillError as error:
            yield _Compared(name_a, name_b, "", (), (), unread(str(error)))


def _pixels(
    a: Any, b: Any, compared: Sequence[_Compared], options: argparse.Namespace, models: Mapping[str, Model]
) -> "Pixels | None":
    """Return what is found by other pixels on the first video that is not equal; None if all are."""
    from utils.config.run import RunConfig
    from utils.engines.devices import choose
    from utils.run.like import recorded
    from utils.run.packs import OwnPack
    from utils.run.pixels import PixelSearch, session_like, source_of

    if not isinstance(a, OwnPack):
        raise UserError(f"{a.place}: --pixels needs the manifest of a run there; give what Featmill wrote as A")
    different = [one for one in compared if one.relation.kind in DIFFERENT]
    if not different:
        return None
    found = ((one, source_of(a, one.video, options.videos)) for one in different)
    one, ref = next(((one, ref) for one, ref in found if ref is not None), (different[0], None))
    if ref is None:
        raise UserError(f"{a.line(one.video).source.path}: not found; name the folder of the videos by --videos DIR")
    text = f"recomputing the first rows of {one.video} from other pixels, on the CPU"
    print(printable(text), file=sys.stderr)
    resources, _ = choose(RunConfig(device="cpu"))
    with contextlib.closing(session_like(recorded(options.a, a.feature_type, models), models, resources)) as session:
        search = PixelSearch(session, ref, a.read(one.video), b.read(one.other_name), options.tolerance)
        return search.run(one.video)


@dataclass(frozen=True)
class _Report:
    """All that the command found."""

    a: str
    b: str
    tolerance: float
    matched: "Matched"
    compared: Sequence[_Compared]
    pixels: "Pixels | None"

    @property
    def is_equal(self) -> bool:
        """Whether all arrays are equal as stored."""
        return all(one.relation.is_equal(self.tolerance) for one in self.compared)

    def as_json(self) -> dict[str, Any]:
        """Return everything under plain names."""
        compared = [
            {**asdict(one), **asdict(one.relation), "equal": one.relation.is_equal(self.tolerance)}
            for one in self.compared
        ]
        for one in compared:
            del one["relation"]
        return {
            "a": self.a,
            "b": self.b,
            "tolerance": self.tolerance,
            "matched_by": dict(self.matched.ways),
            "only_a": self.matched.only_a,
            "only_b": self.matched.only_b,
            "equal": self.is_equal,
            "verdicts": [{"verdict": verdict, "arrays": n} for verdict, n in self._verdicts()],
            "videos": compared,
            "pixels": {**asdict(self.pixels), "conclusion": self.pixels.conclusion} if self.pixels else None,
        }

    def _verdicts(self) -> list[tuple[str, int]]:
        """Return the verdicts, that of the worst video where they differ in numbers only, and of how many they are."""
        groups: dict[Any, list[Relation]] = {}
        for relation in (one.relation for one in self.compared):
            own = relation.verdict if relation.left is None else ""
            groups.setdefault((relation.kind, relation.steps, own), []).append(relation)
        worst = [(max(group, key=lambda each: each.distance).verdict, len(group)) for group in groups.values()]
        return sorted(worst, key=lambda one: -one[1])

    def as_text(self) -> str:
        """Return the table, the names, and the verdict."""
        ways = "; ".join(f"{n} by {way}" for way, n in self.matched.ways.items())
        lines = [*_table(self.compared), "", f"videos in both: {ways}"]
        keys_a = {(one.video, key) for one in self.compared for key in one.keys_only_a}
        keys_b = {(one.video, key) for one in self.compared for key in one.keys_only_b}
        for who, names, keys in (("A", self.matched.only_a, keys_a), ("B", self.matched.only_b, keys_b)):
            if names:
                lines.append(f"only in {who}: {len(names)} ({_some(names)})")
            of_videos = Counter(key for _, key in keys)
            lines += [f"only in {who}: {key} of {counted(n, 'video')}" for key, n in sorted(of_videos.items())]
        verdicts = self._verdicts()
        for verdict, n in verdicts[:VERDICTS]:
            lines.append(f"{f'{n} of {len(self.compared)}' if len(verdicts) > 1 else 'all'}: {verdict}")
        if len(verdicts) > VERDICTS:
            lines.append(f"and {len(verdicts) - VERDICTS} other verdicts: --json has them all")
        if self.pixels is None and any(one.relation.kind in DIFFERENT for one in self.compared):
            lines.append(HINT)
        return "\n".join([*lines, *(_lines_of(self.pixels) if self.pixels else ())])


def _lines_of(pixels: "Pixels") -> Iterator[str]:
    """Yield what was found by other pixels, the nearest first."""
    yield f"\nfirst rows of {pixels.video} recomputed from other pixels, and their relative error to B:"
    yield from (f"  {_number(one.left, '.1e'):<8} {one.name}" for one in pixels.tried[:HYPOTHESES])
    yield pixels.conclusion
    yield from filter(None, [pixels.note])


def _table(compared: Sequence[_Compared]) -> list[str]:
    """Return the lines of a table, the worst videos first where they do not all fit."""
    shown = sorted(compared, key=lambda one: -one.relation.distance)[:ROWS] if len(compared) > ROWS else compared
    head = ("video", "key", "A", "B", "cosine", "worst", "error", "left", "verdict")
    rows = [head, *(_row(one) for one in shown)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head) - 1)]
    lines = ["  ".join([*(text.ljust(n) for text, n in zip(row, widths, strict=False)), row[-1]]) for row in rows]
    if len(compared) > ROWS:
        lines.append(f"the worst {ROWS} of {len(compared)}; --json has them all")
    return lines


def _row(one: _Compared) -> tuple[str, ...]:
    found = one.relation
    shapes = ("x".join(map(str, shape)) or "-" for shape in (one.shape_a, one.shape_b))
    numbers = [_number(found.cosine_median, ".5f"), _number(found.cosine_worst, ".5f")]
    errors = [_number(found.error, ".1e"), _number(found.left, ".1e")]
    return (one.video, one.key, *shapes, *numbers, *errors, found.verdict)


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more
