"""Make the two sample clips by arithmetic alone: `python sample/make_clips.py` overwrites them.

Both are original work under this project's licence. The same versions of NumPy, OpenCV and FFmpeg give the same files.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Clip:
    """Settings of a clip: sizes in pixels; crf is the quality of H.264 (lower is better)."""

    name: str
    fps: int
    n_frames: int
    width: int
    height: int
    rate_hz: int
    crf: int = 20

    @property
    def duration_s(self) -> float:
        """Length of video and audio in seconds."""
        return self.n_frames / self.fps


# Widths are multiples of 64: with others libx264 reads beyond the rows, and the file differs from run to run.
SHAPES = Clip("bouncing_shapes.mp4", fps=25, n_frames=164, width=320, height=240, rate_hz=22050)
PAN = Clip("camera_pan.mp4", fps=30, n_frames=156, width=384, height=240, rate_hz=44100)


def noise(height: int, width: int, cell: float, seed: int) -> np.ndarray:
    """Smooth noise in [0, 1], float32 [height, width]: hills `cell` pixels apart, and three finer octaves."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width), np.float32)
    for octave in range(4):
        step = cell / 2**octave
        grid = rng.random((int(height / step) + 3, int(width / step) + 3), dtype=np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) / 2**octave
    return (total - total.min()) / (total.max() - total.min())


def tinted(pattern: np.ndarray, dark: tuple[int, int, int], light: tuple[int, int, int]) -> np.ndarray:
    """Colour between two RGB colours for a pattern in [0, 1]: float32 [H, W, 3] in 0..255."""
    return np.asarray(dark, np.float32) + pattern[..., None] * (np.asarray(light, np.float32) - dark)


def bounce(start: float, speed: float, low: float, high: float, n_frames: int) -> np.ndarray:
    """Positions of a point that bounces between two walls, float64 [n_frames] in pixels; speed in pixels per frame."""
    span = high - low
    travelled = (start - low + speed * np.arange(n_frames)) % (2 * span)
    return low + np.where(travelled < span, travelled, 2 * span - travelled)


def paste(frame: np.ndarray, texture: np.ndarray, mask: np.ndarray, x: float, y: float, angle: float) -> None:
    """Draw a texture [S, S, 3] where mask [S, S] is 1, centred at (x, y), rotated by `angle` (degrees)."""
    size = mask.shape[0]
    matrix = cv2.getRotationMatrix2D((size / 2, size / 2), angle, 1.0)
    matrix[:, 2] += (x - size / 2, y - size / 2)
    target = (frame.shape[1], frame.shape[0])
    cover = cv2.warpAffine(mask, matrix, target, flags=cv2.INTER_LINEAR)[..., None]
    drawn = cv2.warpAffine(texture, matrix, target, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    frame += cover * (drawn - frame)


def outline(kind: str, size: int) -> np.ndarray:
    """Shape inside a square, float32 [size, size] in 0..1 with soft edges."""
    y, x = (np.mgrid[:size, :size].astype(np.float32) + 0.5) / size * 2 - 1
    distance = {
        "disc": np.hypot(x, y) - 0.9,
        "square": np.maximum(abs(x), abs(y)) - 0.65,
        "triangle": np.maximum(-y - 0.45, 0.87 * abs(x) + 0.5 * y - 0.45),
    }[kind]
    return np.clip(0.5 - distance * size / 3, 0, 1)


def shapes_frames() -> Iterator[np.ndarray]:
    """Three textured shapes that bounce and rotate in front of a still wall, uint8 [240, 320, 3] each."""
    width, height, n_frames = SHAPES.width, SHAPES.height, SHAPES.n_frames
    wall = tinted(noise(height, width, 60, seed=1), (52, 66, 74), (126, 140, 128))
    wall *= np.linspace(1.1, 0.8, height, dtype=np.float32)[:, None, None]
    movers = []
    for seed, (kind, size, dark, light, start, speed, turn) in enumerate(
        (
            ("disc", 84, (120, 30, 20), (250, 190, 80), (70, 80), (3.1, 1.9), 2.0),
            ("square", 76, (20, 50, 110), (130, 210, 240), (230, 150), (-2.3, 2.6), -1.5),
            ("triangle", 96, (30, 90, 30), (220, 240, 130), (160, 120), (1.7, -3.3), 3.0),
        )
    ):
        stripes = 0.5 + 0.5 * np.sin(np.arange(size, dtype=np.float32) * 0.5)[None, :]
        texture = tinted(0.6 * noise(size, size, 14, seed=10 + seed) + 0.4 * stripes, dark, light)
        xs = bounce(start[0], speed[0], size * 0.45, width - size * 0.45, n_frames)
        ys = bounce(start[1], speed[1], size * 0.45, height - size * 0.45, n_frames)
        movers.append((texture, outline(kind, size), xs, ys, turn))
    for index in range(n_frames):
        frame = wall.copy()
        for texture, mask, xs, ys, turn in movers:
            paste(frame, texture, mask, xs[index], ys[index], turn * index)
        yield np.clip(np.rint(frame), 0, 255).astype(np.uint8)


def ridge(width: int, base: float, rise: float, cell: float, seed: int) -> np.ndarray:
    """Skyline of a chain of hills: height of its upper edge in pixels from the top, float32 [width]."""
    return base - rise * noise(8, width, cell, seed)[4]


def pan_layers(width: int, height: int) -> list[tuple[float, np.ndarray, np.ndarray]]:
    """Sky and three chains of hills, far to near: (pixels per frame, colours [H, W, 3], cover [H, W, 1])."""
    rows = np.arange(height, dtype=np.float32)[:, None]
    clouds = np.clip(noise(height, width, 110, seed=21) * 1.8 - 0.6, 0, 1)
    layers = [(0.6, tinted(clouds, (96, 150, 205), (244, 242, 236)), np.ones((height, width, 1), np.float32))]
    for seed, (speed, base, rise, cell, dark, light) in enumerate(
        (
            (1.4, 150, 70, 150, (88, 104, 128), (142, 152, 160)),
            (2.8, 185, 60, 110, (50, 84, 60), (118, 146, 84)),
            (5.0, 228, 50, 80, (44, 48, 28), (140, 124, 66)),
        )
    ):
        edge = ridge(width, base, rise, cell, seed=31 + seed)
        ground = noise(height, width, 18 + 8 * seed, seed=41 + seed)
        layers.append((speed, tinted(ground, dark, light), np.clip(rows - edge + 0.5, 0, 1)[..., None]))
    return layers


def pan_frames() -> Iterator[np.ndarray]:
    """A camera that pans over hills, near ones faster than far ones, uint8 [240, 384, 3] each."""
    width, height, n_frames = PAN.width, PAN.height, PAN.n_frames
    layers = pan_layers(width + 5 * n_frames + 16, height)
    for index in range(n_frames):
        frame = np.zeros((height, width, 3), np.float32)
        done = index / n_frames
        travelled = n_frames * (done - np.sin(2 * np.pi * done) / (4 * np.pi))  # slower at the start and the end
        for speed, colours, cover in layers:
            shift = np.array([[1, 0, -speed * travelled], [0, 1, 0]], np.float32)
            drawn = cv2.warpAffine(colours, shift, (width, height), flags=cv2.INTER_LINEAR)
            mask = cv2.warpAffine(cover, shift, (width, height), flags=cv2.INTER_LINEAR)[..., None]
            frame += mask * (drawn - frame)
        yield np.clip(np.rint(frame), 0, 255).astype(np.uint8)


def resonator(signal: np.ndarray, frequency_hz: float, width_hz: float, rate_hz: int) -> np.ndarray:
    """One formant: a resonance with two poles, by convolution with its decaying impulse response."""
    time_s = np.arange(int(0.05 * rate_hz)) / rate_hz
    response = np.exp(-np.pi * width_hz * time_s) * np.sin(2 * np.pi * frequency_hz * time_s)
    size = 1 << int(len(signal) + len(response)).bit_length()
    return np.fft.irfft(np.fft.rfft(signal, size) * np.fft.rfft(response, size), size)[: len(signal)]


def speech_like(duration_s: float, rate_hz: int) -> np.ndarray:
    """Syllables of a buzzing voice, float64 [n_samples, 1] in [-1, 1]: pulses through three formants."""
    rng = np.random.default_rng(7)
    vowels = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410))
    sound = np.zeros(int(duration_s * rate_hz))
    start_s = 0.1
    while start_s + 0.4 < duration_s:
        length_s = rng.uniform(0.14, 0.26)
        time_s = np.arange(int(length_s * rate_hz)) / rate_hz
        pitch_hz = rng.uniform(105, 150) * (1 - 0.6 * time_s)
        phase = np.cumsum(pitch_hz) / rate_hz
        pulses = np.diff(np.floor(phase), prepend=0) + 0.02 * rng.normal(size=len(time_s))
        vowel = vowels[rng.integers(len(vowels))]
        voice = sum(resonator(pulses, f, 60 + 0.04 * f, rate_hz) / (1 + i) for i, f in enumerate(vowel))
        voice *= np.sin(np.pi * time_s / length_s) ** 0.7
        place = int(start_s * rate_hz)
        sound[place : place + len(voice)] += voice
        start_s += length_s + rng.choice((0.03, 0.06, 0.25), p=(0.5, 0.3, 0.2))
    return (0.6 * sound / np.abs(sound).max())[:, None]


def music(duration_s: float, rate_hz: int) -> np.ndarray:
    """Plucked notes of two broken chords, float64 [n_samples, 2] in [-1, 1], panned from left to right and back."""
    time_s = np.arange(int(duration_s * rate_hz)) / rate_hz
    sound = np.zeros((len(time_s), 2))
    semitones = (0, 7, 12, 16, 19, 16, 12, 7, -4, 3, 8, 12, 15, 12, 8, 3)
    for index, semitone in enumerate(semitones):
        since_s = time_s - 0.1 - 0.3 * index
        pitch_hz = 220 * 2 ** (semitone / 12)
        envelope = np.where(since_s > 0, np.minimum(since_s / 0.008, 1) * np.exp(-3.0 * since_s), 0)
        note = sum(
            np.sin(2 * np.pi * pitch_hz * k * since_s) * np.exp(-1.2 * k * np.maximum(since_s, 0)) / k
            for k in range(1, 7)
        )
        right = 0.5 + 0.35 * np.sin(index)
        sound += (envelope * note)[:, None] * (1 - right, right)
    return 0.7 * sound / np.abs(sound).max()


def encode(clip: Clip, frames: Iterator[np.ndarray], sound: np.ndarray) -> Path:
    """Write an MP4 of H.264 and AAC with its index at the start; return its path."""
    path = HERE / clip.name
    with av.open(str(path), "w", options={"movflags": "+faststart", "fflags": "+bitexact"}) as container:
        video = container.add_stream("libx264", rate=Fraction(clip.fps))
        video.width, video.height, video.pix_fmt = clip.width, clip.height, "yuv420p"
        video.options = {"crf": str(clip.crf), "preset": "veryslow", "threads": "1"}
        audio = container.add_stream("aac", rate=clip.rate_hz)
        audio.layout, audio.bit_rate = ("mono", "stereo")[sound.shape[1] - 1], 48_000 * sound.shape[1]
        for frame in frames:
            container.mux(video.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(video.encode(None))
        samples = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(sound.T, np.float32), format="fltp", layout=audio.layout.name
        )
        samples.sample_rate, samples.pts = clip.rate_hz, 0
        container.mux(audio.encode(samples))
        container.mux(audio.encode(None))
    return path


def main() -> None:
    """Write both clips beside this file."""
    for path in (
        encode(SHAPES, shapes_frames(), speech_like(SHAPES.duration_s, SHAPES.rate_hz)),
        encode(PAN, pan_frames(), music(PAN.duration_s, PAN.rate_hz)),
    ):
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
