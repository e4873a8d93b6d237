"""Trains a decision forest: trees that each see the windows drawn anew, and a few features at each node.

After L. Breiman, "Random Forests", Machine Learning 45, 2001. Plain Python; the same seed gives the same forest.
"""

import random
import struct

TREES = 16
DEPTH = 8
LEAF = 4  # a leaf holds at least so many windows
TRIED = 5  # features tried at each node
VOTES = 255  # that a leaf shares out


def train(rows, labels, label_count, seed):
    """rows: features of each window, float32 values. Returns the roots of the trees.

    A node is (feature, threshold, below, above); a leaf is a list of its votes.
    """
    rng = random.Random(seed)
    roots = []
    for _ in range(TREES):
        drawn = [rng.randrange(len(rows)) for _ in rows]
        roots.append(grow(rows, labels, label_count, drawn, DEPTH, rng))
    return roots


def grow(rows, labels, label_count, members, depth, rng):
    counts = count(labels, label_count, members)
    if depth == 0 or max(counts) == len(members):
        return votes(counts)
    tried = rng.sample(range(len(rows[0])), TRIED)
    splits = [split for split in (best_split(rows, labels, counts, members, feature) for feature in tried) if split]
    if not splits:
        return votes(counts)
    _, feature, threshold = max(splits)
    below = [m for m in members if rows[m][feature] <= threshold]
    above = [m for m in members if rows[m][feature] > threshold]
    return (
        feature,
        threshold,
        grow(rows, labels, label_count, below, depth - 1, rng),
        grow(rows, labels, label_count, above, depth - 1, rng),
    )


def count(labels, label_count, members):
    counts = [0] * label_count
    for member in members:
        counts[labels[member]] += 1
    return counts


def best_split(rows, labels, counts, members, feature):
    """The threshold that leaves the purest halves (least Gini impurity), as (purity, feature, threshold), or None."""
    ordered = sorted(members, key=lambda m: rows[m][feature])
    below, above = [0] * len(counts), list(counts)
    below_squares, above_squares = 0, sum(c * c for c in counts)
    best = None
    for i in range(len(ordered) - 1):
        label = labels[ordered[i]]
        below_squares += 2 * below[label] + 1
        above_squares -= 2 * above[label] - 1
        below[label] += 1
        above[label] -= 1
        here, there = rows[ordered[i]][feature], rows[ordered[i + 1]][feature]
        size = i + 1
        if here == there or size < LEAF or len(ordered) - size < LEAF:
            continue
        purity = below_squares / size + above_squares / (len(ordered) - size)
        if best is None or purity > best[0]:
            middle = float32((here + there) / 2)
            best = (purity, feature, middle if middle < there else here)
    return best


def votes(counts):
    """The counts as shares of VOTES: rounded down, and what is left goes to the greatest remainders."""
    total = sum(counts)
    shares = [c * VOTES // total for c in counts]
    by_remainder = sorted(range(len(counts)), key=lambda i: -(counts[i] * VOTES % total))
    for i in by_remainder[: VOTES - sum(shares)]:
        shares[i] += 1
    return shares


def float32(value):
    """As C will hold it."""
    return struct.unpack("<f", struct.pack("<f", value))[0]
