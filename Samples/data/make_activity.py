#!/usr/bin/env python3
"""Makes day.csv, a minute of someone's accelerometer, and day.labels.csv, what they were doing.

    make_activity.py OUT.csv OUT.labels.csv

The person is synthetic (../activity/synthetic.py), and neither one that the model was trained on nor one that it is
measured by. Nothing is drawn from outside: every run gives the same files.
"""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "activity"))
from synthetic import RATE, Person  # noqa: E402 (the path comes first)

PERSON = 3_000
DAY = [("skipping", 12), ("swimming", 14), ("resting", 9), ("walking", 13), ("running", 12)]  # label, seconds


def main():
    person = Person(PERSON)
    samples, start = [], 0
    with open(sys.argv[2], "w", encoding="ascii") as labels:
        print("start,end,label", file=labels)
        for label, seconds in DAY:
            print(f"{start},{start + seconds},{label}", file=labels)
            samples += person.record(label, seconds)
            start += seconds
    with open(sys.argv[1], "w", encoding="ascii") as out:
        print("t,x,y,z", file=out)
        for i, (x, y, z) in enumerate(samples):
            print(f"{i / RATE:.2f},{x:.3f},{y:.3f},{z:.3f}", file=out)


if __name__ == "__main__":
    main()
