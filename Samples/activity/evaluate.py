#!/usr/bin/env python3
"""Measures the module, as it ships, on synthetic people it was not trained on.

    evaluate.py MODULE.so

Prints how often each activity was taken for each, and the accuracy: windows told rightly of all windows.
"""

import ctypes
import sys

from dataset import HELD_OUT, WINDOW, windows
from synthetic import LABELS, RATE


def classify(module, window):
    samples = (ctypes.c_float * 3 * WINDOW)(*window)
    scores = (ctypes.c_float * len(LABELS))()
    return module.activity_classify(
        samples, ctypes.c_size_t(WINDOW), ctypes.c_float(RATE), scores, ctypes.c_size_t(len(LABELS))
    )


def main():
    module = ctypes.CDLL(sys.argv[1])
    confusion = [[0] * len(LABELS) for _ in LABELS]
    for window, label in windows(HELD_OUT):
        told = classify(module, window)
        if told < 0:
            sys.exit(f"evaluate.py: activity_classify returned {told}")
        confusion[label][told] += 1
    print(f"{'':12}" + "".join(f"{label:>10}" for label in LABELS))
    for label, row in zip(LABELS, confusion):
        print(f"{label:12}" + "".join(f"{n:10}" for n in row))
    right, total = sum(confusion[i][i] for i in range(len(LABELS))), sum(map(sum, confusion))
    print(f"accuracy {100 * right / total:.1f} % of {total} windows")


if __name__ == "__main__":
    main()
