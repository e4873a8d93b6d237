#!/usr/bin/env python3
"""Checks what the firmware encoded and decoded with a second reader of both kinds of WAV file.

    compare_wav.py PCM.wav ENCODED.wav DECODED.wav

ENCODED, read by ima_reference.py, must be DECODED, read by Python's wave module, and close to PCM.
"""

import array
import math
import struct
import sys
import wave

import ima_reference as reference


def read_pcm(path):
    with wave.open(path) as file:
        assert file.getsampwidth() == 2
        return file.getnchannels(), array.array("h", file.readframes(file.getnframes())).tolist()


def read_adpcm(path):
    with open(path, "rb") as file:
        data = file.read()
    assert data[:4] == b"RIFF" and data[8:12] == b"WAVE" and int.from_bytes(data[4:8], "little") == len(data) - 8
    chunks, at = {}, 12
    while at < len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        chunks[name] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    assert at == len(data)
    tag, channels, rate, per_second, block, bits, extra, frames = struct.unpack("<HHIIHHHH", chunks[b"fmt "])
    assert (tag, bits, extra) == (0x11, 4, 2) and frames == 2 * (block - 4 * channels) // channels + 1
    assert per_second == rate * block // frames
    samples = []
    for start in range(0, len(chunks[b"data"]), block):
        decoded = reference.decode_block(channels, chunks[b"data"][start : start + block])
        samples += [sample for frame in zip(*decoded) for sample in frame]
    return channels, samples[: channels * struct.unpack("<I", chunks[b"fact"])[0]]


def main():
    before, encoded, decoded = read_pcm(sys.argv[1]), read_adpcm(sys.argv[2]), read_pcm(sys.argv[3])
    assert encoded == decoded, "the decoder reads something else"
    assert len(before[1]) == len(decoded[1]), "another length"
    noise = sum((a - b) ** 2 for a, b in zip(before[1], decoded[1]))
    ratio = 10 * math.log10(sum(a * a for a in before[1]) / noise)
    assert ratio >= 27, f"{ratio:.2f} dB"


if __name__ == "__main__":
    main()
