#define _GNU_SOURCE
#include "linux_service_client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_to(int entry, int seconds) {
  struct stat status;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  struct timeval patience = {.tv_sec = seconds};
  if (fstat(entry, &status) != 0) return -1;
  if (!S_ISSOCK(status.st_mode)) {
    errno = ENOTSOCK;
    return -1;
  }
  // The very file that was looked at, and a path that fits.
  snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d", entry);
  int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  int result = setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  while (result == 0 && (result = connect(fd, (struct sockaddr *)&address, sizeof address)) != 0 && errno == EINTR) {
    result = 0;
  }
  if (result == 0) return fd;
  int reason = errno;
  close(fd);
  errno = reason;
  return -1;
}

int linux_connect(const char *path, int seconds) {
  int entry = open(path, O_PATH | O_CLOEXEC);
  if (entry < 0) return -1;
  int fd = connect_to(entry, seconds);
  int reason = errno;
  close(entry);
  errno = reason;
  return fd;
}
