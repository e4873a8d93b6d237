#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fail.h"

static int is_standard(const char *path) { return strcmp(path, "-") == 0; }

static _Noreturn void fail_with_errno(const char *doing, const char *path) {
  fail(EXIT_FILE, "%s %s: %s", doing, path, strerror(errno));
}

contents read_input(const char *path) {
  int descriptor = is_standard(path) ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail_with_errno("opening", path);
  contents file = {NULL, 0};
  size_t capacity = 0;
  for (;;) {
    if (capacity - file.size < 2) { /* room for a byte and the 0 */
      capacity = capacity == 0 ? 1 << 16 : 2 * capacity;
      file.bytes = realloc(file.bytes, capacity);
      if (file.bytes == NULL) fail_with_errno("reading", path);
    }
    ssize_t got = read(descriptor, file.bytes + file.size, capacity - file.size - 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_with_errno("reading", path);
    if (got == 0) break;
    file.size += (size_t)got;
    if (file.size > INPUT_MAX) fail(EXIT_FILE, "reading %s: larger than %zu MiB", path, INPUT_MAX >> 20);
  }
  file.bytes[file.size] = 0;
  if (!is_standard(path)) close(descriptor);
  return file;
}

/* Writes all of it. Returns -1 and sets errno if that can't be done. */
static int write_all(int descriptor, const uint8_t *bytes, size_t size) {
  while (size > 0) {
    ssize_t put = write(descriptor, bytes, size);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return -1;
    bytes += put;
    size -= (size_t)put;
  }
  return 0;
}

void write_output(const char *path, const void *first, size_t first_size, const void *second, size_t second_size) {
  if (is_standard(path)) {
    if (isatty(STDOUT_FILENO)) fail(EXIT_USAGE, "standard output is a terminal, and this is no text");
    if (write_all(STDOUT_FILENO, first, first_size) != 0 || write_all(STDOUT_FILENO, second, second_size) != 0)
      fail_with_errno("writing", path);
    return;
  }
  char unfinished[PATH_MAX];
  int length = snprintf(unfinished, sizeof unfinished, "%s.XXXXXX", path);
  if (length < 0 || (size_t)length >= sizeof unfinished) fail(EXIT_FILE, "writing %s: name too long", path);
  int descriptor = mkostemp(unfinished, O_CLOEXEC);
  if (descriptor < 0) fail_with_errno("writing", path);
  int bad = write_all(descriptor, first, first_size) != 0 || write_all(descriptor, second, second_size) != 0 ||
            fchmod(descriptor, 0644) != 0;
  bad |= close(descriptor) != 0;
  if (bad || rename(unfinished, path) != 0) {
    int reason = errno;
    unlink(unfinished);
    errno = reason;
    fail_with_errno("writing", path);
  }
}
