"""A clip re-encoded in other sizes and lengths, with its audio: videos to measure the speed of a run on.

    python -m benchmarks.variants CLIP.mp4 mixed FOLDER

1080p and 4k: the clip in that size. mixed: the clip in three sizes. short: twelve pieces of 2.5 s, evenly spread over
the clip, at 30 frames per second. long: the clip repeated for three minutes. Enlarged frames hold less detail than
those of a camera, so they decode somewhat faster.
"""

import argparse
import heapq
import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av

from utils.errors import UserError
from utils.media.audio import AudioStream
from utils.media.input import MediaSource
from utils.media.probe import probe
from utils.media.segment import Segment
from utils.media.video import VideoStream

SIZES = {  # (width, height) in pixels
    "1080p": ((1920, 1080),),
    "4k": ((3840, 2160),),
    "mixed": ((320, 240), (640, 360), (1280, 720)),
}
KINDS = (*SIZES, "short", "long")
N_SHORT, SHORT_S, SHORT_FPS = 12, 2.5, 30  # 75 frames: a window of i3d has 65
LONG_S = 180.0
RATE_HZ = 44100  # of the audio
# The fastest preset that still has what makes decoding expensive: CABAC, B-frames, deblocking.
ENCODERS = {"libx264": {"preset": "superfast"}, "mpeg4": {"qmax": "5"}}


@dataclass(frozen=True)
class Variant:
    """What to write: `seconds` of a clip from `start_s` on, repeated from its start where it is shorter.

    size: (width, height) in pixels, None for the clip's own. fps: frames per second, None for the clip's own.
    """

    name: str
    seconds: float
    size: tuple[int, int] | None = None
    fps: int | None = None
    start_s: float = 0.0


def length_s(source: MediaSource) -> float:
    """Return the seconds that a file lasts by its header.

    Raises:
        UserError: the header does not say. VideoError: it is not media.
    """
    seconds = probe(source).duration_s
    if seconds is None:
        raise UserError(
            f"{source}: its header does not say how long it is; use a clip in another container, such as MP4"
        )
    return seconds


def variants(kind: str, clip_s: float) -> list[Variant]:
    """Return what to write for one of KINDS of a clip that lasts `clip_s` seconds."""
    if kind == "long":
        return [Variant("long", LONG_S)]
    if kind == "short":
        step_s = max(0.0, clip_s - SHORT_S) / (N_SHORT - 1)
        return [Variant(f"short-{i:02d}", SHORT_S, fps=SHORT_FPS, start_s=i * step_s) for i in range(N_SHORT)]
    return [Variant(f"{kind}-{width}x{height}", clip_s, (width, height)) for width, height in SIZES[kind]]


def write(clip: str, kind: str, folder: Path) -> list[Path]:
    """Write the variants of a clip as MP4 files into a folder; return their paths, in the order of `variants`.

    Raises:
        UserError: the clip's header does not say how long it is. VideoError: it cannot be read, or has no video stream.
    """
    folder.mkdir(parents=True, exist_ok=True)
    encoder = next(name for name in ENCODERS if name in av.codecs_available)
    return [_write(clip, variant, encoder, folder) for variant in variants(kind, length_s(clip))]


def _write(clip: str, variant: Variant, encoder: str, folder: Path) -> Path:
    path = folder / f"{variant.name}.mp4"
    with VideoStream(clip, variant.fps) as stream:
        info = stream.info
    rate = info.fps.limit_denominator(1001)  # MPEG-4 has 16 bits for each
    size = variant.size or (info.width // 2 * 2, info.height // 2 * 2)  # 4:2:0 needs even sizes
    with av.open(str(path), "w") as container:
        video = cast(av.VideoStream, container.add_stream(encoder, rate=rate, options=ENCODERS[encoder]))
        (video.width, video.height), video.pix_fmt = size, "yuv420p"
        video.codec_context.time_base = 1 / rate
        video.codec_context.thread_type = "FRAME"  # slice threads would make the file depend on the number of cores
        streams: dict[type, Any] = {av.VideoFrame: video}
        sources: list[Iterator[av.VideoFrame | av.AudioFrame]] = [_frames(clip, variant, rate, size)]
        if probe(clip).has_audio:
            streams[av.AudioFrame] = container.add_stream("aac", rate=RATE_HZ, layout="mono")
            sources.append(_audio(clip, variant))
        for frame in heapq.merge(*sources, key=lambda frame: cast(float, frame.time)):
            container.mux(streams[type(frame)].encode(frame))
        for stream in streams.values():
            container.mux(stream.encode())
    return path


def _segments(start_s: float) -> Iterator[Segment]:
    """Yield what to read in turn: the clip from `start_s` on, then all of it, without end."""
    return itertools.chain([Segment(start_s)] if start_s else [], itertools.repeat(Segment()))


def _frames(clip: str, variant: Variant, rate: Fraction, size: tuple[int, int]) -> Iterator[av.VideoFrame]:
    """Yield the frames of a variant: YUV, of this (width, height), at this rate."""

    def pixels() -> Iterator:
        for segment in _segments(variant.start_s):
            with VideoStream(clip, variant.fps, segment=segment) as stream:
                for chunk in stream:
                    yield from chunk.pixels

    for number, picture in enumerate(itertools.islice(pixels(), round(variant.seconds * rate))):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(*size, format="yuv420p")
        frame.pts, frame.time_base = number, 1 / rate
        yield frame


def _audio(clip: str, variant: Variant) -> Iterator[av.AudioFrame]:
    """Yield the audio of a variant in blocks of about a second."""
    start, end = 0, round(variant.seconds * RATE_HZ)
    for segment in _segments(variant.start_s):
        with AudioStream(clip, RATE_HZ, block_s=1.0, segment=segment) as stream:
            for block in stream:
                samples = block[: end - start]
                frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, start, Fraction(1, RATE_HZ)
                yield frame
                start += len(samples)
                if start == end:
                    return


def main(arguments: list[str]) -> None:
    """Write the files and print their paths."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("clip")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    print(*write(options.clip, options.kind, options.folder), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
