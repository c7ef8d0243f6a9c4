import numpy as np

from utils.extractors.labels import best_classes, top_classes

LOGITS = np.array([0.0, 2.0, 1.0], np.float32)


def test_the_best_classes_with_their_probabilities():
    names, probabilities, logits = zip(*best_classes(LOGITS, ["a", "b", "c"]), strict=True)
    assert names == ("b", "c", "a") and logits == (2, 1, 0)
    assert np.isclose(sum(probabilities), 1) and np.isclose(probabilities[0] / probabilities[1], np.e)
    assert [name for name, _, _ in best_classes(LOGITS, ["a"], n=1)] == ["class 1"]  # other names than classes
    assert top_classes(LOGITS, None, n=1) == ["      2.0000  0.6652  class 1"]
