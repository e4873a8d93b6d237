#!/usr/bin/env python3
"""Checks the codec module, as it ships.

    codec_checks.py CHECK com.example.adpcm.so MELODY.wav

CHECK is the name of a function below. Exits with 0 if what it says holds, and with a traceback if not.
"""

import array
import ctypes
import math
import random
import sys
import wave

import ima_reference as reference

OK, FORMAT, LENGTH, CORRUPT = 0, -1, -2, -3
GUARD = b"\xa5" * 64  # after each buffer: nothing may write there


class Codec:
    """The module's functions, by symbol name."""

    def __init__(self, path):
        self.library = ctypes.CDLL(path)
        self.library.adpcm_frames_per_block.restype = ctypes.c_size_t

    def frames_per_block(self, channels, block_size):
        return self.library.adpcm_frames_per_block(ctypes.c_uint32(channels), ctypes.c_size_t(block_size))

    def encode(self, channels, samples, block_size, frame_count=None):
        """(status, block). `samples` are interleaved; `block` is None if nothing was written."""
        frames = array.array("h", samples).tobytes()
        frame_count = len(samples) // channels if frame_count is None else frame_count
        block = ctypes.create_string_buffer(GUARD[:1] * block_size + GUARD)
        status = self.library.adpcm_encode_block(
            ctypes.c_uint32(channels), frames, ctypes.c_size_t(frame_count), block, ctypes.c_size_t(block_size)
        )
        return status, unguarded(block, block_size, status)

    def decode(self, channels, block, block_size=None, capacity=None):
        """(status, interleaved samples), or (status, None) if nothing was written."""
        block_size = len(block) if block_size is None else block_size
        capacity = self.frames_per_block(channels, block_size) if capacity is None else capacity
        size = 2 * channels * capacity
        frames = ctypes.create_string_buffer(GUARD[:1] * size + GUARD)
        status = self.library.adpcm_decode_block(
            ctypes.c_uint32(channels), block, ctypes.c_size_t(len(block)), ctypes.c_size_t(block_size), frames,
            ctypes.c_size_t(capacity),
        )  # fmt: skip
        written = unguarded(frames, size, status)
        return status, None if written is None else array.array("h", written).tolist()


def unguarded(buffer, size, status):
    """What was written. Nothing may be beyond `size`, and nothing at all unless the status is OK."""
    assert buffer.raw[size:].startswith(GUARD), "wrote beyond the buffer"
    if status == OK:
        return buffer.raw[:size]
    assert set(buffer.raw[:size]) <= set(GUARD), "wrote something although it failed"
    return None


def random_block(rng, channels, groups):
    headers = b"".join(
        rng.randrange(-32768, 32768).to_bytes(2, "little", signed=True) + bytes([rng.randrange(89), 0])
        for _ in range(channels)
    )
    return headers + rng.randbytes(4 * channels * groups)


def interleaved(channels):
    return [sample for frame in zip(*channels) for sample in frame]


def snr(before, after):
    noise = sum((a - b) ** 2 for a, b in zip(before, after))
    return 10 * math.log10(sum(a * a for a in before) / noise)


def read_melody(path):
    with wave.open(path) as file:
        return array.array("h", file.readframes(file.getnframes())).tolist()


def decodes_as_the_reference(codec, _):
    rng = random.Random(1)
    for channels in (1, 2):
        for groups in (1, 2, 3, 63, 255):
            for _ in range(20):
                block = random_block(rng, channels, groups)
                assert codec.decode(channels, block) == (OK, interleaved(reference.decode_block(channels, block)))


def reference_agrees_with_audioop(_, __):
    """The standard library had the same arithmetic in C until Python 3.13, with the high nibble first."""
    import audioop

    rng = random.Random(2)
    for _ in range(200):
        block = random_block(rng, 1, 30)
        start = (int.from_bytes(block[:2], "little", signed=True), block[2])
        swapped = bytes(byte >> 4 | (byte & 15) << 4 for byte in block[4:])
        decoded, _ = audioop.adpcm2lin(swapped, 2, start)
        assert reference.decode_block(1, block) == [[start[0]] + array.array("h", decoded).tolist()]


def encodes_the_melody_well(codec, melody):
    samples, block_size = read_melody(melody), 256
    size = codec.frames_per_block(1, block_size)
    whole = samples[: len(samples) // size * size]
    decoded = []
    for at in range(0, len(whole), size):
        status, block = codec.encode(1, whole[at : at + size], block_size)
        assert status == OK
        decoded += reference.decode_block(1, block)[0]
    here, greedy = snr(whole, decoded), snr(whole, reference.encode_greedily(whole))
    print(f"{here:.2f} dB; greedily {greedy:.2f} dB")
    assert here >= 27 and here >= greedy + 1.3


def encodes_extremes(codec, _):
    size, block_size = 505, 256
    rng = random.Random(3)
    signals = {
        "silence": [0] * size,
        "lowest": [-32768] * size,
        "highest": [32767] * size,
        "square": [(-32768, 32767)[i // 20 % 2] for i in range(size)],
        "alternating": [(-32768, 32767)[i % 2] for i in range(size)],
        "impulse": [32767 if i == 250 else 0 for i in range(size)],
        "noise": [rng.randrange(-32768, 32768) for _ in range(size)],
    }
    for name, samples in signals.items():
        status, block = codec.encode(1, samples, block_size)
        assert status == OK and block[2] <= 88 and block[3] == 0, name
        decoded = reference.decode_block(1, block)[0]
        assert decoded[0] == samples[0], name
        if name in ("silence", "lowest", "highest"):  # the eighth of a step that is always added may not build up
            assert max(abs(a - b) for a, b in zip(samples, decoded)) <= 7, name
        else:
            greedy = reference.encode_greedily(samples)
            noise = [sum((a - b) ** 2 for a, b in zip(samples, other)) for other in (decoded, greedy)]
            assert noise[0] < noise[1], name


def encodes_channels_by_themselves(codec, _):
    rng = random.Random(4)
    for groups in (1, 2, 31):
        size = 8 * groups + 1
        left = [round(9000 * math.sin(i / 5)) for i in range(size)]
        right = [rng.randrange(-3000, 3000) for _ in range(size)]
        status, block = codec.encode(2, interleaved([left, right]), 8 * (groups + 1))
        assert status == OK
        alone = []
        for samples in (left, right):
            status, mono = codec.encode(1, samples, 4 * (groups + 1))
            assert status == OK
            alone.append(reference.decode_block(1, mono)[0])
        assert reference.decode_block(2, block) == alone


def tells_the_layout(codec, _):
    assert codec.library.adpcm_interface() == 1
    layouts = {(1, 256): 505, (2, 512): 505, (1, 8): 9, (2, 16): 9, (2, 2048): 2041, (1, 65532): 131057}
    none = [(0, 256), (3, 768), (1, 0), (1, 4), (2, 8), (1, 255), (2, 260), (1, 65536), (2, 65536), (1, 2**64 - 4)]
    for layout, frames in layouts.items():
        assert codec.frames_per_block(*layout) == frames, layout
    for layout in none:
        assert codec.frames_per_block(*layout) == 0, layout


def refuses_what_is_bad(codec, _):
    good = random_block(random.Random(5), 1, 1)
    assert codec.decode(1, good)[0] == OK
    for index in range(256):
        status, _ = codec.decode(1, good[:2] + bytes([index]) + good[3:])
        assert status == (OK if index <= 88 else CORRUPT), index
    for reserved in range(1, 256):
        assert codec.decode(1, good[:3] + bytes([reserved]) + good[4:])[0] == CORRUPT, reserved
    both = random_block(random.Random(6), 2, 1)
    assert codec.decode(2, both[:6] + b"\x59" + both[7:])[0] == CORRUPT  # the second channel's header
    for available in range(len(good)):
        assert codec.decode(1, good[:available], block_size=len(good), capacity=9)[0] == LENGTH, available
    assert codec.decode(1, good, capacity=8)[0] == LENGTH
    assert codec.decode(3, good, capacity=9)[0] == FORMAT
    assert codec.decode(1, good + b"\0", block_size=9, capacity=9)[0] == FORMAT
    assert codec.encode(1, [0] * 8, 8)[0] == LENGTH
    assert codec.encode(1, [0] * 9, 8)[0] == OK
    assert codec.encode(1, [0] * 9, 7)[0] == FORMAT
    assert codec.encode(0, [0] * 9, 8, frame_count=9)[0] == FORMAT
    size, one = ctypes.c_size_t(8), ctypes.c_uint32(1)
    assert codec.library.adpcm_decode_block(one, None, size, size, None, ctypes.c_size_t(9)) == FORMAT
    assert codec.library.adpcm_encode_block(one, None, ctypes.c_size_t(9), None, size) == FORMAT


if __name__ == "__main__":
    globals()[sys.argv[1]](Codec(sys.argv[2]), sys.argv[3])
