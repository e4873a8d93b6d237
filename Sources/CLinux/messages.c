#define _GNU_SOURCE
#include "linux_messages.h"

#include "linux_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int linux_socket_pair(int *first, int *second) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return -1;
  *first = pair[0];
  *second = pair[1];
  return 0;
}

int linux_wait_readable(int fd, int64_t milliseconds) {
  struct pollfd wanted = {.fd = fd, .events = POLLIN};
  int64_t end = linux_monotonic_milliseconds() + milliseconds;
  for (;;) {
    int64_t left = milliseconds < 0 ? -1 : end - linux_monotonic_milliseconds();
    int ready = poll(&wanted, 1, milliseconds < 0 || left > 0 ? (int)left : 0);
    if (ready >= 0) return ready > 0 ? 1 : 0;
    if (errno != EINTR) return -1;
  }
}

int linux_is_closed(int socket) {
  struct pollfd wanted = {.fd = socket, .events = POLLRDHUP};
  return poll(&wanted, 1, 0) != 0;
}

int linux_pipe(int *read_end, int *write_end) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return -1;
  *read_end = ends[0];
  *write_end = ends[1];
  return 0;
}

int linux_send(int socket, const void *bytes, size_t count, const int *descriptors, size_t descriptor_count,
               int waits) {
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int) * LINUX_MESSAGE_DESCRIPTORS)];
  } control;
  struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (descriptor_count > LINUX_MESSAGE_DESCRIPTORS) {
    errno = EINVAL;
    return -1;
  }
  if (descriptor_count > 0) {
    memset(&control, 0, sizeof control);
    message.msg_control = control.space;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * descriptor_count);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * descriptor_count);
    memcpy(CMSG_DATA(header), descriptors, sizeof(int) * descriptor_count);
  }
  ssize_t sent;
  do {
    sent = sendmsg(socket, &message, MSG_NOSIGNAL | (waits ? 0 : MSG_DONTWAIT));
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return -1;
  if ((size_t)sent != count) {
    errno = EMSGSIZE;
    return -1;
  }
  return 0;
}

ssize_t linux_receive(int socket, void *buffer, size_t capacity, int *descriptors, size_t *descriptor_count) {
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int) * LINUX_MESSAGE_DESCRIPTORS)];
  } control;
  struct iovec part = {.iov_base = buffer, .iov_len = capacity};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
  ssize_t received;
  *descriptor_count = 0;
  do {
    received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received < 0) return -1;
  size_t found = 0;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int fd;
      memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
      if (found < LINUX_MESSAGE_DESCRIPTORS) {
        descriptors[found++] = fd;
      } else {
        close(fd);
      }
    }
  }
  if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
    for (size_t i = 0; i < found; i++) close(descriptors[i]);
    errno = EMSGSIZE;
    return -1;
  }
  *descriptor_count = found;
  return received;
}
