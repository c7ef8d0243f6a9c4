import numpy as np

from utils.extractors.labels import Classes, best_classes, class_lines

LOGITS = np.array([0.0, 2.0, 1.0], np.float32)


def test_the_best_classes_with_their_probabilities():
    names, probabilities, logits = zip(*best_classes(LOGITS, Classes(["a", "b", "c"])), strict=True)
    assert names == ("b", "c", "a") and logits == (2, 1, 0)
    assert np.isclose(sum(probabilities), 1) and np.isclose(probabilities[0] / probabilities[1], np.e)
    assert [name for name, _, _ in best_classes(LOGITS, Classes(["a"]), n=1)] == ["class 1"]  # other names than classes
    assert class_lines(best_classes(LOGITS, Classes(), n=1)) == ["      2.0000  0.6652  class 1"]
    ((name, probability, _),) = best_classes(LOGITS, Classes(["a", "b", "c"], exclusive=False), n=1)
    assert name == "b" and np.isclose(probability, 1 / (1 + np.exp(-2)))
