#!/usr/bin/env python3
"""Makes melody.wav: four seconds of a plucked string in a small hall, 16 kHz, mono, 16 bits.

    make_audio.py OUT.wav

A string is Karplus and Strong's: a burst of noise goes round a delay line as long as the note's period and is softened
at each turn ("Digital Synthesis of Plucked-String and Drum Timbres", Computer Music Journal 7(2), 1983). The hall is
Schroeder's: four combs side by side, then two all-passes. Nothing is drawn from outside: every run gives the same file.
"""

import random
import sys
import wave

RATE = 16_000
SECONDS = 4
SOFTNESS = 3  # how often the burst is smoothed: 0 is a hard pick, more is flesh

# (start in seconds, note as semitones above A4, loudness): a rising arpeggio that comes to rest on a chord.
SCORE = [
    (0.00, -12, 0.9), (0.25, -5, 0.6), (0.50, 0, 0.6), (0.75, 3, 0.7), (1.00, 7, 0.8), (1.25, 3, 0.5),
    (1.50, -14, 0.9), (1.75, -7, 0.6), (2.00, -2, 0.6), (2.25, 2, 0.7), (2.50, 5, 0.8),
    (2.75, -17, 0.9), (2.77, -9, 0.6), (2.79, -5, 0.6), (2.81, 0, 0.6), (2.83, 4, 0.7),
]


def pluck(semitones, length, rng):
    """One string, plucked once: `length` samples."""
    period = RATE / (440 * 2 ** (semitones / 12))
    line = [rng.uniform(-1, 1) for _ in range(round(period - 0.5))]  # the averaging below adds half a sample
    for _ in range(SOFTNESS):
        line = [(line[i - 1] + line[i]) / 2 for i in range(len(line))]
    # A pluck at a fifth of the string has no energy in every fifth harmonic.
    line = [line[i] - line[i - len(line) // 5] for i in range(len(line))]
    out = []
    for i in range(length):
        at = i % len(line)
        out.append(line[at])
        line[at] = 0.4985 * (line[at] + line[(at + 1) % len(line)])
    return out


def comb(samples, delay, gain):
    """Echoes of echoes, `delay` samples apart."""
    out = []
    for i, sample in enumerate(samples):
        out.append(sample + (gain * out[i - delay] if i >= delay else 0))
    return out


def all_pass(samples, delay, gain):
    """Spreads echoes in time, and leaves every frequency as loud as it was."""
    out = []
    for i, sample in enumerate(samples):
        past = (samples[i - delay] + gain * out[i - delay]) if i >= delay else 0
        out.append(past - gain * sample)
    return out


def reverb(samples):
    combs = (comb(samples, delay, 0.77) for delay in (479, 587, 653, 701))
    mixed = [(a + b + c + d) / 4 for a, b, c, d in zip(*combs)]
    return all_pass(all_pass(mixed, 83, 0.7), 29, 0.7)


def melody():
    rng = random.Random(1983)
    dry = [0.0] * (RATE * SECONDS)
    for start, semitones, loudness in SCORE:
        first = round(start * RATE)
        for i, sample in enumerate(pluck(semitones, len(dry) - first, rng)):
            dry[first + i] += loudness * sample
    mixed = [0.8 * direct + 0.25 * hall for direct, hall in zip(dry, reverb(dry))]
    fade = RATE // 4
    for i in range(fade):
        mixed[-1 - i] *= i / fade
    peak = max(abs(sample) for sample in mixed)
    return [round(0.9 * 32767 * sample / peak) for sample in mixed]


def main():
    samples = melody()
    with wave.open(sys.argv[1], "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples))


if __name__ == "__main__":
    main()
