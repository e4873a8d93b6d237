// A file of a FUSE file system that is there, has a size, can be opened, and whose reading never ends.
//
//   stuck_file MOUNTPOINT      mounts it: MOUNTPOINT/file; says "mounted", and "reading N." when read number N has come
//
// Ends with its standard input. Takes root.
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_NODE = 2, FILE_SIZE = 1 << 20 };

static int device;
static int readers;

static void answer(uint64_t unique, int error, const void *body, size_t size) {
  char message[512];
  struct fuse_out_header header = {.len = (uint32_t)(sizeof header + size), .error = -error, .unique = unique};
  memcpy(message, &header, sizeof header);
  if (size > 0) memcpy(message + sizeof header, body, size);
  (void)!write(device, message, header.len);
}

static struct fuse_attr attributes(uint64_t node) {
  int is_file = node == FILE_NODE;
  return (struct fuse_attr){
      .ino = node, .nlink = 1, .size = is_file ? FILE_SIZE : 0, .mode = is_file ? S_IFREG | 0444 : S_IFDIR | 0755};
}

static void handle(const struct fuse_in_header *request, const void *body) {
  switch (request->opcode) {
    case FUSE_INIT: {
      const struct fuse_init_in *theirs = body;
      struct fuse_init_out init = {
          .major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .max_readahead = theirs->max_readahead,
          .max_write = 4096};
      answer(request->unique, 0, &init, sizeof init);
      puts("mounted");
      break;
    }
    case FUSE_LOOKUP: {
      struct fuse_entry_out entry = {.nodeid = FILE_NODE, .entry_valid = 1000, .attr_valid = 1000};
      entry.attr = attributes(FILE_NODE);
      answer(request->unique, strcmp(body, "file") == 0 ? 0 : ENOENT, &entry, sizeof entry);
      break;
    }
    case FUSE_GETATTR: {
      struct fuse_attr_out out = {.attr_valid = 1000, .attr = attributes(request->nodeid)};
      answer(request->unique, 0, &out, sizeof out);
      break;
    }
    case FUSE_OPEN:
    case FUSE_OPENDIR: {
      struct fuse_open_out open = {.open_flags = FOPEN_DIRECT_IO};
      answer(request->unique, 0, &open, sizeof open);
      break;
    }
    case FUSE_READ: printf("reading %d.\n", ++readers); break;  // and that is all that ever comes
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT: break;  // take no answer
    default: answer(request->unique, ENOSYS, NULL, 0);
  }
}

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  char options[128];
  snprintf(options, sizeof options, "fd=%d,rootmode=40755,user_id=0,group_id=0,allow_other", device);
  if (argc != 2 || device < 0 || mount("stuck", argv[1], "fuse.stuck", MS_NOSUID | MS_NODEV, options) != 0) {
    perror("stuck_file");
    return 1;
  }
  static union {
    struct fuse_in_header header;
    char bytes[1 << 16];
  } message;
  struct pollfd wanted[2] = {{.fd = device, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
  while (poll(wanted, 2, -1) > 0 && wanted[1].revents == 0) {
    if (wanted[0].revents == 0) continue;
    ssize_t count = read(device, message.bytes, sizeof message.bytes);
    if (count < (ssize_t)sizeof message.header) break;
    handle(&message.header, message.bytes + sizeof message.header);
  }
  umount2(argv[1], MNT_DETACH);
  return 0;
}
