"""The windows that the model is trained on, and the held-out ones it is measured by: other people, none in both."""

from synthetic import LABELS, Person

WINDOW = 128  # samples, as ACTIVITY_WINDOW
HOP = WINDOW // 2  # half of a window is in the next one too
SECONDS = 9  # of each activity by each person: six windows

# Seeds of people. Whoever is in one group is in no other.
TRAINING = range(1_000, 1_080)
HELD_OUT = range(2_000, 2_080)


def windows(people):
    """Yields (window, number of its label), person by person."""
    for seed in people:
        person = Person(seed)
        for number, label in enumerate(LABELS):
            samples = person.record(label, SECONDS)
            for start in range(0, len(samples) - WINDOW + 1, HOP):
                yield samples[start : start + WINDOW], number
