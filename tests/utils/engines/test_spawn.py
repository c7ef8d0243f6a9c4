from utils.engines.spawn import WorkerStarter


def test_the_first_worker_is_the_one_that_was_started_ahead():
    with WorkerStarter() as workers:
        ahead = workers._ahead
        first, second = workers.take(), workers.take()
    assert first is ahead
    assert first.process.pid != second.process.pid
    for begun in (first, second):
        assert begun.process.is_alive()
        begun.connection.close()  # nothing to do
        begun.process.join(60)
        assert begun.process.exitcode == 0


def test_a_worker_that_nobody_took_is_ended():
    with WorkerStarter() as workers:
        begun = workers._ahead
        assert begun is not None
        assert begun.process.is_alive()
    assert not begun.process.is_alive()
