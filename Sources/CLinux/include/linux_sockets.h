// Sockets that listen, who is at the other end of one, and messages in several parts.
#ifndef LINUX_SOCKETS_H
#define LINUX_SOCKETS_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/// What a SOCK_SEQPACKET UNIX socket is: 1 one that listens, 0 one that doesn't, -1 for any other descriptor.
int linux_is_listening(int socket);

/// Has accepting never wait: 0 or -1.
int linux_never_wait(int socket);

/// accept4(2), close-on-exec: the connected socket, or -1 with errno.
int linux_accept(int socket);

/// How many bytes of memory hold messages that the other end of a UNIX socket hasn't taken; 0 also if that can't be told
/// (before Linux 4.12).
uint32_t linux_untaken(int socket);

/// Who connected this socket (SO_PEERCRED): 0 or -1.
int linux_peer(int socket, uint32_t *user, uint32_t *group);

/// Whether `group` is among the supplementary groups of who connected this socket (SO_PEERGROUPS): 1 or 0, and 0 if it
/// can't be told.
int linux_peer_has_group(int socket, uint32_t group);

/// Sends one message that is made of several parts, never raising SIGPIPE, without waiting; 0 or -1 with errno.
int linux_send_parts(int socket, const struct iovec *parts, size_t count);

/// Receives one message into several parts in turn. Returns its length; 0 for an empty message and when the other end is
/// closed. One that doesn't fit, or that carries descriptors, gives -1 with errno EMSGSIZE, and no descriptor arrives.
ssize_t linux_receive_parts(int socket, const struct iovec *parts, size_t count);

/// The event of poll(2) that the other end, or half of it, is closed: POLLRDHUP, which not every header shows.
enum { LINUX_POLL_HANG_UP = 0x2000 };

/// poll(2) for at most some milliseconds, for ever if negative; returns how many are ready, 0 also after a signal, or -1.
int linux_poll(struct pollfd *wanted, size_t count, int64_t milliseconds);

#endif
