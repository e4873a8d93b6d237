// Reaching a service of the system.
#ifndef LINUX_SERVICE_CLIENT_H
#define LINUX_SERVICE_CLIENT_H

/// Connects to a SOCK_SEQPACKET socket in the file system, whose path may have any length. Waiting for the other end, now
/// and when sending, ends after `seconds` with EAGAIN.
///
/// Returns a close-on-exec descriptor; -1 with errno: ENOENT and ENOTDIR (no such path), ENOTSOCK and EPROTOTYPE (not
/// such a socket), ECONNREFUSED and EAGAIN (nobody takes the connection), or another.
int linux_connect(const char *path, int seconds);

#endif
