"""The documentation builds without a warning, works from disk, loads nothing from elsewhere; its examples are read."""

import ast
import json
import os
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from support.program import ROOT

from featmill import settings
from models import MODELS
from utils.commands import cli

DOCS = ROOT / "docs"
PAGES = [*sorted((DOCS / "tasks").glob("*.md")), *(DOCS / f"{name}.md" for name in ("index", "start", "python", "faq"))]
WRITTEN = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md"), *ROOT.glob("models/*/README.md")]
OWN = ("extract", "Extractor", "MapBatches")  # calls that name a feature type
NOT_FLAGS = {"device", "fps", "rate_hz", "start_s", "end_s", "column", "key", "errors"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_site_has_a_card_per_model_and_is_complete(site: Path) -> None:
    for name in MODELS:
        assert MODELS[name].facts.get("row", "").partition(";")[0] in (site / "models" / f"{name}.html").read_text()
    reference = re.sub(r"<[^>]+>", "", (site / "api.html").read_text())
    assert re.search(r"Extractor\(\s+feature_type: str", reference)  # how to make one
    assert {row["feature_type"] for row in json.loads((site / "models.json").read_text())} == MODELS.keys()
    pages = re.findall(r"^- \[.*?\]\((.*?)\)", (site / "llms.txt").read_text(), re.MULTILINE)
    assert len(pages) > 40 and all((site / page).exists() for page in pages)
    assert "data:image/png;base64," in (site / "notebooks" / "similarity_and_segments.html").read_text()


def test_the_site_and_its_search_work_from_disk(site: Path) -> None:
    script = (site / "search" / "search_index.js").read_text()
    index = json.loads(script.removeprefix("var __index = "))
    assert index == json.loads((site / "search" / "search_index.json").read_text())
    (text,) = (page["text"] for page in index["docs"] if page["location"] == "tasks/into_pipelines.html")
    assert {"mapInPandas", "MapBatches"} <= set(re.split(index["config"]["separator"], text))
    assert all((site / page["location"].partition("#")[0]).is_file() for page in index["docs"])
    (bundle,) = (site / "assets" / "javascripts").glob("bundle.*.js")
    assert {"search/search_index.js", "__index"} <= set(re.findall(r"search/[\w.]+|__index", bundle.read_text()))
    for page in site.rglob("*.html"):
        if page.name != "404.html":  # shown by servers only
            links = re.findall(r"<(?:a|link|script|img) [^>]*?(?:href|src)=\"?([^\s\">#?]+)", page.read_text())
            files = [page.parent / unquote(link) for link in links if not re.match(r"\w+:", link)]
            assert len(files) > 40 and all(file.is_file() for file in files), page
            scripts = [file.name for file in files if file.suffix == ".js"]
            assert scripts == ["offline_search.js", bundle.name]  # in this order


def test_one_time_axis_shows_every_type() -> None:
    shown = re.findall(r"^\| (\w+)", (DOCS / "time_axis.md").read_text(), re.MULTILINE)
    assert shown == ["type", *MODELS]
    picture = (DOCS / "pictures" / "time_axis.svg").read_text()
    assert len(picture) < 200_000 and all(f">{name}" in picture for name in MODELS)


def test_links_work_in_the_source_too() -> None:
    links = [
        (page, link)
        for page in WRITTEN
        for link in re.findall(r"\]\(([^)#\s]+)", page.read_text())
        if not re.match(r"\w+:", link)
    ]
    assert len(links) > 100 and not [(page, link) for page, link in links if not (page.parent / link).exists()]


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        loaded = re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=\"?(https?:)?//", page.read_text())
        assert not loaded, page


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Yield each call that makes an extractor in the pages' Python, with where it is."""
    for page in PAGES:
        for block in re.findall(r"(?:^ {4}.*\n|^\n(?= {4}))+", page.read_text(), re.MULTILINE):
            try:
                tree = ast.parse(textwrap.dedent(block))
            except SyntaxError:
                continue  # commands
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and ast.unparse(node.func).removeprefix("featmill.") in OWN:
                    yield f"{page.name}: {ast.unparse(node)}", node


def test_arguments_in_the_pages_exist() -> None:
    found = list(calls())
    assert len(found) >= 12
    for where, call in found:
        words = [word.value for word in call.args if isinstance(word, ast.Constant) and word.value in MODELS]
        assert len(words) == 1, where
        for keyword in call.keywords:
            if keyword.arg not in NOT_FLAGS:
                settings._check_known(str(keyword.arg), words[0], MODELS[words[0]].config_class())


def test_commands_in_the_pages_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("labels.txt").write_text("a dog\n")
    Path("run.yml").write_text("stack_size: 24\n")
    texts = [page.read_text().replace("\\\n", "") for page in WRITTEN]
    start = r"(?:featmill|python main\.py) (--(?:feature_type|recipe) (?!TYPE|NAME)[^`\n…]*)(?:`|\n)"
    commands = [command for text in texts for command in re.findall(start, text)]
    assert len(commands) > 80
    for command in commands:
        arguments = shlex.split(command, comments=True)
        if "--help" not in arguments:
            cli.parse(arguments, MODELS)
