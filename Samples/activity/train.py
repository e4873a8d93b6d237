#!/usr/bin/env python3
"""Trains the model on synthetic people and writes it as a C table.

    train.py MEASURE.so OUT.inc

MEASURE.so is measure.c as a shared library (`make model` builds it and calls this): what is measured in training is
what the module measures. The same sources give the same model, byte for byte.
"""

import ctypes
import sys

import forest
from dataset import TRAINING, WINDOW, windows
from synthetic import LABELS

FEATURES = 16  # as FEATURE_COUNT


def measure(library, window):
    """The features of one window, by the C code."""
    samples = (ctypes.c_float * 3 * WINDOW)(*window)
    features = (ctypes.c_float * FEATURES)()
    library.activity_features(samples, features)
    return list(features)


def lay_out(root, nodes, leaves):
    """Appends a tree's nodes, each before its children, as C initialisers. Returns where the root went."""
    place = len(nodes)
    if isinstance(root, list):
        if root not in leaves:
            leaves.append(root)
        nodes.append(f"{{LEAF, 0, {leaves.index(root)}, 0}}")
        return place
    feature, threshold, below, above = root
    nodes.append("")
    below, above = lay_out(below, nodes, leaves), lay_out(above, nodes, leaves)
    nodes[place] = f"{{{feature}, {threshold.hex()}f, {below}, {above}}}"
    return place


def table(declaration, rows, per_line):
    lines = [", ".join(rows[i : i + per_line]) + "," for i in range(0, len(rows), per_line)]
    return "\n".join([f"static const {declaration} = {{"] + ["    " + line for line in lines] + ["};"])


def main():
    library = ctypes.CDLL(sys.argv[1])
    rows, labels = [], []
    for window, label in windows(TRAINING):
        rows.append(measure(library, window))
        labels.append(label)
    nodes, leaves = [], []
    roots = [lay_out(root, nodes, leaves) for root in forest.train(rows, labels, len(LABELS), seed=2001)]
    votes = ["{" + ", ".join(map(str, leaf)) + "}" for leaf in leaves]
    with open(sys.argv[2], "w", encoding="ascii") as out:
        print("/* Made by train.py: don't edit. */", file=out)
        print(table("uint16_t roots[]", list(map(str, roots)), 16), file=out)
        print(table("uint8_t votes[][ACTIVITY_COUNT]", votes, 5), file=out)
        print(table("node nodes[]", nodes, 3), file=out)


if __name__ == "__main__":
    main()
