"""Connects to the secure world as a service COUNT times, and says for each whether it was let in. Stays until its input ends.

    crowd.py SOCKET COUNT
"""
import socket
import sys

HELLO = bytes.fromhex("84010100a0")
connections = []
for _ in range(int(sys.argv[2])):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.settimeout(60)
    connection.connect(sys.argv[1])
    try:
        connection.send(HELLO)
        answer = connection.recv(4096)
    except (BrokenPipeError, ConnectionResetError):
        answer = b""
    print("in" if answer else "out", flush=True)
    connections.append(connection)
print("all", flush=True)
sys.stdin.read()
