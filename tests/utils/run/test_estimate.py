"""The arithmetic of an estimate, against sums over whole made-up lists."""

import dataclasses
import heapq

import numpy as np
import pytest

from utils.run.estimate import (
    Interval,
    ListSizes,
    Measured,
    Usage,
    draw,
    on_machines,
    seconds_of,
    sizes,
    total,
)

RNG = np.random.default_rng(0)
LENGTHS = RNG.lognormal(3, 1.2, 500)
SIZES = sizes(list(LENGTHS), list(LENGTHS * RNG.uniform(0.5, 2, 500)))
COSTS = 2 + 0.1 * LENGTHS * RNG.choice([1, 3], 500)  # two kinds of videos, which their sizes do not tell apart
LISTED = ListSizes(500, SIZES)
USAGE = Usage(10.0, 2.0, 0.0, {"decode": 1.0, "network": 9.0, "write": 0.1}, 1, 2, 4)


def drawn(n, seed):
    chosen = draw(SIZES, n, np.random.default_rng(seed))
    return [i for i, _ in chosen], [Measured(SIZES[i], p, seconds={"network": COSTS[i]}) for i, p in chosen]


def costs(chosen: list[int]) -> list[float]:
    return [float(COSTS[i]) for i in chosen]


def bounds(found: Interval) -> tuple[float, float]:
    assert found.low is not None and found.high is not None
    return found.low, found.high


def test_longer_videos_are_drawn_more_often():
    counts, probabilities = np.zeros(500), np.zeros(500)
    for seed in range(300):
        chosen = draw(SIZES, 40, np.random.default_rng(seed))
        assert len(dict(chosen)) == 40
        for i, probability in chosen:
            counts[i] += 1
            probabilities[i] = probability
    seen = counts > 0
    assert np.abs(counts / 300 - probabilities)[seen].max() < 0.12
    assert set(counts[probabilities == 1]) == {300}
    assert counts[SIZES.argmax()] > 5 * counts[np.median(SIZES) > SIZES].mean()


def test_totals_are_those_of_the_whole_list_in_19_of_20_samples():
    truth, values, inside = COSTS.sum(), [], 0
    for seed in range(300):
        chosen, sample = drawn(30, seed)
        found = total(costs(chosen), sample, LISTED)
        values.append(found.value)
        low, high = bounds(found)
        inside += low <= truth <= high
    assert np.mean(values) == pytest.approx(truth, rel=0.02)
    assert 0.90 < inside / 300 <= 1


def test_a_part_of_the_list_that_was_looked_at_widens_the_interval():
    chosen, sample = drawn(30, 0)
    whole, part = (total(costs(chosen), sample, listed) for listed in (LISTED, ListSizes(50_000, SIZES)))
    assert part.value == pytest.approx(100 * whole.value)
    (low, high), (low_whole, high_whole) = bounds(part), bounds(whole)
    assert (high - low) > 100 * (high_whole - low_whole)


def test_a_list_that_was_measured_whole_has_only_noise():
    chosen, sample = drawn(500, 0)
    exact = total(costs(chosen), sample, LISTED)
    assert (exact.value, exact.low, exact.high) == pytest.approx((COSTS.sum(),) * 3)
    noisy = total(costs(chosen), sample, LISTED, noise=0.05)
    assert bounds(noisy)[1] / noisy.value == pytest.approx(1.098, abs=0.001)
    assert total([3.0], [Measured(1, 1, seconds={})], ListSizes(1, np.ones(1))) == Interval(3, 3, 3)


def test_one_finished_video_gives_no_interval():
    one = Measured(2.0, 0.1, seconds={"network": 3.0})
    assert total([3.0], [one], ListSizes(100, np.ones(100))) == Interval(150, None, None)


def test_time_that_videos_share_is_split_by_what_each_takes():
    done = [Measured(1, 1, seconds={"decode": 3.0, "network": 1.0}), Measured(1, 1, seconds={"network": 12.0})]
    assert seconds_of(done, 8.0) == [2.0, 6.0]
    half = [Measured(1, 1, seconds={"network": 4.0}), Measured(6, 1, share=0.5)]
    assert seconds_of(half, 8.0) == [2.0, 12.0]  # of which 6 are past
    assert seconds_of([Measured(5, 1, share=0.25)], 8.0) == [32.0]


@pytest.mark.parametrize("n", [1, 3, 20, 100])
def test_several_machines_are_as_fast_as_a_schedule_of_whole_videos(n):
    loads = [0.0] * n
    for cost in COSTS:
        heapq.heapreplace(loads, loads[0] + cost)
    found = on_machines(Interval(*[COSTS.sum()] * 3), 5.0, COSTS.max(), n)
    low, high = bounds(found)
    assert low <= max(loads) + 5 + 1e-9
    assert max(loads) + 5 <= high + 1e-9
    assert low <= found.value <= high


@pytest.mark.parametrize(
    ("changes", "limit"),
    [
        ({}, "network"),
        ({"cpu_s": 38.0}, "cores"),
        ({"others": 0.8, "cpu_s": 8.0}, "cores"),
        ({"others": 0.99, "cpu_s": 4.0}, "network"),
        ({"stages": {"decode": 19.0, "network": 5.0}, "cpu_s": 20.0}, "decode"),
        ({"stages": {"decode": 19.0, "network": 5.0}}, "reading"),
        ({"stages": {"write": 9.0, "network": 5.0}}, "writing"),
    ],
)
def test_what_a_run_waits_for(changes, limit):
    assert dataclasses.replace(USAGE, **changes).limit == limit


def test_lengths_that_are_not_known_count_as_average():
    assert sizes([None, 10.0, 30.0], [None, None, None]).tolist() == pytest.approx([1.2, 0.95, 1.45])
    assert sizes([0.0], [None]).tolist() == pytest.approx([1.2])
