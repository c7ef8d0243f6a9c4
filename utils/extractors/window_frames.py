"""How many frames a window has whose length is given in frames or in seconds, and how many of them a network takes."""

from typing import Protocol

from utils.errors import VideoError

MANY = 1 << 30


class InSeconds(Protocol):
    """Settings with --window_s and --step_s."""

    @property
    def window_s(self) -> float | None:
        """Seconds of a window."""
        ...

    @property
    def step_s(self) -> float | None:
        """Seconds from window to window."""
        ...


def in_frames(config: InSeconds, fps: float, size: int, step: int) -> tuple[int, int]:
    """Return frames in a window and from window to window, of a video with this rate; at least 1.

    size, step: where they are not given in seconds. With a window in seconds, windows are back to back by default.
    """
    if config.window_s is not None:
        size = step = max(round(config.window_s * fps), 1)
    if config.step_s is not None:
        step = max(round(config.step_s * fps), 1)
    return size, step


def in_words(taken: range) -> str:
    """Return which numbers of frames a network takes, for a message."""
    if len(taken) == 1:
        return f"{taken.start} frames"
    return f"at least {taken.start} frames" + (f", in multiples of {taken.step}" if taken.step > 1 else "")


def check_seen(n_frames: int, n_seen: int, taken: range) -> None:
    """Raise VideoError unless a network that takes so many frames can see `n_seen` of a window's `n_frames`."""
    if n_seen > n_frames or n_seen not in taken:
        wanted = f"{n_seen} frames" if n_seen in taken else in_words(taken)
        raise VideoError(
            f"a window has {n_frames} frames at its frame rate; the network takes {wanted}: raise --window_s"
        )
