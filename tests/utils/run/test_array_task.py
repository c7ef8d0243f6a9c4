"""A task of an array job runs the program on its part, and stops it where the scheduler takes the machine away."""

import pickle
import sys
import threading
import time

import pytest
import submitit

from utils.run.array_task import ArrayTask

PRINT = "import sys; print(sys.argv[1:]); sys.exit(int(sys.argv[-1][0]))"  # the part is the exit code


def test_a_task_has_its_part_of_the_list(capfd: pytest.CaptureFixture[str]) -> None:
    command = (sys.executable, "-c", PRINT, "--limit", "3")
    assert [ArrayTask(command, part, 4)() for part in (0, 1)] == [0, 1]  # 1: some videos failed
    assert "['--limit', '3', '--shard', '1/4']" in capfd.readouterr().out
    with pytest.raises(RuntimeError, match="--shard 3/4 ended with exit code 3"):
        ArrayTask(command, 3, 4)()


def test_a_task_that_is_taken_away_is_submitted_again() -> None:
    task = ArrayTask((sys.executable, "-c", "import time; time.sleep(60)"), 0, 1)
    raised: list[BaseException] = []

    def run() -> None:
        try:
            task()
        except RuntimeError as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    while task.process is None:
        time.sleep(0.01)
    again = task.checkpoint()
    thread.join(10)
    assert not thread.is_alive() and "exit code -15" in str(raised[0])
    assert isinstance(again, submitit.helpers.DelayedSubmission)
    assert pickle.loads(pickle.dumps(task)).process is None
