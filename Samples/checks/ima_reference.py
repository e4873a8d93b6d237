"""IMA ADPCM written a second time, from the standard's text, plainly: what the module is checked against.

The step sizes grow by a tenth at a time but are rounded by no rule, so both have the same table; that it is the
standard's is what the comparison with audioop is for.
"""

STEPS = [
    7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66, 73, 80, 88, 97, 107,
    118, 130, 143, 157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449, 494, 544, 598, 658, 724, 796, 876, 963,
    1060, 1166, 1282, 1411, 1552, 1707, 1878, 2066, 2272, 2499, 2749, 3024, 3327, 3660, 4026, 4428, 4871, 5358, 5894,
    6484, 7132, 7845, 8630, 9493, 10442, 11487, 12635, 13899, 15289, 16818, 18500, 20350, 22385, 24623, 27086, 29794,
    32767,
]  # fmt: skip
INDEX_CHANGES = [-1, -1, -1, -1, 2, 4, 6, 8]


def step(sample, index, nibble):
    """The sample and the step index after a nibble."""
    size = STEPS[index]
    difference = size // 8 + sum(size // (1 << (2 - bit)) for bit in range(3) if nibble >> bit & 1)
    sample += -difference if nibble >= 8 else difference
    return max(-32768, min(32767, sample)), max(0, min(88, index + INDEX_CHANGES[nibble % 8]))


def decode_block(channels, block):
    """The samples of each channel of one block."""
    out = []
    for channel in range(channels):
        header = block[4 * channel : 4 * channel + 4]
        sample, index = int.from_bytes(header[:2], "little", signed=True), header[2]
        groups = [block[at : at + 4] for at in range(4 * (channels + channel), len(block), 4 * channels)]
        samples = [sample]
        for byte in b"".join(groups):
            for nibble in (byte & 15, byte >> 4):
                sample, index = step(sample, index, nibble)
                samples.append(sample)
        out.append(samples)
    return out


def encode_greedily(samples):
    """What an encoder gives that takes the nearest nibble for each sample: the samples decoded from it."""
    sample, index, decoded = samples[0], 0, [samples[0]]
    for wanted in samples[1:]:
        tried = [step(sample, index, nibble) for nibble in range(16)]
        sample, index = min(tried, key=lambda state: abs(wanted - state[0]))
        decoded.append(sample)
    return decoded
