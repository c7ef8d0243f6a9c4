"""Videos that workers have ahead, and asking for them."""

from utils.engines.ahead import Ahead
from utils.engines.base import WorkerId
from utils.engines.held import Worker

ONE, TWO, THREE = map(WorkerId, range(3))


def test_each_worker_is_asked_once_until_it_has_answered():
    asked: list[WorkerId] = []
    ahead, workers = Ahead(asked.append), {number: Worker("cpu") for number in (ONE, TWO, THREE)}
    for number, n in ((ONE, 3), (TWO, 1)):
        ahead.count(number, workers[number], n)
    assert ahead.recall_all(but=ONE) and asked == [TWO]
    assert ahead.recall_all(but=THREE) and asked == [TWO, ONE]
    ahead.answered(ONE, workers[ONE], 3)
    ahead.count(ONE, workers[ONE], 2)
    assert ahead.recall_all(but=TWO) and asked == [TWO, ONE, ONE]
    ahead.count(ONE, workers[ONE], -2)  # it has begun them meanwhile
    assert not ahead.recall_all(but=TWO) and ahead.any_but(ONE)
    ahead.gone(TWO)
    assert not ahead.any_but() and [worker.n_ahead for worker in workers.values()] == [0, 1, 0]
