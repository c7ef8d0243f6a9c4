"""Tables in Markdown of what benchmarks/gpu.py has measured: `python -m benchmarks.gpu_table GPU.JSONL...`.

Where files have the same figure, that of the last file counts.
"""

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]
PRECISIONS = ("float32", "tf32", "auto", "bf16", "fp16")
NETWORKS = {"network": "name", "precision": "precision", "batch": "batch", "per second": "per_s", "ms": "ms"}
NETWORKS |= {"ms as a graph": "graph_ms", "of the matrix rate": "share_of_matmul"}
PIPELINES = {"pipeline": "name", "precision": "precision", "workers": "workers", "clip": "clip"}
PIPELINES |= {"windows/s": "windows_per_s", "network alone": "bare_per_s", "decoding alone": "decode_per_s"}
PIPELINES |= {"of the slower": "share_of_smaller", "GPU busy, %": "gpu_busy_percent"}
AGAINST_CPU = " against the CPU"


def read(paths: Iterable[str]) -> list[Row]:
    """Return the rows of files without errors, the last ones of the same name."""
    rows = [json.loads(line) for path in paths for line in Path(path).read_text().splitlines()]
    key = ("part", "name", "precision", "batch", "clip", "workers")
    return list({tuple(row.get(name) for name in key): row for row in rows if "error" not in row}.values())


def markdown(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; its columns are aligned to the right, but for the first."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def accuracy(rows: Iterable[Row]) -> str:
    """Return the relative error and the cosine of each network in each number format, against float32 of a CPU."""
    found: dict[str, dict[str, Row]] = {}
    for row in rows:
        if row["part"] == "golden" and "cosine" in row:
            name = row["name"].removesuffix(AGAINST_CPU).partition(" case_")[0]
            found.setdefault(name, {})[row["precision"]] = row
    cells = [[name, *(_error(of.get(each)) for each in PRECISIONS)] for name, of in sorted(found.items())]
    return markdown(("network", *PRECISIONS), cells)


def _error(row: Row | None) -> str:
    return f"{row['relative_error']:.1e}, {row['cosine']:.6f}" if row else ""


def figures(rows: Iterable[Row], part: str, columns: dict[str, str]) -> str:
    """Return the rows of a part that have a speed. columns: heading -> figure."""
    measured = [row for row in rows if row["part"] == part and row.keys() & {"per_s", "windows_per_s"}]
    return markdown(list(columns), [[_cell(row, name) for name in columns.values()] for row in measured])


def _cell(row: Row, name: str) -> str:
    value = row.get(name, "")
    if isinstance(value, float):
        return f"{value:.0%}" if name.startswith("share") else f"{value:,.{0 if value >= 100 else 1}f}"
    return "" if name == "graph_ms" else str(value)  # why it cannot be one


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", metavar="GPU.JSONL", nargs="+")
    rows = read(parser.parse_args().files)
    tables = accuracy(rows), figures(rows, "networks", NETWORKS), figures(rows, "e2e", PIPELINES)
    print("\n\n".join(tables))
