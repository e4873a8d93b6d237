#!/usr/bin/env python3
"""Checks the activity module, as it ships.

    activity_checks.py CHECK com.example.activity.so

CHECK is the name of a function below. Exits with 0 if what it says holds, and with a traceback if not.
"""

import ctypes
import math
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "activity"))
from dataset import WINDOW  # noqa: E402 (the path comes first)
from synthetic import LABELS, Person, random_rotation  # noqa: E402

ARGUMENT, RATE, SHORT, SAMPLE = -1, -2, -3, -4
STRANGERS = range(4_000, 4_010)  # neither trained on nor held out


class Classifier:
    """The module's functions, by symbol name."""

    def __init__(self, path):
        self.library = ctypes.CDLL(path)
        self.library.activity_label.restype = ctypes.c_char_p

    def classify(self, samples, rate=50.0, count=None, places=5):
        """(what was returned, scores). A score that wasn't written is -1."""
        memory = (ctypes.c_float * 3 * max(1, len(samples)))(*[tuple(sample) for sample in samples])
        scores = (ctypes.c_float * 8)(*[-1] * 8)
        count = len(samples) if count is None else count
        told = self.library.activity_classify(
            memory, ctypes.c_size_t(count), ctypes.c_float(rate), scores, ctypes.c_size_t(places)
        )
        return told, list(scores)

    def refuses(self, status, *arguments, **named):
        told, scores = self.classify(*arguments, **named)
        assert told == status, (told, status)
        assert set(scores) == {-1.0}, "scores although it failed"


def a_window(label="walking", seed=STRANGERS[0]):
    return Person(seed).record(label, WINDOW / 50)


def names_the_labels(classifier):
    assert classifier.library.activity_interface() == 1
    assert [classifier.library.activity_label(i).decode() for i in range(5)] == LABELS
    for other in (-1, -4, 5, 2**31 - 1, -(2**31)):
        assert classifier.library.activity_label(other) is None


def scores_add_up(classifier):
    for seed in STRANGERS:
        for label in LABELS:
            told, scores = classifier.classify(a_window(label, seed))
            assert math.isclose(sum(scores[:5]), 1, abs_tol=1e-6) and min(scores[:5]) >= 0
            assert told == scores.index(max(scores[:5])) and scores[5:] == [-1] * 3


def needs_no_particular_wrist(classifier):
    """However the sensor is turned, the answer is the same."""
    rng = random.Random(7)
    for seed in STRANGERS:
        for label in LABELS:
            window = a_window(label, seed)
            turn = random_rotation(rng)
            turned = [[sum(a * b for a, b in zip(row, sample)) for row in turn] for sample in window]
            told, scores = classifier.classify(window)
            again, others = classifier.classify(turned)
            assert again == told and all(abs(a - b) < 0.2 for a, b in zip(scores, others)), (label, seed)


def takes_other_rates(classifier):
    """The same motion, told twice or eight times as often on straight lines, is the same window."""
    for label in LABELS:
        window = a_window(label)
        for times in (2, 8):
            finer = [window[0]]
            for last, now in zip(window, window[1:]):
                finer += [[a + (b - a) * k / times for a, b in zip(last, now)] for k in range(1, times + 1)]
            assert classifier.classify(finer, rate=50.0 * times) == classifier.classify(window), (label, times)
    told, _ = classifier.classify(a_window("resting")[:64], rate=25.0, count=64)
    assert told == SHORT  # 2.52 s end with the last sample; the window needs 2.54 s
    assert classifier.classify(a_window("resting")[:65], rate=25.0)[0] == LABELS.index("resting")


def refuses_what_is_no_number(classifier):
    for value in (math.nan, math.inf, -math.inf, 1e30, 64.001, -64.001):
        for at in (0, 1, 77, WINDOW - 1):
            for axis in range(3):
                window = [list(sample) for sample in a_window()]
                window[at][axis] = value
                classifier.refuses(SAMPLE, window)
    for rate, used in ((50.0, 128), (75.0, 192), (100.0, 255)):  # a line between samples needs both its ends
        for at in range(0, used, 1 if rate == 75 else 2 if rate == 100 else 1):
            window = [(0.0, 0.0, 1.0)] * used
            window[at] = (0.0, math.nan, 1.0)
            classifier.refuses(SAMPLE, window, rate=rate)
    after = a_window() + [(math.nan,) * 3]  # is not looked at
    assert classifier.classify(after)[0] >= 0


def refuses_short_windows(classifier):
    window = a_window()
    for count in range(WINDOW):
        classifier.refuses(SHORT, window, count=count)
    classifier.refuses(SHORT, window, rate=50.5)
    assert classifier.classify(window)[0] >= 0


def refuses_bad_arguments(classifier):
    window = a_window()
    for rate in (0, -50, 24.9, 400.5, math.nan, math.inf):
        classifier.refuses(RATE, window, rate=rate)
    for places in range(5):
        classifier.refuses(ARGUMENT, window, places=places)
    size, rate = ctypes.c_size_t(WINDOW), ctypes.c_float(50)
    scores = (ctypes.c_float * 5)()
    memory = (ctypes.c_float * 3 * WINDOW)()
    assert classifier.library.activity_classify(None, size, rate, scores, ctypes.c_size_t(5)) == ARGUMENT
    assert classifier.library.activity_classify(memory, size, rate, None, ctypes.c_size_t(5)) == ARGUMENT


def takes_extremes(classifier):
    """What no wrist does is still answered, with whatever."""
    rng = random.Random(8)
    still = [(0.0, 0.0, 0.0)] * WINDOW
    shaken = [tuple(rng.choice((-64.0, 64.0)) for _ in range(3)) for _ in range(WINDOW)]
    tiny = [(1e-40, -1e-40, 1e-45)] * WINDOW
    for window in (still, shaken, tiny):
        told, scores = classifier.classify(window)
        assert 0 <= told < 5 and math.isclose(sum(scores[:5]), 1, abs_tol=1e-6)


if __name__ == "__main__":
    globals()[sys.argv[1]](Classifier(sys.argv[2]))
