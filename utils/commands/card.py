"""`main.py card OUT`: a data set card of saved features, README.md, and statistics.json beside it."""

import html
import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from utils.commands.parser import Parser
from utils.config.schema import build
from utils.config.words import counted
from utils.errors import PROGRAM, UserError, printable
from utils.explore.search.windows import SavedWindows
from utils.extractors.registry import Model
from utils.run.folder_status import FolderStatus
from utils.sinks.manifest_line import ManifestLine
from utils.state.feature_folders import feature_folders
from utils.state.manifest import Latest
from utils.state.run_file import record_of
from utils.storage.folder import Folder, folder_at

CARD, STATISTICS = "README.md", "statistics.json"
MARK = "<!-- written by featmill card -->"  # in a card that may be overwritten
NAMES = 50  # videos without features that are listed
MANY = (10**3, 10**4, 10**5, 10**6, 10**7, 10**8, 10**9)
SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B", "n>1B")


def show_card(arguments: Sequence[str], models: Mapping[str, Model]) -> int:
    """Write the card of an output folder.

    Raises:
        UserError: there are no features, or README.md was written by hand.
    """
    about = "Write a data set card, README.md, as the Hugging Face hub reads it."
    parser = Parser(prog=f"{PROGRAM} card", description=about)
    parser.add_argument("output", metavar="OUT", help="an --output_path, or the folder of one feature type in it")
    parser.add_argument("--title", metavar="TEXT", help="the first line (default: the name of the folder)")
    parser.add_argument(
        "--license", metavar="ID", help="of the features, as the hub abbreviates it, such as cc-by-nc-4.0"
    )
    options = parser.parse_args(list(arguments))
    write_card(options.output, models, options.title, options.license)
    print(printable(f"{options.output}/{CARD}, {STATISTICS}"))
    return 0


def write_card(output: str, models: Mapping[str, Model], title: str | None = None, licence: str | None = None) -> None:
    """Write README.md and statistics.json. Raises UserError: see `show_card`."""
    root = folder_at(output)
    folders = [found for found in feature_folders(output) if any(line.outputs for line in found[2])]
    if not folders:
        raise UserError(f"{output}: no video there has features")
    types = [FeatureType.of(*found, models, _place(found[0], root)) for found in folders]
    if root.size(CARD) is not None:
        with root.open(CARD) as file:
            if MARK.encode() not in file.read():
                raise UserError(f"{output}/{CARD}: was written by hand; move it away first")
    name = title or output.rstrip("/").rpartition("/")[2].strip(".") or "Features"
    text = "\n".join(_card(types, name, licence))
    statistics = {one.name: one.statistics for one in types}
    for file_name, content in ((CARD, text), (STATISTICS, json.dumps(statistics, indent=1))):
        with root.whole(file_name) as file:
            file.write(content.encode("utf-8", "backslashreplace"))
    root.tidy()


@dataclass(frozen=True)
class FeatureType:
    """What the card says of one feature type. place: of its folder, relative to the card's; "." for the same."""

    name: str
    place: str
    model: Model | None
    record: Mapping[str, Any]
    status: FolderStatus
    shapes: Mapping[str, str]
    format: str
    without: Sequence[tuple[str, str]]
    statistics: Mapping[str, Any]
    left_out: str

    @classmethod
    def of(
        cls, folder: Folder, above: Folder, latest: Latest, models: Mapping[str, Model], place: str
    ) -> "FeatureType":
        """Read the manifest, the newest run file with its settings, and every row."""
        (newest,) = deque((line for line in latest if line.outputs), maxlen=1)
        found = {key: _statistics(SavedWindows(folder, above, latest, key)) for key in newest.features}
        without = [(line.name, line.status) for line in latest if not line.outputs]
        name = newest.stamp.feature_type
        return cls(
            name,
            place,
            models.get(name),
            record_of(folder, newest.stamp.settings_hash),
            FolderStatus.of(folder, latest),
            {key: f"{info.dtype} {_shape(info.shape, newest)}" for key, info in newest.features.items()},
            newest.stamp.on_extraction,
            without,
            {key: values for key, (values, _) in found.items()},
            "; ".join(f"{key}: {left}" for key, (_, left) in found.items() if left),
        )


def _place(folder: Folder, root: Folder) -> str:
    return "." if str(folder) == str(root) else str(folder).rpartition("/")[2]


def _shape(shape: Sequence[int], line: ManifestLine) -> str:
    rows = "windows" if len(shape) > 1 and shape[0] == line.windows else str(shape[0])
    return f"[{', '.join([rows, *map(str, shape[1:])])}]"


def _statistics(collection: SavedWindows) -> tuple[dict[str, Any], str]:
    """Return mean, deviation, least and most of each dimension over all windows, and what was left out."""
    n, total, squares = 0, np.zeros(1), np.zeros(1)
    least, most = np.array([np.inf]), np.array([-np.inf])
    try:
        for block in collection.blocks():
            wide = block.rows.astype(np.float64)
            n += len(wide)
            total, squares = total + wide.sum(axis=0), squares + (wide**2).sum(axis=0)
            least, most = np.minimum(least, wide.min(axis=0)), np.maximum(most, wide.max(axis=0))
    except UserError as error:  # fields, or nothing but NaN
        return {}, str(error)
    mean = total / n
    deviation = np.sqrt(np.maximum(squares / n - mean**2, 0))
    values = {"mean": mean, "deviation": deviation, "min": least, "max": most}
    return {"windows": n, **{name: array.tolist() for name, array in values.items()}}, str(collection.left_out)


def _card(types: Sequence[FeatureType], title: str, licence: str | None) -> Iterator[str]:
    """Yield the lines of the card."""
    n_windows = sum(one.status.windows for one in types)
    about: dict[str, Any] = {
        **({"license": licence} if licence else {}),
        "pretty_name": printable(title),
        "tags": ["video", "features", "featmill", *(one.name for one in types)],
        "task_categories": ["feature-extraction"],
        "size_categories": [SIZES[sum(n_windows >= limit for limit in MANY)]],
    }
    tables = [one for one in types if one.format == "save_parquet"]
    if tables:
        about["configs"] = [{"config_name": one.name, "data_files": _files(one, "*.parquet")} for one in tables]
    yield f"---\n{yaml.safe_dump(about, sort_keys=False, allow_unicode=True)}---\n{MARK}\n"
    yield f"# {_safe(title)}\n"
    yield f"Features of videos, made with Featmill: {', '.join(one.name for one in types)}.\n"
    for one in types:
        yield from _type(one)
    yield from _loading(types)


def _type(one: FeatureType) -> Iterator[str]:
    counts = one.status.counts
    n_done = counts["done"] + counts["partial"]
    yield f"## {one.name}\n"
    row = one.model.facts.get("row") if one.model else None
    summary = one.model.summary if one.model else "A feature type of another version"
    yield f"{summary}. A row: {f'by default, {row}; see the settings' if row else 'see the settings'}.\n"
    yield f"{counted(n_done, 'video')}, {counted(one.status.windows, 'window')}; files of `{one.format}`.\n"
    yield from _table(("key", "array"), one.shapes.items())
    settings = {key: value for key, value in one.record.get("settings", {}).items() if key != "weights"}
    yield "Which frames, and what else decided the rows:\n"
    yield from _table(("setting", "value"), ((key, _value(settings[key])) for key in sorted(settings)))
    yield "### Weights\n"
    yield from _table(("network", "file", "SHA-256", "licence", "source"), _weights(one))
    yield "### Statistics\n"
    yield f"Over windows, of each dimension; here their range over dimensions, all of them in `{STATISTICS}`.\n"
    yield from _table(("key", "windows", "mean", "deviation", "min", "max", "constant"), _summaries(one))
    yield f"Left out: {_safe(one.left_out)}.\n" if one.left_out else ""
    yield "### Missing videos\n"
    missing = [f"{counts[status]} {status}" for status in ("partial", "skipped", "failed") if counts[status]]
    if one.status.left:
        missing.append(f"{one.status.left} of the list not tried")
    yield f"{', '.join(missing) or 'None'}.\n"
    causes = ((str(number), *cause) for (cause, number) in one.status.causes.most_common())
    yield from _table(
        ("videos", "status", "cause"), ((n, status, one.status.texts[status, kind]) for n, status, kind in causes)
    )
    yield from _table(("video", "status"), one.without[:NAMES])
    yield f"And {len(one.without) - NAMES} more in `manifest.jsonl`.\n" if len(one.without) > NAMES else ""


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _weights(one: FeatureType) -> Iterator[tuple[str, ...]]:
    """Yield name, file, hash, licence and source of each checkpoint."""
    settings = one.record.get("settings", {})
    needs: Mapping[str, Any] = {}
    if one.model:
        try:
            needs = one.model.needs(build(one.model.config_class(), [("record", one.model.flags_of(settings))]))
        except UserError:  # settings of another version
            needs = {}
    for name, digest in settings.get("weights", {}).items():
        need, file = needs.get(name), Path(one.record.get("checkpoints", {}).get(name, "")).name
        if digest == "random":
            yield name, "random numbers: THE FEATURES MEAN NOTHING", "-", "-", "-"
        elif need is None or (file and file != need.published.name):
            yield name, file or "-", digest, "of the file's author", "-"
        else:
            yield name, need.published.name, digest, need.published.licence, need.published.source


def _summaries(one: FeatureType) -> Iterator[tuple[str, ...]]:
    for key, found in one.statistics.items():
        if found:
            ranges = (
                f"{min(found[name]):.4g} to {max(found[name]):.4g}" for name in ("mean", "deviation", "min", "max")
            )
            n_constant = sum(low == high for low, high in zip(found["min"], found["max"], strict=True))
            yield key, str(found["windows"]), *ranges, f"{n_constant} of {len(found['min'])}"


def _loading(types: Sequence[FeatureType]) -> Iterator[str]:
    """Yield examples: Featmill reads all formats, other libraries their own."""
    first = types[0]
    key = next(iter(first.shapes), "features")
    yield "## Loading\n"
    yield f'    import featmill\n    outputs = featmill.load("FOLDER", "{first.name}")  # a copy of this folder\n'
    yield f'    for video in outputs:\n        print(video.name, video["{key}"].shape, video.start_s)\n'
    if any(one.format == "save_parquet" for one in types):
        yield "With the library `datasets`, a row per window:\n"
        yield f'    import datasets\n    rows = datasets.load_dataset("OWNER/NAME", "{first.name}")["train"]\n'
    if first.format == "save_numpy":
        yield "With NumPy:\n"
        yield f'    import numpy as np\n    rows = np.load("{_files(first, f"VIDEO_{key}.npy")}")\n'
    if first.format == "save_npz":
        yield "With NumPy:\n"
        yield f'    import numpy as np\n    rows = np.load("{_files(first, "VIDEO.npz")}")["{key}"]\n'


def _files(one: FeatureType, name: str) -> str:
    return name if one.place == "." else f"{one.place}/{name}"


def _table(head: Sequence[str], rows: Any) -> Iterator[str]:
    """Yield a table of Markdown; nothing without rows."""
    lines = [f"| {' | '.join(map(_safe, row))} |" for row in rows]
    if lines:
        yield "\n".join([f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}", *lines, ""])


def _safe(text: str) -> str:
    """Return text that Markdown and HTML show as it is, in one line: names of videos may hold anything."""
    text = html.escape(printable(text.replace("\n", " ").replace("\t", " ")))
    return "".join(f"&#{ord(letter)};" if letter in "\\`*_[]|" else letter for letter in text)
