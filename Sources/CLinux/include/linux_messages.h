// Messages with descriptors over a SOCK_SEQPACKET socket.
#ifndef LINUX_MESSAGES_H
#define LINUX_MESSAGES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// The most descriptors that a message of Husk carries.
enum { LINUX_MESSAGE_DESCRIPTORS = 4 };

/// A connected pair of SOCK_SEQPACKET sockets, close-on-exec; 0 or -1.
int linux_socket_pair(int *first, int *second);

/// Waits until a descriptor is readable or its other end closed: 1; 0 if that didn't happen within the milliseconds; -1.
/// Waits for ever if milliseconds is negative.
int linux_wait_readable(int fd, int64_t milliseconds);

/// A pipe, close-on-exec on both ends; 0 or -1.
int linux_pipe(int *read_end, int *write_end);

/// Sends one message with descriptor_count descriptors (0 to LINUX_MESSAGE_DESCRIPTORS), never raising SIGPIPE.
/// Returns 0, or -1 with errno: EAGAIN if the other end doesn't take messages and waits is 0.
int linux_send(int socket, const void *bytes, size_t count, const int *descriptors, size_t descriptor_count, int waits);

/// Receives one message. Descriptors arrive close-on-exec, at most LINUX_MESSAGE_DESCRIPTORS; *descriptor_count tells
/// how many. A message that is longer than capacity, or carried more descriptors, gives -1 with errno EMSGSIZE, and
/// whatever descriptors came with it are closed. Returns the message's length; 0 for an empty message, and when the other
/// end is closed: see linux_is_closed.
ssize_t linux_receive(int socket, void *buffer, size_t capacity, int *descriptors, size_t *descriptor_count);

/// Whether the other end of a socket is closed, or sends nothing any more.
int linux_is_closed(int socket);

#endif
