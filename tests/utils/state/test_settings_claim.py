"""Two runs with other settings on one folder: one is refused, whatever the moment."""

import itertools
import threading

import pytest

from utils.errors import UserError
from utils.state import claims as claims_module
from utils.state.claims import Claims
from utils.state.settings_claim import claim_settings
from utils.storage import processes
from utils.storage.folder import folder_at

ONE, OTHER = {"stack_size": 64}, {"stack_size": 24}


def test_the_second_is_refused_with_the_difference_until_the_first_ends(tmp_path):
    root = folder_at(str(tmp_path))
    with Claims(root) as first:
        claim_settings(root, first, "i3d", ONE)
        with Claims(root) as second:
            claim_settings(root, second, "i3d", ONE)
            claim_settings(root, second, "clip", OTHER)
            with pytest.raises(UserError, match="stack_size: 64 there, 24 now"):
                claim_settings(root, second, "i3d", OTHER)
    with Claims(root) as third:
        claim_settings(root, third, "i3d", OTHER)
    assert not list(root.names(".featmill/claims/"))


def test_of_many_that_start_together_those_of_one_kind_go_on(tmp_path):
    root, barrier, results = folder_at(str(tmp_path)), threading.Barrier(6), {}

    def start(i):
        with Claims(folder_at(str(tmp_path))) as claims:
            barrier.wait()
            try:
                claim_settings(root, claims, "i3d", ONE if i % 2 else OTHER)
                results[i] = True
            except UserError:
                results[i] = False
            barrier.wait()

    threads = [threading.Thread(target=start, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = {i % 2 for i, won in results.items() if won}
    assert len(winners) == 1 and len(results) == 6


def test_a_dead_run_of_another_machine_holds_nobody_up_for_ever(tmp_path, monkeypatch):
    root = folder_at(str(tmp_path))
    theirs = Claims(root)
    theirs.run = "elsewhere~1.1~7~9~aaaa"
    theirs._write_counter(0)
    claim_settings(root, theirs, "i3d", ONE)
    assert processes.is_alive("elsewhere~1.1~7~9") is None
    monkeypatch.setattr(claims_module, "WATCH_S", 0.01)
    monkeypatch.setattr(claims_module, "STALE_S", 0.2)
    with Claims(root) as ours:
        claim_settings(root, ours, "i3d", OTHER)


def test_a_live_run_of_another_machine_is_respected(tmp_path, monkeypatch):
    root = folder_at(str(tmp_path))
    theirs = Claims(root)
    theirs.run = "elsewhere~1.1~7~9~aaaa"
    theirs._write_counter(0)
    claim_settings(root, theirs, "i3d", ONE)
    monkeypatch.setattr(claims_module, "WATCH_S", 0.01)
    ended = threading.Event()

    def beat() -> None:
        for n in itertools.count(1):
            if ended.wait(0.05):
                return
            theirs._write_counter(n)

    beating = threading.Thread(target=beat)
    beating.start()
    with Claims(root) as ours, pytest.raises(UserError, match="another run is working here"):
        claim_settings(root, ours, "i3d", OTHER)
    ended.set()
    beating.join()
