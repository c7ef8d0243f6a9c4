"""What the site has beyond its pages: models, notebooks, models.json, llms.txt, the search's index as a script."""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from featmill.catalogue import models  # noqa: E402 - after sys.path is set
from utils.commands.models import has_no_weights  # noqa: E402 - after sys.path is set
from utils.config.recipe import recipe_names  # noqa: E402 - after sys.path is set

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
UNKNOWN = "–"
PAGES = {  # links to files, as they work in the source → links to the pages that are made of these
    r"\]\(\.\./((?:\.\./)*)models/(\w+)/README\.md\)": r"](\1models/\2.md)",
    r"\]\(\.\./((?:\.\./)*)README\.md#feature-types\)": r"](\1models/index.md)",
    r"(\]\((?:\.\./)*notebooks/\w+)\.ipynb\)": r"\1.md)",
}
opening: dict[str, str] = {}  # address of each page → its first paragraph


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the generated pages to the navigation."""
    opening.clear()
    for section in config.nav or []:
        if "Models" in section:
            section["Models"] += [f"models/{about['feature_type']}.md" for about in models()]
        if "Recipes" in section:
            section["Recipes"] += [f"recipes/{name}.md" for name in recipe_names()]
        if "Notebooks" in section:
            section["Notebooks"] += [f"notebooks/{path.stem}.md" for path in NOTEBOOKS]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated files."""
    rows = models()
    for about in rows:
        files.append(File.generated(config, f"models/{about['feature_type']}.md", content=card(about)))
    files.append(File.generated(config, "models/index.md", content=table(rows)))
    known = [{**about, "checkpoints": list(map(_published, about["checkpoints"]))} for about in rows]
    files.append(File.generated(config, "models.json", content=json.dumps(known, indent=1, ensure_ascii=False)))
    for path in NOTEBOOKS:
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=notebook(path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Remember how each page begins, for llms.txt, and lead links to files of the source to the pages made of them."""
    texts = [text for text in re.split(r"\n{2,}", markdown) if text[:1].isalnum()]
    opening[page.url] = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", " ".join(texts[0].split())) if texts else ""
    for file, made in PAGES.items():
        markdown = re.sub(file, made, markdown)
    return markdown


def on_page_content(html: str, **_: Any) -> str:
    """Keep flags in running text and tables in one piece: browsers break lines after hyphens."""

    def whole(code: re.Match[str]) -> str:
        return re.sub(r"(?<![^ >])--?\w[\w-]*", r'<span class="flag">\g<0></span>', code[0])

    return re.sub(r"<code>[^<]*</code>", whole, html)


def on_env(_env: Any, config: MkDocsConfig, files: Files) -> None:
    """Write llms.txt: the pages with a line about each, for programs that read documentation."""
    lines = [f"# {config.site_name}", "", f"> {config.site_description}", "", "## Pages", ""]
    for page in (file.page for path in _paths(config.nav) if (file := files.get_file_from_path(path))):
        if page is not None:
            lines.append(f"- [{page.title}]({page.url or 'index.html'}): {opening[page.url][:300]}".rstrip(": "))
    lines += ["", "## Data", "", "- [Every feature type, with its figures and checkpoints](models.json)", ""]
    Path(config.site_dir).mkdir(parents=True, exist_ok=True)
    (Path(config.site_dir) / "llms.txt").write_text("\n".join(lines), encoding="utf-8")


@event_priority(-100)  # after the search plugin
def on_post_build(config: MkDocsConfig) -> None:
    """Write the search's index as a script, too: pages opened from disk may load scripts, but no JSON."""
    folder = Path(config.site_dir) / "search"
    index = (folder / "search_index.json").read_text(encoding="utf-8")
    (folder / "search_index.js").write_text(f"var __index = {index}", encoding="utf-8")


def _paths(nav: Any) -> Iterator[str]:
    """Yield the files of the navigation, in order."""
    for entry in nav if isinstance(nav, list) else nav.values():
        yield from [entry] if isinstance(entry, str) else _paths(entry)


def card(about: Mapping[str, Any]) -> str:
    """Return the page of a feature type: its figures, then its README."""
    name = about["feature_type"]
    readme = (ROOT / "models" / name / "README.md").read_text(encoding="utf-8")
    title, _, rest = readme.partition("\n")
    rest = re.sub(r"\]\(\.\./(\w+)/README\.md\)", r"](\1.md)", rest.replace("](../../docs/", "](../"))
    summary, _, details = rest.strip().partition("\n\n")
    return "\n".join([title, "", summary, "", *_figures(about), "", details])


def _figures(about: Mapping[str, Any]) -> Iterator[str]:
    yield "| `--feature_type` | saves | a row | golden error | error of TF32, emulated | weights on the hub |"
    yield "| --- | --- | --- | --- | --- | --- |"
    saves = _saves(about["outputs"])
    error = f"{about['golden_error']:.1e}, {about['golden_reference']}" if about["golden_error"] else (
        f"compared with {about['golden_reference']} itself"
    )  # fmt: skip
    tf32 = f"{about['tf32_error']:.1e}" if about["tf32_error"] else UNKNOWN
    yield f"| `{about['feature_type']}` | {saves} | {about['row']} | {error} | {tf32} | {about['hub'] or UNKNOWN} |"
    if about["networks"]:
        licensed = any("licence" in network for network in about["networks"])
        columns = ["network", "numbers per row", "parameters", "GFLOP per row", "licence" if licensed else "memory"]
        yield from ("", f"| {' | '.join(columns)} |", "| --- " * len(columns) + "|")
    for network in about["networks"]:
        yield "| " + " | ".join(
            [
                f"`{network['name']}`",
                str(network["dimension"] or UNKNOWN),
                f"{network['parameters'] / 1e6:,.1f} M" if network.get("parameters") else UNKNOWN,
                f"{network['gflop']:,.4g}" if network.get("gflop") else UNKNOWN,
                network.get("licence") or (f"{network['memory_mib']:,} MiB" if "memory_mib" in network else UNKNOWN),
            ]
        ) + " |"  # fmt: skip
    if has_no_weights(about):
        yield from ("", "It has no weights: nothing is downloaded, and `--weights` has no effect.")
    if about["checkpoints"]:
        yield from ("", "| checkpoint | size | licence |", "| --- | --- | --- |")
    for file in about["checkpoints"]:
        default = " (default)" if file["default"] else ""
        yield f"| [`{file['name']}`]({file['source']}){default} | {file['megabytes']:g} MB | {file['licence']} |"


def table(rows: list[dict[str, Any]]) -> str:
    """Return the page with a line per feature type."""
    lines = [
        "---",
        "hide: [toc]",
        "---",
        "# Models",
        "",
        "A line per feature type, with the figures of its default network. A click on a name shows all of them, with",
        "sources, flags and differences. [How they are measured](../performance.md#figures-of-the-models).",
        "",
        "| type | | saves | parameters | GFLOP per row | golden error | checkpoint | licence of the weights |",
        "| " + "--- | " * 8,
    ]
    for about in rows:
        network = about["networks"][0] if about["checkpoints"] else {}
        files = [file for file in about["checkpoints"] if file["default"]]
        cells = [
            f"[{about['feature_type']}]({about['feature_type']}.md)",
            about["summary"],
            _saves({key: shape for key, shape in about["outputs"].items() if "…" not in key}),
            *((UNKNOWN, UNKNOWN) if has_no_weights(about) else _parameters_and_work(network)),
            f"{about['golden_error']:.1e}" if about["golden_error"] else UNKNOWN,
            "<br>".join(f"{file['megabytes']:g} MB" for file in files)
            or (UNKNOWN if has_no_weights(about) else "by model"),
            "<br>".join(dict.fromkeys(file["licence"] for file in files))
            or ("no weights" if has_no_weights(about) else "each model's own"),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", "All of it as [JSON](../models.json).", ""])


def _saves(outputs: Mapping[str, str]) -> str:
    """Return the arrays with their shapes, flags in type of code."""
    return "; ".join(f"`{key}` " + re.sub(r"--\w+", r"`\g<0>`", shape) for key, shape in outputs.items())


def _parameters_and_work(network: Mapping[str, Any]) -> tuple[str, str]:
    if not network:
        return "by model", "by model"
    return f"{network['parameters'] / 1e6:,.1f} M", f"{network['gflop']:,.4g}"


def _published(file: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known of a checkpoint, on whichever machine."""
    return {key: value for key, value in file.items() if key != "downloaded"}


def notebook(path: Path) -> str:
    """Return a notebook as a page."""
    parts = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        parts += map(_output, cell.get("outputs", ()))
    parts.insert(1, f"[Download this notebook]({path.name})")
    return "\n\n".join(parts) + "\n"


def _output(output: Mapping[str, Any]) -> str:
    """Return what a cell of a notebook gave: a picture, or text."""
    data = output.get("data", {})
    if "image/png" in data:
        return f"![What the lines above draw](data:image/png;base64,{''.join(data['image/png'].split())})"
    text = "".join(output.get("text") or data["text/plain"])
    return f"```text\n{text.rstrip()}\n```"
