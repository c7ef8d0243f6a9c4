import os
import threading

import torch

from utils.nn.cpu.threads import RowThreads
from utils.worker.forks import avoid_lost_threads
from utils.worker.step import STEP


def test_a_forked_child_needs_no_threads_of_its_parent():
    n_threads, rows = torch.get_num_threads(), RowThreads()
    assert rows.map(int, [1, 2]) == [1, 2]
    child = os.fork()
    if not child:
        avoid_lost_threads()
        os._exit(0 if torch.get_num_threads() == 1 and rows.map(int, [3]) == [3] else 1)
    assert os.waitpid(child, 0)[1] == 0
    avoid_lost_threads()
    assert torch.get_num_threads() == n_threads


def test_a_fork_waits_for_the_step_of_another_thread():
    begun, ended = threading.Event(), threading.Event()

    def step():
        with STEP:
            begun.set()
            ended.wait(0.1)
            ended.set()

    thread = threading.Thread(target=step)
    thread.start()
    begun.wait()
    child = os.fork()
    if not child:
        os._exit(0 if ended.is_set() and STEP.acquire(blocking=False) else 1)
    assert os.waitpid(child, 0)[1] == 0
    thread.join()
