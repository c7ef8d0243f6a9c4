"""What a whole list takes, from a sample of it: totals with intervals, hours on several machines, what limits a run.

The sample is drawn with known probabilities, so no video is assumed to be like another: each stands for 1 / probability
videos (Horvitz and Thompson), and what is known of all, their sizes, corrects the sum (ratio estimator).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

NOISE = 0.05  # allowance for runs of the same videos on the same machine that differ, as a standard deviation
CONFIDENCE = 0.95
OVERHEAD = 0.2  # of an average video's size: what opening one takes, however short it is
BUSY = 0.7  # share of the cores' time from which on they count as the limit; threads wait for each other, too
Limit = Literal["start-up", "cores", "decode", "reading", "network", "writing"]


@dataclass(frozen=True)
class Interval:
    """A value, and between which bounds it is with 95 % confidence; None where too few videos tell."""

    value: float
    low: float | None
    high: float | None

    def __mul__(self, factor: float) -> "Interval":
        """Return it in another unit."""
        low, high = (None if bound is None else bound * factor for bound in (self.low, self.high))
        return Interval(self.value * factor, low, high)

    def __add__(self, constant: float) -> "Interval":
        """Return it with something that is known."""
        low, high = (None if bound is None else bound + constant for bound in (self.low, self.high))
        return Interval(self.value + constant, low, high)


@dataclass(frozen=True)
class ListSizes:
    """The videos of a list that are to do: how many, and the sizes of those that were looked at, a random part.

    sizes: in average videos, each with what a video takes however short it is; [n], n at least 1.
    """

    n_videos: int
    sizes: np.ndarray

    @property
    def total(self) -> float:
        """Return the size of all."""
        return float(self.sizes.mean()) * self.n_videos

    @property
    def relative_variance(self) -> float:
        """Return that of the total: 0 where all were looked at."""
        n = len(self.sizes)
        if n == self.n_videos or n < 2:
            return 0.0
        return float(self.sizes.var(ddof=1) / self.sizes.mean() ** 2) * (1 / n - 1 / self.n_videos)


@dataclass(frozen=True)
class Measured:
    """One video of the sample.

    size: as in `ListSizes`. probability: of being in the sample. share: of it that was done; 1 unless time was up.
    seconds: by stage, None where it did not finish. n_bytes: written.
    """

    size: float
    probability: float
    share: float = 1.0
    seconds: Mapping[str, float] | None = None
    n_bytes: int = 0


def sizes(lengths_s: Sequence[float | None], n_bytes: Sequence[int | None]) -> np.ndarray:
    """Return the sizes of videos [n] from their length and bytes; those not known count as average."""
    terms = [_relative(lengths_s), _relative(n_bytes)]
    return OVERHEAD + np.mean(terms, axis=0)


def _relative(values: Sequence[float | None]) -> np.ndarray:
    known = [value for value in values if value is not None]
    mean = sum(known) / len(known) if known else 0.0
    return np.array([1.0 if value is None or not mean else value / mean for value in values])


def draw(video_sizes: np.ndarray, n: int, rng: np.random.Generator) -> list[tuple[int, float]]:
    """Return the numbers of `n` videos in random order, each with its probability, which is in proportion to its size.

    Where that would be more than 1, a video is in every sample (systematic sampling of a shuffled list).
    """
    probabilities = _probabilities(video_sizes, n)
    order = rng.permutation(len(video_sizes))
    stops = np.cumsum(probabilities[order])
    stops[-1] = round(stops[-1])  # the sum of all is `n`, up to rounding
    points = np.arange(int(stops[-1])) + rng.uniform()
    chosen = order[np.searchsorted(stops, points, side="right")]
    return [(int(i), float(probabilities[i])) for i in rng.permutation(chosen)]


def _probabilities(video_sizes: np.ndarray, n: int) -> np.ndarray:
    if n >= len(video_sizes):
        return np.ones(len(video_sizes))
    certain = np.zeros(len(video_sizes), bool)
    while True:
        rest = ~certain
        found = np.where(certain, 1.0, (n - certain.sum()) * video_sizes / video_sizes[rest].sum())
        if not (found > 1).any():
            return found
        certain |= found >= 1


def seconds_of(sample: Sequence[Measured], elapsed_s: float) -> list[float]:
    """Return what each video took of the time that all took together; of unfinished ones, what the whole would take.

    Videos are processed beside each other: each gets the part that its share of all stages' seconds has.
    """
    busy = [_busy_s(one) for one in sample]
    finished = [(one.size, busy_s) for one, busy_s in zip(sample, busy, strict=True) if busy_s is not None]
    rate = sum(s for _, s in finished) / sum(size for size, _ in finished) if finished else 1.0
    whole = [rate * one.size if busy_s is None else busy_s for one, busy_s in zip(sample, busy, strict=True)]
    done = sum(one.share * busy_s for one, busy_s in zip(sample, whole, strict=True))
    return [elapsed_s / done * busy_s if done else elapsed_s / len(sample) for busy_s in whole]


def _busy_s(one: Measured) -> float | None:
    return None if one.seconds is None else sum(one.seconds.values())


def total(values: Sequence[float], sample: Sequence[Measured], listed: ListSizes, noise: float = 0.0) -> Interval:
    """Return the sum over the list of what was measured of each video of the sample.

    noise: relative standard deviation of the value itself, were the same videos measured again.
    """
    finished = [one.seconds is not None for one in sample]
    value, size = np.array(values, float), np.array([one.size for one in sample])
    probability = np.array([one.probability for one in sample])
    weight = 1 / probability
    rate = float((weight * value).sum() / (weight * size).sum())
    estimate = rate * listed.total
    n = sum(finished)
    everything = len(sample) == listed.n_videos and all(finished)
    if n < 2 and not everything:
        return Interval(estimate, None, None)
    error = (weight * (value - rate * size))[finished]
    drawn = probability[finished] if all(finished) else np.zeros(n)
    variance = n / max(1, n - 1) * float(((1 - drawn) * error**2).sum())
    variance *= (listed.total / float((weight * size).sum())) ** 2
    variance += estimate**2 * (listed.relative_variance + noise**2)
    half = _t(n - 1) * math.sqrt(variance)
    return Interval(estimate, max(0.0, estimate - half), estimate + half)


def _t(degrees: int) -> float:
    """Return Student's quantile, within 1 % from three degrees of freedom (Abramowitz and Stegun 26.7.5)."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    if degrees < 1:
        return z
    if degrees < 3:
        return (12.706, 4.303)[degrees - 1]
    terms = (z, (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96, (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384)
    return sum(term / degrees**i for i, term in enumerate(terms))


@dataclass(frozen=True)
class Usage:
    """What a machine did while the sample was measured.

    elapsed_s: how long. cpu_s: of all its cores, by the workers; start_cpu_s: before the first video.
    others: share of the cores that other programs took.
    stages: seconds of all videos by stage. workers, decode_threads, cores: how many there are.
    """

    elapsed_s: float
    cpu_s: float
    others: float
    stages: Mapping[str, float]
    workers: int
    decode_threads: int
    cores: int
    start_cpu_s: float = 0.0

    @property
    def cores_busy(self) -> float:
        """Return the share of the cores' time that the workers took."""
        return min(1.0, self.cpu_s / (self.elapsed_s * self.cores))

    @property
    def busy(self) -> dict[Limit, float]:
        """Return the share of the time that the threads of each stage were occupied, waiting for cores included."""
        stages: dict[Limit, tuple[tuple[str, ...], int]] = {
            "decode": (("decode", "prepare"), self.decode_threads),
            "network": (("cut", "network"), self.workers),
            "writing": (("write",), self.workers),
        }
        return {
            stage: sum(self.stages.get(name, 0.0) for name in names) / (self.elapsed_s * n_threads)
            for stage, (names, n_threads) in stages.items()
        }

    @property
    def limit(self) -> Limit:
        """Return what a run of many videos waits for."""
        busiest = max(self.busy, key=lambda stage: self.busy[stage])
        left = max(0.2, 1 - self.others)  # of the cores, for the workers, which get a share of any
        if busiest != "writing" and self.cores_busy > BUSY * left:
            return "cores"
        if busiest == "decode" and self.cpu_s < (1 - BUSY) * self.stages.get("decode", 0.0):
            return "reading"
        return busiest


def on_machines(work_s: Interval, start_s: float, longest_s: float, n: int) -> Interval:
    """Return how long `n` machines need, each with its own part of the list.

    work_s: of one machine. start_s: before the first video. longest_s: of the longest video, which one machine does.
    At worst it is begun last (Graham's bound).
    """
    low = None if work_s.low is None else max(work_s.low / n, longest_s) + start_s
    high = None if work_s.high is None else work_s.high / n + (1 - 1 / n) * longest_s + start_s
    return Interval(max(work_s.value / n, longest_s) + start_s, low, high)
