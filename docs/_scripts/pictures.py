"""Draw the pictures of the documentation: `python docs/_scripts/pictures.py` overwrites docs/pictures/."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import av
import cv2
import numpy as np

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"
CLIP = ROOT / "sample" / "bouncing_shapes.mp4"
TEAL, AMBER, GREY, INK = "#00897b", "#ffb300", "#b0bec5", "#455a64"


def svg(width: int, height: int, shapes: Iterable[str]) -> str:
    """Return a picture with shapes on a white ground, readable on dark pages, too."""
    style = "font-family:sans-serif;font-size:13px"
    ground = rect(0, 0, width, height, "#ffffff")
    body = "\n".join([ground, *shapes])
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" style="{style}">\n{body}\n</svg>\n'


def rect(x: float, y: float, width: float, height: float, fill: str) -> str:
    """Return a filled rectangle."""
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="{fill}" rx="2"/>'


def text(x: float, y: float, words: str, anchor: str = "start") -> str:
    """Return a line of text."""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{INK}">{words}</text>'


def windows(n_frames: int = 22, size: int = 8, step: int = 4) -> str:
    """Return frames in a row, the windows over them, and the array that they become."""
    left, pitch = 20, 24
    shapes = [text(left, 24, "frames of a video, each with its time")]
    shapes += [rect(left + i * pitch, 34, 20, 28, TEAL if i % 2 else "#4db6ac") for i in range(n_frames)]
    starts = range(0, n_frames - size + 1, step)
    for row, start in enumerate(starts):
        x, y = left + start * pitch, 82 + row * 26
        shapes += [rect(x, y, size * pitch - 4, 16, AMBER), text(x + 6, y + 13, f"window {row}")]
        shapes += [f'<path d="M{x + size * pitch:g} {y + 8} H580" stroke="{GREY}" stroke-dasharray="3 3"/>']
        shapes += [rect(590 + i * 12, y + 1, 10, 14, GREY if (i * 7 + row * 5) % 3 else INK) for i in range(9)]
    y = 82 + len(starts) * 26 + 16
    shapes += [text(590, 62, "one row each:"), text(590, 76, "[windows, 1024]")]
    shapes += [
        text(left, y, f"--stack_size {size}, --step_size {step}: start_s and end_s say where each row lies in the file")
    ]
    return svg(720, y + 14, shapes)


def flow() -> np.ndarray:
    """Return a frame and its flow to the next one in colours, uint8 BGR: hue is the direction, colour the length."""
    with av.open(str(CLIP)) as container:
        frames = [
            frame.to_ndarray(format="bgr24") for _, frame in zip(range(42), container.decode(video=0), strict=False)
        ]
    first, second = (cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame in frames[-2:])
    method = cast(Any, cv2).DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    vectors = method.calc(first, second, np.zeros((*first.shape, 2), np.float32))
    length, angle = cv2.cartToPolar(vectors[..., 0], vectors[..., 1], angleInDegrees=True)
    strength = np.clip(length / 4, 0, 1) * 255
    hsv = np.stack([angle / 2, strength, np.full_like(angle, 255)], axis=-1).astype(np.uint8)
    return np.concatenate([frames[-2], cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)], axis=1)


def timing() -> str:
    """Return the seconds that each stage of a measured run took, as bars."""
    run = json.loads((ROOT / "benchmarks" / "results" / "pipeline-i3d-rgb-amd-epyc.json").read_text())
    seconds = run["seconds_by_stage"]
    stages = {"decode": "decode", "prepare": "resize", "cut": "make windows", "network": "network"}
    shapes = [
        text(20, 24, f"I3D rgb, {run['copies']} copies of an 18 s clip, {run['cores']} CPU cores: seconds by stage")
    ]
    for row, (stage, words) in enumerate(stages.items()):
        y, length = 40 + row * 28, 450 * seconds[stage] / max(seconds.values()) + 1
        shapes += [text(110, y + 14, words, "end"), rect(122, y, length, 18, TEAL if stage == "network" else AMBER)]
        shapes += [text(130 + length, y + 14, f"{seconds[stage]:.2f} s")]
    share = f"The stages overlap: the run reaches {run['median_ratio']:.2f} of the speed of the network alone."
    return svg(700, 184, [*shapes, text(20, 172, share)])


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / "window.svg").write_text(windows())
    (PICTURES / "timing.svg").write_text(timing())
    cv2.imwrite(str(PICTURES / "flow.png"), cv2.resize(flow(), None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA))
