// A firmware that asks the decryptor for a module by itself, to have the memory file in its hands, and tries to change it.
//
//   sealed_module NAME        prints what succeeded, each on a line, and in the end "sealed" and the file's size
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "firmware.h"

/// Sends a load request (SPEC 8) and returns the memory file that the reply brings.
static int receive_module(const char *name) {
  unsigned char request[] = {0x84, 1, 1, 1, 0xa0}, reply[65536];
  int descriptors[] = {open_flash("modules", name, ".husk"), open_flash("grants", name, ".grant")}, file;
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof descriptors)];
  } control = {0};
  struct iovec part = {request, sizeof request};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  control.header = (struct cmsghdr){CMSG_LEN(sizeof descriptors), SOL_SOCKET, SCM_RIGHTS};
  memcpy(CMSG_DATA(&control.header), descriptors, sizeof descriptors);
  if (sendmsg(HUSK_INHERITED_SOCKET, &message, 0) != sizeof request) fail("sending: %s", strerror(errno));
  part = (struct iovec){reply, sizeof reply};
  message.msg_controllen = sizeof control;
  if (recvmsg(HUSK_INHERITED_SOCKET, &message, 0) < 4 || message.msg_controllen < CMSG_LEN(sizeof file))
    fail("no memory file");
  memcpy(&file, CMSG_DATA(&control.header), sizeof file);
  return file;
}

static void expect_failure(const char *what, long result) {
  if (result >= 0) printf("%s succeeded\n", what);
}

static void *map(int file, int protection, int flags) { return mmap(NULL, 4096, protection, flags, file, 0); }

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  int file = receive_module(argv[1]);
  struct stat status;
  if (fstat(file, &status) != 0) fail("stat: %s", strerror(errno));

  int seals = fcntl(file, F_GET_SEALS), wanted = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  if ((seals & wanted) != wanted) printf("seals are %#x\n", seals);
  expect_failure("sealing", fcntl(file, F_ADD_SEALS, F_SEAL_WRITE));
  expect_failure("writing", pwrite(file, "x", 1, 0));
  expect_failure("writing behind the end", pwrite(file, "x", 1, status.st_size));
  expect_failure("shrinking", ftruncate(file, 1));
  expect_failure("growing", ftruncate(file, status.st_size + 4096));
  expect_failure("reserving", fallocate(file, 0, 0, status.st_size + 4096));
  expect_failure("punching", fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
  expect_failure("mapping", map(file, PROT_READ | PROT_WRITE, MAP_SHARED) == MAP_FAILED ? -1 : 0);
  void *shared = map(file, PROT_READ, MAP_SHARED);
  if (shared != MAP_FAILED) expect_failure("making a mapping writable", mprotect(shared, 4096, PROT_READ | PROT_WRITE));
  expect_failure("changing its mode", fchmod(file, 0777));
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  int again = open(path, O_RDWR);
  expect_failure("opening it for writing", again);
  if (again >= 0) expect_failure("writing after that", pwrite(again, "x", 1, 0));
  again = open(path, O_RDONLY);
  if (again < 0) fail("opening it: %s", strerror(errno));
  expect_failure("truncating by path", truncate(path, 1));
  // A private copy may be changed: that is how the dynamic linker relocates.
  char *private = map(again, PROT_READ | PROT_WRITE, MAP_PRIVATE), first;
  if (private == MAP_FAILED) fail("mapping: %s", strerror(errno));
  *private = 'x';
  if (pread(file, &first, 1, 0) != 1 || first != 0x7f) printf("a private copy changed the file\n");
  printf("sealed %lld\n", (long long)status.st_size);
  return 0;
}
