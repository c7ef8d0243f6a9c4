"""Changing the sample rate of a signal block by block, with the result of resampy's `kaiser_best` filter.

The ratio of two rates is rational: every L output samples, the same L sets of weights repeat, M input samples further
on. They are taken once from resampy's own table, in its way (a step of int(scale * 8192) entries, linear interpolation
between entries), and applied as a few dense matrix products.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

GROUP = 48  # phases in one matrix product: more of them overlap less, but multiply by more zeros


@dataclass(frozen=True)
class FilterBank:
    """The weights of one pair of rates."""

    n_out: int  # output samples in a period, a multiple of L
    n_in: int  # input samples in a period
    reach: int  # an output sample at input time t uses samples floor(t) - reach + 1 .. floor(t) + reach
    groups: tuple[tuple[int, np.ndarray], ...]  # per group: its first input sample, weights float32 [span, phases]

    @property
    def last(self) -> int:
        """Input sample at or before the last output sample of a period."""
        return (self.n_out - 1) * self.n_in // self.n_out


class Resampler:
    """Resamples a mono signal given in pieces; the concatenated outputs are those of the whole signal."""

    def __init__(self, rate_in_hz: int, rate_out_hz: int) -> None:
        self._rates = (rate_in_hz, rate_out_hz)
        self._same = rate_in_hz == rate_out_hz
        self._n_in = self._n_out = 0
        if not self._same:
            self._bank = _bank(rate_in_hz, rate_out_hz)
            self._held = np.zeros(self._bank.reach - 1, np.float32)

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Take the next samples, float32 [n]; return what is ready at the new rate, float32 [m], m >= 0."""
        self._n_in += len(samples)
        if self._same:
            return samples
        self._held = np.concatenate([self._held, samples])
        ready = self._periods((len(self._held) - self._bank.last - 2 * self._bank.reach) // self._bank.n_in + 1)
        self._n_out += len(ready)
        return ready

    def finish(self) -> np.ndarray:
        """Return the rest, float32 [m]: int(n * new rate / old rate) samples in all, with silence beyond both ends."""
        if self._same:
            return np.empty(0, np.float32)
        rate_in_hz, rate_out_hz = self._rates
        missing = int(self._n_in * float(rate_out_hz) / float(rate_in_hz)) - self._n_out
        periods = -(-missing // self._bank.n_out)
        needed = periods * self._bank.n_in + 2 * self._bank.reach
        self._held = np.pad(self._held, (0, max(0, needed - len(self._held))))
        return self._periods(periods)[:missing]

    def _periods(self, n: int) -> np.ndarray:
        """Return the next n whole periods, and drop their input."""
        bank, n = self._bank, max(0, n)
        out = np.empty((n, bank.n_out), np.float32)
        if n:
            for number, (start, weights) in enumerate(bank.groups):
                windows = np.lib.stride_tricks.sliding_window_view(self._held, len(weights))
                first = number * GROUP
                rows = windows[start :: bank.n_in][:n]
                np.matmul(rows, weights, out=out[:, first : first + weights.shape[1]])
        self._held = self._held[n * bank.n_in :].copy()
        return out.reshape(-1)


def resample(samples: np.ndarray, rate_in_hz: int, rate_out_hz: int) -> np.ndarray:
    """Return a whole mono signal at another rate, float32 [int(n * rate_out / rate_in)]."""
    resampler = Resampler(rate_in_hz, rate_out_hz)
    return np.concatenate([resampler.push(samples.astype(np.float32)), resampler.finish()])


@lru_cache(maxsize=4)
def _bank(rate_in_hz: int, rate_out_hz: int) -> FilterBank:
    """Return the weights for a pair of different rates (L x about 300 floats)."""
    common = math.gcd(rate_in_hz, rate_out_hz)
    n_out, n_in = rate_out_hz // common, rate_in_hz // common
    repeat = -(-GROUP // n_out)  # a period of a few samples makes small, slow matrices: join several
    n_out, n_in = n_out * repeat, n_in * repeat
    weights, reach = _weights(n_out, n_in)
    groups = []
    for first in range(0, n_out, GROUP):
        phases = range(first, min(first + GROUP, n_out))
        starts = [phase * n_in // n_out for phase in phases]
        dense = np.zeros((starts[-1] - starts[0] + 2 * reach, len(phases)), np.float32)
        for column, (phase, start) in enumerate(zip(phases, starts, strict=True)):
            offset = start - starts[0]
            dense[offset : offset + 2 * reach, column] = weights[phase]
        groups.append((starts[0], dense))
    return FilterBank(n_out, n_in, reach, tuple(groups))


def _weights(n_out: int, n_in: int) -> tuple[np.ndarray, int]:
    """Return the weights of each phase, float64 [n_out, 2 * reach], and how far they reach on either side."""
    half_window, entries_per_zero = _filter_table()
    scale = min(1.0, n_out / n_in)
    table = half_window * scale
    slope = np.diff(table, append=table[-1])
    step = int(scale * entries_per_zero)
    reach = len(table) // step
    fraction = scale * (np.arange(n_out) * n_in % n_out) / n_out
    left = _wing(table, slope, fraction * entries_per_zero, step, reach)  # samples floor(t), floor(t) - 1, ...
    right = _wing(table, slope, (scale - fraction) * entries_per_zero, step, reach)  # floor(t) + 1, ...
    return np.concatenate([left[:, ::-1], right], axis=1), reach


def _wing(table: np.ndarray, slope: np.ndarray, position: np.ndarray, step: int, reach: int) -> np.ndarray:
    """Return float64 [phases, reach]: the table at position, position + step, ...; 0 where no whole step is left."""
    offset = position.astype(np.int64)
    entry = offset[:, None] + step * np.arange(reach)
    inside = np.arange(reach) < (len(table) - offset[:, None]) // step
    entry = np.where(inside, entry, 0)
    return np.where(inside, table[entry] + (position - offset)[:, None] * slope[entry], 0.0)


def _filter_table() -> tuple[np.ndarray, int]:
    """Return the right half of resampy's kaiser_best window, float64 [n], and its entries per zero crossing.

    Read from the package's data file: importing resampy would load numba, which takes seconds and is not needed.
    """
    spec = find_spec("resampy")
    if spec is None or not spec.origin:
        raise ModuleNotFoundError("resampy is not installed; its filter table is needed to resample audio")
    with np.load(Path(spec.origin).parent / "data" / "kaiser_best.npz") as data:
        return data["half_window"], int(data["precision"])
