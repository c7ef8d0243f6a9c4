"""Runs that share an output folder take disjoint work, and the work of dead ones is taken over."""

import multiprocessing
import os
import signal
import threading
import time
from functools import partial
from typing import cast

import pytest
from support.turns import FolderOfTurns, Killed, Turns

from utils.errors import RunError
from utils.state import claims as claims_module
from utils.state.claims import Claims
from utils.storage.folder import Folder, folder_at

UNITS = [f"video {i}" for i in range(40)]


def test_one_of_two_runs_gets_it_and_the_other_after_its_release(tmp_path):
    folder = folder_at(str(tmp_path))
    with Claims(folder) as first, Claims(folder) as second:
        assert first.take("a")
        assert first.take("a")
        assert not second.take("a")
        assert second.take("b")
        first.release("a")
        assert second.take("a")
    folder.tidy()
    assert list(tmp_path.iterdir()) == []


def test_of_units_with_one_name_one_run_gets_one(tmp_path):
    folder = folder_at(str(tmp_path))
    named = {"a": "name", "b": "name", "c": "other name"}
    with Claims(folder) as first, Claims(folder) as second:
        assert first.take_all(["a"], named) == {"a"}
        assert first.take_all(["a"], named) == {"a"}
        assert second.take_all(["b", "c"], named) == {"c"}
        first.release("a")
        assert second.take_all(["b"], named) == {"b"}
        assert first.take_all(["a"], named) == set()
        second.release("b", "c")
        assert first.take_all(["a", "c"], named) == {"a", "c"}
    folder.tidy()
    assert list(tmp_path.iterdir()) == []


def work(path, results, kill_after):
    """Take what is free, "finish" it by a file that can only be made once; die in the middle if asked to."""
    folder = folder_at(path)
    n_taken = 0
    with Claims(folder) as claims:
        left = set(UNITS)
        while left:
            for unit in sorted(left):
                if (results / unit).exists():
                    left.discard(unit)
                elif claims.take(unit):
                    if not (results / unit).exists():
                        n_taken += 1
                        if n_taken == kill_after:
                            os.kill(os.getpid(), signal.SIGKILL)
                        time.sleep(0.002)
                        with (results / unit).open("x"):
                            pass
                    claims.release(unit)


def test_many_runs_do_each_thing_once_though_some_are_killed(tmp_path):
    results = tmp_path / "results"
    results.mkdir()
    context = multiprocessing.get_context("fork")
    processes = [
        context.Process(target=work, args=(str(tmp_path / "out"), results, kill_after))
        for kill_after in (1, 3, 5, None, None)
    ]
    processes[0].start()
    processes[0].join(60)  # leaves a claim that is its own no more
    for process in processes[1:]:
        process.start()
    for process in processes[1:]:
        process.join(60)
    codes = [process.exitcode for process in processes]
    assert (codes[0], codes[3:]) == (-9, [0, 0])  # to make a thing twice would have raised
    assert set(codes[1:3]) <= {0, -9}  # the others may have left them too little to be killed at
    assert sorted(path.name for path in results.iterdir()) == sorted(UNITS)
    folder = folder_at(str(tmp_path / "out"))
    with Claims(folder) as last:
        assert last.take("a")
    folder.tidy()
    assert list((tmp_path / "out").iterdir()) == []


def test_another_machines_run_is_dead_when_its_count_stands_still(tmp_path, monkeypatch):
    folder = folder_at(str(tmp_path))
    other = "elsewhere~12345678.4026531836~77~1234~aaaa0000"
    now_s = [1000.0]
    monkeypatch.setattr(claims_module.time, "monotonic", lambda: now_s[0])
    with Claims(folder) as ours, Claims(folder) as theirs:
        theirs.run = other
        theirs._write_counter(0)
        assert theirs.take("a")
        assert not ours.take("a")  # seen for the first time
        now_s[0] += claims_module.STALE_S - 1
        theirs._write_counter(1)
        assert not ours.take("a")
        now_s[0] += claims_module.STALE_S - 1
        assert not ours.take("a")
        now_s[0] += 2
        assert ours.take("a")


def test_a_claim_that_could_not_be_removed_is_still_ours(tmp_path, monkeypatch):
    """Merging takes the same claim many times: after an error it must not wait for itself."""
    folder = folder_at(str(tmp_path))

    def fails(name):
        raise RunError(f"{name}: Input/output error")

    with Claims(folder) as first, Claims(folder) as second:
        assert first.take("merge")
        with monkeypatch.context() as broken, pytest.raises(RunError):
            broken.setattr(folder, "remove", fails)
            first.release("merge")
        assert not second.take("merge")
        assert first.take("merge")
        first._held.clear()  # as where a server creates the file and its answer is lost
        assert first.take("merge")
        first.release("merge")
        assert second.take("merge")


def test_a_run_that_cannot_show_its_life_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(claims_module, "BEAT_S", 0.01)
    folder = folder_at(str(tmp_path / "out"))
    folder.prepare()
    with Claims(folder) as claims:
        (tmp_path / "out").rename(tmp_path / "gone")
        deadline_s = time.monotonic() + 10
        while claims.lost is None and time.monotonic() < deadline_s:
            threading.Event().wait(0.01)
        assert "gone" in str(claims.lost)


@pytest.mark.parametrize("first_seed", [0, 150])
def test_no_order_of_steps_gives_a_unit_to_two_live_runs(first_seed, monkeypatch):
    """Runs claim one unit again and again; some are killed. Each call of the folder may come before any other run's."""
    dead: set[str] = set()
    monkeypatch.setattr(Claims, "_is_alive", lambda _, run: run not in dead)
    n_held = n_superseded = 0

    def work(name: str, turns: Turns, folder: FolderOfTurns, holders: set[str]) -> None:
        nonlocal n_held, n_superseded
        claims = Claims(cast(Folder, folder))
        claims.run = name
        try:
            for _ in range(6):
                if claims.take("a"):
                    holders.add(name)
                    assert holders - dead == {name}
                    n_held, n_superseded = n_held + 1, n_superseded + (len(claims._held["a"]) > 1)
                    turns.step()
                    holders.remove(name)  # its work is done
                    claims.release("a")
                else:
                    claims._remove_dead()
        except Killed:
            dead.add(name)
            raise

    for seed in range(first_seed, first_seed + 150):
        turns, holders = Turns(seed, n_kills=2), set[str]()
        dead.clear()
        folder = FolderOfTurns(turns)
        turns.run(*(partial(work, f"run {i}", turns, folder, holders) for i in range(4)))
    assert n_held > 1000 and n_superseded > 30
