"""From ciphertext to the module: Cobblestone-256, then one LZ4 frame and one skippable frame (SPEC 4.2).

The stock tool `lz4` decompresses. What it is lax about is checked here first, on the bytes.
"""

from __future__ import annotations

import subprocess
import tempfile

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidTag

from .encoding import encode
from .refusal import Refused, require

HEADER = 56  # salt and commitment
CHUNK = 16400  # 16384 bytes and a tag
FRAME, SKIPPABLE = 0x184D2204, 0x184D2A50


def context(name: str, epoch: int, version: list[int], machine: int) -> bytes:
    return encode(["husk-payload", name, epoch, version, machine])


def open_payload(payload: bytes, key: bytes, context: bytes, bound: int) -> bytes:
    """The module in a payload."""
    require(has_chunks(len(payload)), "size-mismatch", "no sequence of chunks has this size")
    return decompress(decrypt(payload, key, context), bound)


def has_chunks(size: int) -> bool:
    """Whether a message has this size: its last chunk is shorter than a full one, and has a tag at least."""
    return size > HEADER and (size - HEADER) % CHUNK >= 16


def decrypt(payload: bytes, key: bytes, context: bytes) -> bytes:
    try:
        decryptor = Cobblestone256Decryptor(key, context)
        return decryptor.update(payload) + decryptor.finalize()
    except (InvalidTag, ValueError) as error:
        raise Refused("decryption-failed", str(error)) from None


def encrypt(padded: bytes, key: bytes, context: bytes) -> bytes:
    encryptor = Cobblestone256Encryptor(key, context)
    return encryptor.update(padded) + encryptor.finalize()


def decompress(padded: bytes, bound: int) -> bytes:
    size, end = frame_end(padded)
    require(size <= bound, "size-mismatch", "more than the declared bound")
    done = subprocess.run(["lz4", "-dc"], check=False, input=padded[:end], capture_output=True)
    require(done.returncode == 0, "decompression-failed", done.stderr.decode(errors="replace"))
    require(len(done.stdout) == size, "decompression-failed", "not the content size")
    return done.stdout


def frame_end(padded: bytes) -> tuple[int, int]:
    """Content size of the frame, and where it ends: behind it lies the one skippable frame."""

    def take(at: int, size: int) -> int:
        require(at + size <= len(padded), "decompression-failed", "the frame is cut off")
        return int.from_bytes(padded[at : at + size], "little")

    require(take(0, 4) == FRAME, "decompression-failed", "not an LZ4 frame")
    flags, block = take(4, 1), take(5, 1)
    require(flags >> 6 == 1 and flags & 0b10 == 0, "decompression-failed", "an unknown kind of frame")
    require(flags & 0b101000 == 0b101000, "decompression-failed", "blocks depend on each other, or no content size")
    require(flags & 1 == 0, "decompression-failed", "a dictionary")
    require(block in (0x40, 0x50), "decompression-failed", "blocks of another size than 64 or 256 KiB")
    size, at = take(6, 8), 15
    require(size > 0, "decompression-failed", "an empty module")
    while length := take(at, 4):
        at += 4 + (length & 0x7FFFFFFF) + (4 if flags & 0b10000 else 0)
    at += 4 + (4 if flags & 0b100 else 0)
    require(take(at, 4) == SKIPPABLE, "decompression-failed", "no padding")
    require(at + 8 + take(at + 4, 4) == len(padded), "decompression-failed", "padding ends elsewhere")
    require(not any(padded[at + 8 :]), "decompression-failed", "padding that isn't zeros")
    return size, at


def compress(module: bytes) -> bytes:
    """A frame as SPEC 4.2 demands it, and the padding behind it."""
    frame = run_on_file(["lz4", "-12", "-B5", "--content-size", "--no-frame-crc", "-c"], module)
    return frame + padding(len(frame))


def padding(frame_size: int) -> bytes:
    length = padme(frame_size + 8) - frame_size - 8
    return SKIPPABLE.to_bytes(4, "little") + length.to_bytes(4, "little") + bytes(length)


def run_on_file(command: list[str], content: bytes) -> bytes:
    """What a command makes of a file. (lz4 writes a content size only if it reads a file.)"""
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        return subprocess.run([*command, file.name], check=True, capture_output=True).stdout


def padme(length: int) -> int:
    exponent = length.bit_length() - 1
    kept = exponent.bit_length()
    unit = 1 << (exponent - kept)
    return -(-length // unit) * unit


def declared_bound(module_size: int) -> int:
    return max(4096, padme(module_size))
