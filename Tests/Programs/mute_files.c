// A file system (FUSE) whose files fall silent: it answers everything about them but what it was told not to.
//
//   mute_files FOLDER PACKAGE     FOLDER/read, whose content never comes, and FOLDER/close, whose content is PACKAGE's but
//                                 whose closing is never answered; says "ready", and ends with its standard input
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ROOT = 1, READ = 2, CLOSE = 3, BUFFER = 1 << 18 };

static int device;
static unsigned char *content;
static size_t size;

__attribute__((noreturn)) static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void answer(const struct fuse_in_header *in, int error, const void *body, size_t length) {
  struct fuse_out_header out = {.len = (uint32_t)(sizeof out + length), .error = error, .unique = in->unique};
  struct iovec parts[] = {{&out, sizeof out}, {(void *)body, length}};
  // Who asked may be gone by now.
  if (writev(device, parts, 2) < 0 && errno != ENOENT) fail("answer");
}

static struct fuse_attr attributes(uint64_t node) {
  return (struct fuse_attr){
      .ino = node, .size = size, .mode = node == ROOT ? S_IFDIR | 0755 : S_IFREG | 0444, .nlink = 1, .blksize = 4096};
}

static void look_up(const struct fuse_in_header *in, const char *name) {
  uint64_t node = strcmp(name, "read") == 0 ? READ : strcmp(name, "close") == 0 ? CLOSE : 0;
  if (node == 0) {
    answer(in, -ENOENT, NULL, 0);
    return;
  }
  struct fuse_entry_out out = {.nodeid = node, .attr = attributes(node)};
  answer(in, 0, &out, sizeof out);
}

static void serve(const unsigned char *bytes) {
  const struct fuse_in_header *in = (const void *)bytes;
  const void *body = bytes + sizeof *in;
  switch (in->opcode) {
    case FUSE_INIT: {
      struct fuse_init_out out = {.major = 7, .minor = 31, .max_write = 4096};
      answer(in, 0, &out, sizeof out);
      break;
    }
    case FUSE_LOOKUP: look_up(in, body); break;
    case FUSE_GETATTR: {
      struct fuse_attr_out out = {.attr = attributes(in->nodeid)};
      answer(in, 0, &out, sizeof out);
      break;
    }
    case FUSE_OPEN: {
      struct fuse_open_out out = {.open_flags = FOPEN_DIRECT_IO};
      answer(in, 0, &out, sizeof out);
      break;
    }
    case FUSE_READ: {
      const struct fuse_read_in *wanted = body;
      if (in->nodeid == READ) break;
      size_t start = wanted->offset < size ? (size_t)wanted->offset : size;
      size_t count = wanted->size < size - start ? wanted->size : size - start;
      answer(in, 0, content + start, count);
      break;
    }
    case FUSE_FLUSH:
    case FUSE_RELEASE:
      if (in->nodeid != CLOSE) answer(in, 0, NULL, 0);
      break;
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT: break;  // want no answer
    default: answer(in, -ENOSYS, NULL, 0);
  }
}

int main(int argc, char **argv) {
  static unsigned char buffer[BUFFER];
  if (argc != 3) return 2;
  int file = open(argv[2], O_RDONLY);
  struct stat status;
  if (file < 0 || fstat(file, &status) != 0) fail(argv[2]);
  size = (size_t)status.st_size;
  content = malloc(size);
  if (content == NULL || read(file, content, size) != (ssize_t)size) fail(argv[2]);
  device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (device < 0) fail("/dev/fuse");
  char options[96];
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", device);
  if (mount("mute", argv[1], "fuse", MS_NOSUID | MS_NODEV, options) != 0) fail("mount");
  printf("ready\n");
  fflush(stdout);
  struct pollfd waits[] = {{.fd = device, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
  while (poll(waits, 2, -1) > 0 && waits[1].revents == 0) {
    ssize_t count = read(device, buffer, sizeof buffer);
    if (count > 0) serve(buffer);
    else if (errno != ENOENT && errno != EINTR) break;
  }
  // Ends all that still wait.
  umount2(argv[1], MNT_FORCE | MNT_DETACH);
  return 0;
}
