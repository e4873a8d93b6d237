#define _GNU_SOURCE
#include "linux_sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int option(int socket, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  return getsockopt(socket, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

int linux_is_listening(int socket) {
  if (option(socket, SO_DOMAIN) != AF_UNIX || option(socket, SO_TYPE) != SOCK_SEQPACKET) return -1;
  return option(socket, SO_ACCEPTCONN);
}

int linux_never_wait(int socket) {
  int flags = fcntl(socket, F_GETFL);
  return flags < 0 ? -1 : fcntl(socket, F_SETFL, flags | O_NONBLOCK);
}

int linux_accept(int socket) { return accept4(socket, NULL, NULL, SOCK_CLOEXEC); }

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

uint32_t linux_untaken(int socket) {
  uint32_t memory[16] = {0};
  socklen_t size = sizeof memory;
  enum { SENT = 2 };  // SK_MEMINFO_WMEM_ALLOC of linux/sock_diag.h
  return getsockopt(socket, SOL_SOCKET, SO_MEMINFO, memory, &size) == 0 ? memory[SENT] : 0;
}

int linux_peer(int socket, uint32_t *user, uint32_t *group) {
  struct ucred credentials;
  socklen_t size = sizeof credentials;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return -1;
  *user = credentials.uid;
  *group = credentials.gid;
  return 0;
}

int linux_peer_has_group(int socket, uint32_t group) {
  // Without room, the kernel says how much it takes: at most 256 KiB, since a process has at most 65536 groups.
  socklen_t size = 0;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) == 0 || errno != ERANGE) return 0;
  gid_t *groups = malloc(size);
  if (groups == NULL) return 0;
  int found = 0;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups, &size) == 0) {
    for (size_t i = 0; i < size / sizeof groups[0]; i++) found |= groups[i] == group;
  }
  free(groups);
  return found;
}

int linux_send_parts(int socket, const struct iovec *parts, size_t count) {
  struct msghdr message = {.msg_iov = (struct iovec *)parts, .msg_iovlen = count};
  size_t size = 0;
  for (size_t i = 0; i < count; i++) size += parts[i].iov_len;
  ssize_t sent;
  do {
    sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return -1;
  if ((size_t)sent != size) {
    errno = EMSGSIZE;
    return -1;
  }
  return 0;
}

ssize_t linux_receive_parts(int socket, const struct iovec *parts, size_t count) {
  // Without room for them, the kernel keeps descriptors back and says so.
  struct msghdr message = {.msg_iov = (struct iovec *)parts, .msg_iovlen = count};
  ssize_t received;
  do {
    received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received < 0) return -1;
  if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
    errno = EMSGSIZE;
    return -1;
  }
  return received;
}

_Static_assert(LINUX_POLL_HANG_UP == POLLRDHUP, "as the kernel numbers it");

int linux_poll(struct pollfd *wanted, size_t count, int64_t milliseconds) {
  int timeout = milliseconds < 0 ? -1 : milliseconds > INT_MAX ? INT_MAX : (int)milliseconds;
  int ready = poll(wanted, (nfds_t)count, timeout);
  return ready < 0 && errno == EINTR ? 0 : ready;
}
