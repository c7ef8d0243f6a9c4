"""The worker's end of its pipe, used from many threads."""

import multiprocessing
import threading

import pytest

from utils.sources.ref import VideoRef
from utils.worker.messages import MainPipe, NextTask, Printed
from utils.worker.plan import Task


def test_each_thread_gets_the_answer_to_its_own_question() -> None:
    ours, theirs = multiprocessing.Pipe()
    pipe, found = MainPipe(theirs), []

    def ask() -> None:
        while (task := pipe.next_task()) is not None:
            found.append(task.ref.id)

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for i in range(20):
        assert ours.recv() == NextTask() and not ours.poll(0)  # no second one asks meanwhile
        ours.send(Task(VideoRef(str(i), "", ""), ("tiny",)))
    for _ in threads:
        assert ours.recv() == NextTask()
        ours.send(None)
    for thread in threads:
        thread.join()
    assert sorted(found, key=int) == [str(i) for i in range(20)]


def test_a_main_process_that_is_gone_has_no_tasks_and_takes_no_reports() -> None:
    ours, theirs = multiprocessing.Pipe()
    ours.close()
    pipe = MainPipe(theirs)
    assert pipe.next_task() is None
    with pytest.raises(OSError):
        pipe.send(Printed("x"))
