"""Makes accelerometer recordings of people who don't exist.

A recording is what a sensor on the wrist would tell: x, y, z in g, gravity included, 50 times a second. It is made in
three steps. A *gait* gives, for the phase of a step or stroke, the force on the wrist (forward, sideways, up) and how
the forearm is turned; a *person* has habits (pace, bounce, how far the arm swings) and wears the sensor turned some
way; the *sensor* adds noise, an offset and its least digit. See README.md for what it leaves out.
"""

import math
import random

RATE = 50
DIGIT = 1 / 512  # of the sensor, in g
RANGE = 8  # of the sensor, in g

LABELS = ["resting", "walking", "running", "skipping", "swimming"]


class Gait:
    """What the wrist goes through: `at(phase)` gives (forward, sideways, up) in g, and (pitch, roll) in radians.

    `pace` is in phases (steps, strokes) per second; `unsteady` is how much pace and strength vary from step to step.
    """

    def __init__(self, pace, unsteady, at):
        self.pace, self.unsteady, self.at = pace, unsteady, at


def wave(phase, offset=0.0):
    return math.sin(2 * math.pi * (phase + offset))


def blow(phase, width):
    """A blow when the phase passes a whole number, that dies away; 1 at its height."""
    return math.exp(-(phase % 1) / width)


def push(phase, start, length):
    """A half wave from `start`, `length` phases long; 0 before and after."""
    within = (phase - start) % 1
    return math.sin(math.pi * within / length) if within < length else 0.0


def resting(rng):
    breath = rng.uniform(0.004, 0.02)
    lean, drift = rng.uniform(-0.3, 0.3), rng.uniform(0, 0.15)
    fidget, busy = rng.uniform(0, 0.12), rng.uniform(0, 0.4)

    def at(phase):  # a phase is a breath
        moving = fidget if wave(phase, 0.3) * wave(0.37 * phase) > 1 - busy else 0
        up = 1 + breath * wave(phase) + moving * wave(9.1 * phase)
        return (moving * wave(7.3 * phase), moving * wave(11 * phase), up), (lean + drift * wave(0.2 * phase), 0)

    return Gait(rng.uniform(0.2, 0.35), 0.1, at)


def walking(rng):
    pace = rng.uniform(1.5, 2.3)
    bounce = rng.uniform(0.6, 1.4) * (0.1 + 0.25 * (pace - 1.5))
    heel, sway, drive = rng.uniform(0.05, 0.4), rng.uniform(0.02, 0.12), rng.uniform(0.05, 0.2)
    swing, limp = rng.uniform(0.1, 0.6), rng.uniform(-0.15, 0.15)

    def at(phase):  # a phase is a step; an arm swings once in two
        up = 1 + (1 + limp * wave(phase / 2)) * (bounce * wave(phase, 0.25) + 0.3 * bounce * wave(2 * phase))
        up += heel * (blow(phase, 0.07) - 0.07)
        return (drive * wave(phase, 0.1), sway * wave(phase / 2), up), (swing * wave(phase / 2), 0.1 * wave(phase / 2))

    return Gait(pace, 0.05, at)


def running(rng):
    pace = rng.uniform(2.3, 3.2)
    contact = rng.uniform(0.45, 0.8)  # the part of a step that a foot is on the ground
    heel, drive, pull = rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.4), rng.uniform(0.2, 1.0)
    swing, limp = rng.uniform(0.2, 0.8), rng.uniform(-0.15, 0.15)

    def at(phase):  # a phase is a step; an arm swings once in two
        up = math.pi / 2 / contact * push(phase, 0, contact) * (1 + limp * wave(phase / 2))
        up += heel * (blow(phase, 0.06) - 0.06)
        forward = drive * wave(phase) + pull * wave(phase / 2)
        return (forward, 0.2 * pull * wave(phase / 2, 0.1), up), (swing * wave(phase / 2, 0.25), 0)

    return Gait(pace, 0.05, at)


def skipping(rng):
    step, hop = rng.uniform(0.2, 0.32), rng.uniform(0.2, 0.32)  # how long a foot is on the ground, in phases
    hop_start = rng.uniform(0.32, 0.45)
    weight = rng.uniform(0.35, 0.6)  # how much of the work the step does
    heel, drive, pull = rng.uniform(0.1, 0.7), rng.uniform(0.1, 0.5), rng.uniform(0.1, 0.6)
    swing = rng.uniform(0.2, 0.9)

    def at(phase):  # a phase is a step and a hop on one leg
        up = math.pi / 2 * (weight / step * push(phase, 0, step) + (1 - weight) / hop * push(phase, hop_start, hop))
        up += heel * (blow(phase, 0.04) + 0.7 * blow(phase - hop_start, 0.04) - 0.07)
        forward = drive * wave(phase, 0.2) + pull * wave(phase / 2)
        return (forward, 0.15 * wave(phase / 2), up), (swing * wave(phase / 2, 0.25), 0)

    return Gait(rng.uniform(1.15, 1.7), 0.07, at)


def swimming(rng):
    return crawl(rng) if rng.random() < 0.65 else breaststroke(rng)


def crawl(rng):
    pace = rng.uniform(0.4, 0.85)
    whirl = 0.06 * (2 * math.pi * pace) ** 2 * rng.uniform(0.6, 1.2)  # an arm of 0.6 m on its circle
    pull, splash, roll = rng.uniform(0.1, 0.5), rng.uniform(0.2, 1.0), rng.uniform(0.2, 0.7)
    uneven = rng.uniform(0.05, 0.13)  # over water the arm is faster than in it

    def at(phase):  # a phase is a whole turn of the arm
        turn = phase + uneven * wave(phase)
        pitch = 2 * math.pi * turn
        forward = pull * push(phase, 0.1, 0.5) - splash * blow(phase, 0.05) + whirl * math.sin(pitch)
        return (forward, 0.1 * wave(2 * phase), 1 + whirl * math.cos(pitch)), (pitch, roll * wave(phase, 0.1))

    return Gait(pace, 0.06, at)


def breaststroke(rng):
    pull, glide, splash = rng.uniform(0.2, 0.6), rng.uniform(0.3, 0.6), rng.uniform(0.05, 0.3)
    sweep, turn = rng.uniform(0.5, 1.1), rng.uniform(0.3, 1.0)

    def at(phase):  # a phase is a stroke: pull, shoot the arms forward, glide
        sweeping = push(phase, 0, 1 - glide)
        forward = pull * sweeping - 0.6 * pull * push(phase, 1 - glide, 0.3) + splash * blow(phase - (1 - glide), 0.06)
        return (forward, 0.4 * pull * sweeping, 1 + 0.2 * pull * wave(phase)), (sweep * sweeping, turn * sweeping)

    return Gait(rng.uniform(0.45, 0.9), 0.07, at)


GAITS = [resting, walking, running, skipping, swimming]  # in the order of LABELS


class Person:
    """Someone's habits, and how the sensor sits on the wrist. The same seed gives the same person."""

    def __init__(self, seed):
        rng = random.Random(seed)
        self.gaits = [gait(rng) for gait in GAITS]
        self.mount = random_rotation(rng)
        self.offset = [rng.uniform(-0.03, 0.03) for _ in range(3)]
        self.noise = rng.uniform(0.004, 0.03)
        self.rng = rng

    def record(self, label, seconds):
        """A list of (x, y, z) in g. Another call goes on with other steps of the same person."""
        rng, gait = self.rng, self.gaits[LABELS.index(label)]
        phase, hurry, strength, jolt = rng.random() * 2, 0.0, 1.0, [0.0] * 3
        samples = []
        for _ in range(round(seconds * RATE)):
            before = math.floor(phase)
            phase += gait.pace * (1 + hurry) / RATE
            if math.floor(phase) != before:  # each step has its own pace and strength
                hurry = rng.gauss(0, gait.unsteady)
                strength = max(0.5, rng.gauss(1, 1.5 * gait.unsteady))
            (forward, side, up), (pitch, roll) = gait.at(phase)
            force = turned((strength * forward, strength * side, 1 + strength * (up - 1)), pitch, roll)
            # Flesh and strap shake after each jerk: a coloured noise that grows with the force.
            level = 0.1 * abs(1 - math.sqrt(dot(force, force)))
            jolt = [0.6 * j + rng.gauss(0, level) for j in jolt]
            force = [f + j for f, j in zip(force, jolt)]
            samples.append(tuple(self.sense(row, force, o) for row, o in zip(self.mount, self.offset)))
        return samples

    def sense(self, row, force, offset):
        """What one axis of the sensor tells."""
        value = dot(row, force) + offset + self.rng.gauss(0, self.noise)
        return round(max(-RANGE, min(RANGE, value)) / DIGIT) * DIGIT


def dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def turned(force, pitch, roll):
    """A force in the frame of a forearm that is pitched about the sideways axis and rolled about its own."""
    forward, side, up = force
    forward, up = (forward * math.cos(pitch) - up * math.sin(pitch), forward * math.sin(pitch) + up * math.cos(pitch))
    side, up = side * math.cos(roll) - up * math.sin(roll), side * math.sin(roll) + up * math.cos(roll)
    return forward, side, up


def random_rotation(rng):
    """A rotation matrix, each as likely as any other: from four normal numbers as a quaternion."""
    w, x, y, z = (rng.gauss(0, 1) for _ in range(4))
    n = math.sqrt(w * w + x * x + y * y + z * z)
    w, x, y, z = w / n, x / n, y / n, z / n
    return [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
