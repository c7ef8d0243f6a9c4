"""`main.py models`: what is supported."""

import json
import re
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from utils.commands.parser import Parser
from utils.errors import PROGRAM, UserError
from utils.extractors.registry import Model
from utils.weights.store import is_downloaded

WIDTH = 80  # columns, where the output is no terminal
BY_NAME = "checkpoints by the model's name, each under the licence that its page on the Hugging Face hub states"
NO_WEIGHTS = "no weights: nothing to download, --weights has no effect"
UNSTATED = ("no licence stated", "none stated")


def show_models(arguments: Sequence[str], models: Mapping[str, Model]) -> int:
    """Print the feature types: what they save, and the sizes and licences of their checkpoints.

    With words, those that have one of them in their name, summary, media, networks or checkpoints, in full.

    Raises:
        UserError: no feature type has any of the words.
    """
    about = "List the feature types: what they save, and the sizes and licences of their checkpoints."
    parser = Parser(prog=f"{PROGRAM} models", description=about)
    parser.add_argument(
        "words",
        nargs="*",
        metavar="WORD",
        help="only feature types that mention it, in full, such as flow",
    )
    parser.add_argument("--weights_dir", metavar="DIR", help="also look for checkpoints in this folder")
    parser.add_argument("--json", action="store_true", help="everything as JSON, for programs")
    options = parser.parse_args(arguments)
    found = [describe(name, model, options.weights_dir) for name, model in models.items()]
    if options.words:
        found = [about for about in found if any(word.lower() in _searched(about) for word in options.words)]
    if not found:
        raise UserError(f"no feature type has {' or '.join(options.words)}: {PROGRAM} models lists all")
    if options.json:
        print(json.dumps(found, indent=1, ensure_ascii=False))
    elif options.words:
        print("\n\n".join("\n".join(_in_full(about)) for about in found))
    else:
        _show_table(found)
    return 0


def describe(name: str, model: Model, weights_dir: str | None) -> dict[str, Any]:
    """Return all that is known of a feature type, as JSON has it."""
    default = {need.published.name for need in model.needs(model.config_class()()).values()} if model.files() else ()
    return {
        "feature_type": name,
        "summary": model.summary,
        "media": model.media,
        "outputs": model.outputs,
        "text": bool(model.text),
        "row": model.facts.get("row"),
        "networks": [{"name": network, **facts} for network, facts in model.facts.get("networks", {}).items()],
        "golden_error": model.facts.get("golden_error"),
        "golden_reference": model.facts.get("golden_reference"),
        "tf32_error": model.tf32_error,
        "hub": model.facts.get("hub"),
        "checkpoints": [
            {
                "name": file.name,
                "default": file.name in default,
                "bytes": file.size,
                "megabytes": file.megabytes or round((file.size or 0) / 1e6, 1),
                "downloaded": is_downloaded(file, weights_dir),
                "licence": file.licence,
                "source": file.source,
            }
            for file in model.files()
        ],
    }


def _size(files: Sequence[Mapping[str, Any]]) -> str:
    """Return how large files are together: "~140 MB" where that is not known to the byte."""
    if all(file["bytes"] for file in files):
        return f"{sum(file['bytes'] for file in files) / 1e6:g} MB"
    return f"~{sum(file['megabytes'] for file in files):.0f} MB"


def has_no_weights(about: Mapping[str, Any]) -> bool:
    """Return whether a feature type, as `describe` returns it, has no network that was trained."""
    return any(network.get("parameters") == 0 for network in about["networks"])


def _searched(about: Mapping[str, Any]) -> str:
    files = [f"{file['name']} {file['source']}" for file in about["checkpoints"]]
    networks = [network["name"] for network in about["networks"]]
    media = "sound" if about["media"] == "audio" else about["media"]
    return " ".join([about["feature_type"], about["summary"], media, *networks, *files]).lower()


def _show_table(found: Sequence[Mapping[str, Any]]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("type", "saves", "params", "GFLOP", "MB", "here", "weights' licence"):
        justify = "right" if column in ("params", "GFLOP", "MB") else "left"
        table.add_column(column, overflow="fold", no_wrap=column == "saves", justify=justify)
    for about in found:
        network = next(iter(about["networks"]), {}) if about["checkpoints"] else {}  # else none is the default
        files = [file for file in about["checkpoints"] if file["default"]]
        size = _size(files).removesuffix(" MB") if files else ""
        here = ("yes" if all(file["downloaded"] for file in files) else "no") if files else ""
        licences = dict.fromkeys(_short(file["licence"]) for file in files) or [
            "no weights" if has_no_weights(about) else "each model's own"
        ]
        figures = _millions(network.get("parameters")), _rounded(network.get("gflop")), size
        table.add_row(about["feature_type"], _shapes(about["outputs"]), *figures, here, "; ".join(licences))
    Console(width=None if sys.stdout.isatty() else WIDTH, markup=False).print(table)
    print("Parameters and GFLOP per row are of the default network, MB of its checkpoint.")
    print(f"{PROGRAM} models WORD shows all of the types that have WORD.")


def _shapes(outputs: Mapping[str, str]) -> str:
    """Return the shapes that a type saves by default: "[windows, 1024]", with how many where there are several."""
    shapes = Counter(
        shape.group() for key, text in outputs.items() if " … " not in key and (shape := re.match(r"\[[^\]]*\]", text))
    )
    return "; ".join(f"{n} x {shape}" if n > 1 else shape for shape, n in shapes.items())


def _millions(parameters: int | None) -> str:
    return f"{parameters / 1e6:.1f}M" if parameters else ""


def _rounded(gflop: float | None) -> str:
    if not gflop:
        return ""
    return f"{gflop:,.0f}" if gflop >= 1000 else f"{gflop:.3g}"


def _short(licence: str) -> str:
    """Return a licence in a few words."""
    if licence.lower().startswith(UNSTATED):
        return "none stated"
    return re.split(r"[;:(]| as others | on the hub", licence)[0].strip().removeprefix("tagged ")


def _in_full(about: Mapping[str, Any]) -> Iterator[str]:
    """Yield lines about a feature type and each of its checkpoints, none wider than WIDTH."""
    yield from _wrapped(f"{about['feature_type']}: {about['summary']}", "")
    for key, shape in about["outputs"].items():
        yield from _wrapped(f"saves {key} {shape}", "  ")
    if about["text"]:
        yield from _wrapped(
            f"text in the same space: {PROGRAM} text SENTENCE ... --feature_type {about['feature_type']}", "  "
        )
    for network in about["networks"]:
        yield from _wrapped(f"network {network['name']}: {_figures(network)}", "  ")
    if about["networks"]:
        yield from _wrapped(f"a row: {about['row']}", "  ")
    if not about["checkpoints"]:
        yield from _wrapped(NO_WEIGHTS if has_no_weights(about) else BY_NAME, "  ")
    for file in about["checkpoints"]:
        marks = ["default"] * file["default"] + ["downloaded" if file["downloaded"] else "not downloaded"]
        yield from _wrapped(f"{file['name']} ({_size([file])}, {', '.join(marks)})", "  ")
        yield from _wrapped(f"licence: {file['licence']}", "    ")
        yield from _wrapped(f"from: {file['source']}", "    ")


def _figures(network: Mapping[str, Any]) -> str:
    texts = [f"{network['dimension']} numbers a row"] if network["dimension"] else []
    texts += [f"{_millions(network['parameters'])} parameters"] if network.get("parameters") else []
    texts += [f"{_rounded(network['gflop'])} GFLOP a row"] if network.get("gflop") else []
    texts += [f"{network['memory_mib']} MiB"] if "memory_mib" in network else []
    return ", ".join([*texts, *([f"licence: {network['licence']}"] if "licence" in network else [])])


def _wrapped(text: str, indent: str) -> list[str]:
    """Return text in lines of at most WIDTH; only names that are longer are broken."""
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=f"{indent}    ", break_on_hyphens=False)
