"""Rows and times of all feature types for one clip: writes docs/time_axis.md, with its picture and figures.

    python -m benchmarks.time_axis [TYPE ...] [--without_networks]

Runs each type (default: all) with its default flags and random weights, on the CPU. Results of earlier runs for other
types are kept. --without_networks: measure rows and their times only, in a minute instead of ten; processor times keep
their earlier values.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import torch

import featmill
from benchmarks.record import cpu_name
from models import MODELS
from models.transformers.weights import import_transformers
from utils.extractors.base import AnyExtractor, Batch

ROOT = Path(__file__).parent.parent
CLIP = ROOT / "sample" / "camera_pan.mp4"
FIGURES, PICTURE, PAGE = (ROOT / path for path in (
    "benchmarks/results/time_axis.json", "docs/pictures/time_axis.svg", "docs/time_axis.md"
))  # fmt: skip
DIMENSIONS = {"timm": 384, "transformers": 768, "pwc": None, "raft": None, "tvl1": None}
FLAGS: dict[str, dict[str, Any]] = {"timm": {"model_name": "vit_small_patch14_dinov2.lvd142m"}}
SHOWN = {"timm": "timm: DINOv2 ViT-S", "transformers": "transformers: VideoMAE-B"}
LEFT, WIDTH, PITCH, COLOURS = 190, 700, 22, ("#00897b", "#ffb300")
TEXT = """# Rows on one time axis

What a row is, and how many there are, differs from type to type. These are the rows of one clip, `sample/{clip}`
({seconds:.1f} s, {fps} frames per second, with sound), by each type's default flags. `<name>_start_s.npy` and
`<name>_end_s.npy` hold these times, so rows of different types can be joined by time; `--align` does it
([formats](formats.md)).

![Each row of each type as a bar from its start to its end](pictures/time_axis.svg)

| type | rows | window, s | hop, s | numbers per row | processor time, s |
| --- | --- | --- | --- | --- | --- |
{table}

- Window: `end_s` minus `start_s` of the first row; frames end when the last one is shown, so a single frame takes 0.
  Hop: from the start of the first row to that of the second. Crops have the times of their clip, and types that
  average over the whole video have one row without times.
- A type may sample frames at its own rate, and drop what does not fill a window at the end: `--extraction_fps`,
  `--stack_size`, `--step_size`, `--window_s`, `--hop_s` and `--tail` change that.
- Processor time: decoding and network, summed over cores and without start-up, on {cpu} in float32;
  – where it was not measured. Two cores take about half of it.

`python -m benchmarks.time_axis` makes this page.
"""


def measure(feature_type: str, without_networks: bool) -> dict[str, Any]:
    """Return the rows of a type: how many, their times in seconds (None of a whole video), and the processor's."""
    with tempfile.TemporaryDirectory() as folder:
        flags = FLAGS.get(feature_type, {}) if feature_type != "transformers" else {"model_name": _videomae(folder)}
        with featmill.Extractor(feature_type, device="cpu", weights="random", **flags) as extractor:
            if without_networks:
                _leave_out_networks(cast(Any, extractor)._session._extractor)
            begin = time.process_time()
            video = extractor(CLIP)
            seconds = time.process_time() - begin
    array = next(iter(video.values()))
    times = {"start_s": None, "end_s": None}
    if video.start_s is not None and video.end_s is not None and len(video.start_s) == len(array):
        times = {"start_s": np.round(video.start_s, 3).tolist(), "end_s": np.round(video.end_s, 3).tolist()}
    rows = len(array) if times["start_s"] is not None or array.ndim > 1 else 1
    return {"rows": rows, **times} | ({} if without_networks else {"seconds": round(seconds, 1)})


def _videomae(folder: str) -> str:
    """Write the configuration of VideoMAE's base model to a folder; return the folder."""
    library = import_transformers()
    library.VideoMAEConfig().save_pretrained(folder)
    library.VideoMAEVideoProcessor().save_pretrained(folder)
    return folder


def _leave_out_networks(extractor: AnyExtractor) -> None:
    """Make all features of an extractor zeros."""

    def outputs(batch: Batch) -> dict[str, torch.Tensor]:
        return {key: torch.zeros(len(next(iter(batch.values()))), 1) for key in extractor.keys}

    pairs = cast(Any, extractor.pairs)
    cast(Any, extractor).outputs = outputs
    if pairs is not None:
        pairs.encode = lambda frames: (frames.flatten(1)[:, :1],)
        pairs.between = lambda first, second, size: torch.zeros(len(first[0]), 2, *size)


def picture(figures: Mapping[str, Mapping[str, Any]], seconds: float) -> str:
    """Return the rows as an SVG of rectangles."""
    height = 30 + PITCH * len(figures) + 10
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 20} {height}" '
        'style="font-family:sans-serif;font-size:13px">',
        f'<rect width="{LEFT + WIDTH + 20}" height="{height}" fill="#fff"/>',
    ]
    scale = WIDTH / seconds
    for second in range(int(seconds) + 1):
        x = LEFT + second * scale
        lines.append(f'<text x="{x:.1f}" y="18" text-anchor="middle" fill="#455a64">{second} s</text>')
        lines.append(f'<rect x="{x:.1f}" y="24" width="1" height="{height - 30}" fill="#cfd8dc"/>')
    for line, (name, found) in enumerate(figures.items()):
        y = 30 + PITCH * line
        lines.append(f'<text x="{LEFT - 10}" y="{y + 14}" text-anchor="end" fill="#455a64">{_shown(name)}</text>')
        lines += _bars(found, y, scale, seconds)
    return "\n".join([*lines, "</svg>", ""])


def _bars(found: Mapping[str, Any], y: int, scale: float, seconds: float) -> Iterator[str]:
    """Yield a bar per row; neighbours in two colours, at several heights where they overlap."""
    spans = list(zip(found["start_s"], found["end_s"], strict=True)) if found["start_s"] else [(0.0, seconds)]
    n_heights = max(sum(start < spans[0][1] for start, _ in spans), 1)
    for row, (start, end) in enumerate(spans):
        top, high = y + 18 / n_heights * (row % n_heights), 18 / n_heights - 1
        width = max((end - start) * scale, 1.5)
        yield (
            f'<rect x="{LEFT + start * scale:.1f}" y="{top:g}" width="{width:.1f}" height="{high:g}" '
            f'fill="{COLOURS[row // n_heights % 2]}"/>'
        )


def table(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a line of the page's table per type."""
    lines = []
    for name, found in figures.items():
        start, end = found["start_s"], found["end_s"]
        window = f"{end[0] - start[0]:.2f}" if start else "the video"
        hop = f"{start[1] - start[0]:.2f}" if start and len(start) > 1 else "–"
        facts = next(iter(MODELS[name].facts.get("networks", {}).values()), {})
        dimension = DIMENSIONS[name] if name in DIMENSIONS else facts.get("dimension")
        cells = (_shown(name), found["rows"], window, hop, dimension or "a field", found.get("seconds", "–"))
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _shown(name: str) -> str:
    return SHOWN.get(name, name)


def main(arguments: list[str] | None = None) -> None:
    """Measure, and write figures, picture and page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("types", nargs="*", help="default: all")
    parser.add_argument("--without_networks", action="store_true", help="rows only; see above")
    options = parser.parse_args(arguments)
    figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    for name in options.types or MODELS:
        figures[name] = figures.get(name, {}) | measure(name, options.without_networks)
        print(name, figures[name]["rows"], figures[name].get("seconds", "–"), flush=True)
        figures = {each: figures[each] for each in MODELS if each in figures}
        FIGURES.write_text(json.dumps(figures) + "\n")
    with av.open(str(CLIP)) as container:
        seconds, fps = (container.duration or 0) / 1e6, container.streams.video[0].average_rate
    PICTURE.write_text(picture(figures, seconds))
    PAGE.write_text(TEXT.format(clip=CLIP.name, seconds=seconds, fps=fps, table=table(figures), cpu=cpu_name()))


if __name__ == "__main__":
    main()
