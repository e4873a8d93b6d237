#!/usr/bin/env python3
"""A secret provider that shares no code with Husk: written from SPEC 7.3, 7.4, 7.6 and 8 alone.

  independent_provider.py DECRYPTOR FOLDER

It stands for a platform that has the device's secrets in a place of its own. FOLDER holds what that place gives: `cdis`
(64 bytes), `silicon` (a certificate chain), `dice` (a CBOR array of DICE certificates) and `roots` (32 bytes each). The
decryptor's storage is made there.

It starts the decryptor, serves it, and is its client too: prints the device's identity in hexadecimal, then loads the
package and grant that are named on the lines of its standard input, and prints what came of each: the SHA-256 of the
module, or the number of the refusal. At the end it prints what the decryptor asked for, and how it ended.
"""

import array
import hashlib
import os
import socket
import sys
import threading
import time

SECRETS, COUNTER_READ, COUNTER_INCREMENT, TIME, CONFIRM, TRY = range(6)
MALFORMED, NOT_FOUND = 1, 65


# Deterministic CBOR (RFC 8949 4.2.1): what the two protocols need of it.


def head(major, argument):
    for size, additional in ((0, None), (1, 24), (2, 25), (4, 26), (8, 27)):
        if size == 0 and argument < 24:
            return bytes([major << 5 | argument])
        if size > 0 and argument < 1 << 8 * size:
            return bytes([major << 5 | additional]) + argument.to_bytes(size, "big")
    raise ValueError(argument)


class Encoded(bytes):
    """An item that is encoded already."""


def encode(item):
    if isinstance(item, Encoded):
        return bytes(item)
    if item is None or isinstance(item, bool):
        return {False: b"\xf4", True: b"\xf5", None: b"\xf6"}[item]
    if isinstance(item, int):
        return head(0, item) if item >= 0 else head(1, -1 - item)
    if isinstance(item, bytes):
        return head(2, len(item)) + item
    if isinstance(item, list):
        return head(4, len(item)) + b"".join(map(encode, item))
    pairs = sorted((encode(key), encode(value)) for key, value in item.items())
    return head(5, len(pairs)) + b"".join(key + value for key, value in pairs)


def decode(data):
    item, rest = decode_item(data)
    if rest:
        raise ValueError("trailing bytes")
    return item


def decode_item(data):
    major, additional, data = data[0] >> 5, data[0] & 31, data[1:]
    if major == 7:
        return {20: False, 21: True, 22: None}[additional], data
    size = 0 if additional < 24 else {24: 1, 25: 2, 26: 4, 27: 8}[additional]
    argument = int.from_bytes(data[:size], "big") if size else additional
    data = data[size:]
    if major == 0:
        return argument, data
    if major == 1:
        return -1 - argument, data
    if major in (2, 3):
        text = data[:argument]
        return (text if major == 2 else text.decode()), data[argument:]
    items = []
    for _ in range(argument * (2 if major == 5 else 1)):
        item, data = decode_item(data)
        items.append(item)
    return (dict(zip(items[::2], items[1::2])) if major == 5 else items), data


class Provider(threading.Thread):
    """SPEC 7.6: answers the decryptor until it hangs up."""

    def __init__(self, connection, cdis, notes):
        super().__init__()
        self.connection, self.cdis, self.notes = connection, cdis, notes
        self.counter = 0
        self.asked = []

    def run(self):
        while request := self.connection.recv(4096):
            try:
                version, number, operation = decode(request)
                known = version == 1 and operation in range(6)
            except (ValueError, KeyError, IndexError, TypeError):
                number, known = 0, False
            if not known:
                self.reply(number, MALFORMED, None)
                continue
            self.asked.append(operation)
            if operation == SECRETS:
                if self.cdis is None:
                    self.reply(number, NOT_FOUND, None)
                else:
                    self.connection.send(self.cdis + self.notes)
                    self.cdis = None
            elif operation in (CONFIRM, TRY):
                self.reply(number, NOT_FOUND, None)
            elif operation == TIME:
                self.reply(number, 0, int(time.time()))
            else:
                self.counter += operation == COUNTER_INCREMENT
                self.reply(number, 0, self.counter)

    def reply(self, number, status, value):
        self.connection.send(encode([1, number, status, value]))


class Client:
    """SPEC 8: asks the decryptor."""

    def __init__(self, connection):
        self.connection, self.number = connection, 0

    def ask(self, operation, body, descriptors=()):
        self.number += 1
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
        self.connection.sendmsg([encode([1, self.number, operation, body])], ancillary)
        while True:
            message, received, _, _ = socket.recv_fds(self.connection, 65536, 1)
            kind, number, *rest = decode(message)
            if kind == 1 and number == self.number:
                return rest[0], rest[1], received

    def load(self, package, grant):
        descriptors = [os.open(path, os.O_RDONLY) for path in (package, grant)]
        status, body, received = self.ask(1, {1: True}, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        if status != 0:
            return f"refused {status}"
        with open(received[0], "rb") as module:
            module.seek(0)
            return hashlib.sha256(module.read(body[5])).hexdigest()


def start(decryptor, provider, client, storage):
    """Starts the decryptor with nothing but descriptors 0 to 6, and an empty environment."""
    process = os.fork()
    if process == 0:
        files = [os.open(path, os.O_RDWR | os.O_CREAT, 0o600) for path in storage]
        descriptors = [provider.fileno(), client.fileno()] + files
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, 100 + number)
        for number in range(len(descriptors)):
            os.dup2(100 + number, 3 + number)
        os.closerange(3 + len(descriptors), 200)
        os.execve(decryptor, ["decryptor"], {})
    return process


def main(decryptor, folder):
    def read(name):
        with open(os.path.join(folder, name), "rb") as file:
            return file.read()

    roots = read("roots")
    notes = encode(
        {
            1: 1,
            2: [roots[start : start + 32] for start in range(0, len(roots), 32)],
            3: 0,
            4: 0x3000,
            5: [0, 0, 0],
            6: 2,
            7: 1_790_000_000,
            8: True,
            9: Encoded(read("silicon")),
            10: Encoded(read("dice")),
            11: 64902,
            12: 64902,
            13: [0, 0, False],
        }
    )
    provider, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    client, clients = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    storage = [os.path.join(folder, name) for name in ("storage-0", "storage-1")]
    process = start(decryptor, theirs, clients, storage)
    theirs.close()
    clients.close()
    thread = Provider(provider, read("cdis"), notes)
    thread.start()
    asking = Client(client)
    print("identity", asking.ask(2, {})[1][1].hex(), flush=True)
    for line in sys.stdin:
        print(asking.load(*line.split()), flush=True)
    client.close()
    _, status = os.waitpid(process, 0)
    thread.join()
    print("asked", *thread.asked)
    print("counted", thread.counter)
    print("ended", os.waitstatus_to_exitcode(status))


main(*sys.argv[1:])
