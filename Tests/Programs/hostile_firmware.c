// A firmware that was taken over: it does to the decryptor what it can think of, in batteries.
//
//   hostile_firmware SEED NAME OTHER      NAME and OTHER are modules with grants in flash
//
// After each battery it checks that a good load gives the very module that it gave in the beginning, says
// `done: BATTERY: …`, and waits for a line. The last battery ends the decryptor, as a client may.
#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include "firmware.h"

enum { DECRYPTOR = 3, PATIENCE = 60000, MESSAGE = 65536, HELLO = 0, LOAD = 1, RANDOM_REQUESTS = 3000, LOADS = 300 };

// MARK: chance

static uint64_t state;

/// splitmix64: the same seed, the same attack.
static uint64_t next(void) {
  uint64_t z = (state += 0x9e3779b97f4a7c15u);
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

static size_t below(size_t limit) { return (size_t)(next() % limit); }

// MARK: messages

static uint32_t last_id = 1000000;

static size_t request(unsigned char *bytes, int operation) {
  uint32_t id = ++last_id;
  const unsigned char message[] = {0x84, 1, 0x1a, (unsigned char)(id >> 24), (unsigned char)(id >> 16), (unsigned char)(id >> 8),
                                   (unsigned char)id, (unsigned char)operation, 0xa0};
  memcpy(bytes, message, sizeof message);
  return sizeof message;
}

static bool send_message(const unsigned char *bytes, size_t size, const int *descriptors, size_t count) {
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int) * 253)];
  } control;
  memset(&control, 0, sizeof control);
  struct iovec part = {(void *)bytes, size};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (count > 0) {
    message.msg_control = &control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(&control.header), descriptors, sizeof(int) * count);
  }
  if (sendmsg(DECRYPTOR, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return true;
  // Other errors are about the descriptors: some can't be passed.
  if (errno == EPIPE || errno == ECONNRESET) fail("the decryptor is gone");
  return errno != EAGAIN;
}

struct reply {
  uint32_t id;
  int status;
  int file;  // -1 if none came
};

/// Takes a reply; false if there is none within the milliseconds.
static bool receive(struct reply *reply, int milliseconds) {
  static unsigned char bytes[MESSAGE];
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int) * 8)];
  } control;
  struct pollfd wanted = {.fd = DECRYPTOR, .events = POLLIN};
  if (poll(&wanted, 1, milliseconds) != 1) return false;
  struct iovec part = {bytes, sizeof bytes};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  ssize_t size = recvmsg(DECRYPTOR, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (size <= 0) fail("the decryptor is gone: %s", size == 0 ? "closed" : strerror(errno));
  *reply = (struct reply){.file = -1};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header != NULL) memcpy(&reply->file, CMSG_DATA(header), sizeof reply->file);
  // [1, id, status, …]: ids of this program's own take five bytes, statuses one or two.
  if (size >= 8 && bytes[0] == 0x84 && bytes[2] == 0x1a) {
    reply->id = (uint32_t)bytes[3] << 24 | (uint32_t)bytes[4] << 16 | (uint32_t)bytes[5] << 8 | bytes[6];
    reply->status = bytes[7] < 0x18 ? bytes[7] : bytes[8];
  }
  return true;
}

/// Asks, and passes over replies to what was asked before. Gives the status, and in *file the module if one came.
static int ask(int operation, const int *descriptors, size_t count, int *file) {
  unsigned char bytes[16];
  size_t size = request(bytes, operation);
  struct reply reply;
  while (!send_message(bytes, size, descriptors, count)) {
    if (receive(&reply, PATIENCE) && reply.file >= 0) close(reply.file);
  }
  for (;;) {
    if (!receive(&reply, PATIENCE)) fail("no answer");
    if (reply.id == last_id) break;
    if (reply.file >= 0) close(reply.file);
  }
  if (file != NULL) *file = reply.file;
  else if (reply.file >= 0) close(reply.file);
  if ((reply.status == 0 && operation == LOAD) != (reply.file >= 0)) fail("status %d with file %d", reply.status, reply.file);
  return reply.status;
}

// MARK: what is good

struct contents {
  unsigned char *bytes;
  size_t size;
};

static int package, grant;
static struct contents good, package_bytes, other_bytes;

static struct contents read_whole(int file) {
  struct stat status;
  if (fstat(file, &status) != 0) fail("fstat: %s", strerror(errno));
  struct contents contents = {malloc((size_t)status.st_size), (size_t)status.st_size};
  if (pread(file, contents.bytes, contents.size, 0) != (ssize_t)contents.size) fail("a file can't be read");
  return contents;
}

/// Whether a load gives the good module; anything else but a refusal ends the program.
static bool loads(int from, int with) {
  int file;
  if (ask(LOAD, (const int[]){from, with}, 2, &file) != 0) return false;
  struct contents module = read_whole(file);
  if (module.size != good.size || memcmp(module.bytes, good.bytes, good.size) != 0) fail("another module came");
  free(module.bytes);
  close(file);
  return true;
}

static int memory_file(const void *bytes, size_t size) {
  int file = memfd_create("hostile", MFD_CLOEXEC);
  if (file < 0 || pwrite(file, bytes, size, 0) != (ssize_t)size) fail("no memory file");
  return file;
}

static void done(const char *battery, unsigned long count) {
  if (!loads(package, grant)) fail("after %s nothing loads", battery);
  // Twice more: by the second answer the decryptor has tidied up behind the first.
  for (int i = 0; i < 2; i++)
    if (ask(HELLO, NULL, 0, NULL) != 0) fail("after %s nothing is answered", battery);
  printf("done: %s: %lu\n", battery, count);
  fflush(stdout);
  char line[16];
  if (fgets(line, sizeof line, stdin) == NULL) exit(3);
}

// MARK: descriptors of every kind

static int kinds[64];
static size_t kind_count, good_package, good_grant;

static void add(int descriptor) {
  if (descriptor >= 0) kinds[kind_count++] = descriptor;
}

static void make_kinds(void) {
  static const char *const paths[] = {"/",         "/dev/zero",      "/dev/null",       "/dev/urandom",  "/dev/full",
                                      "/proc",     "/proc/self/mem", "/proc/self/maps", "/proc/cpuinfo", "/proc/self/environ",
                                      "/dev/ptmx", "/proc/self/exe", "/proc/self/ns/mnt"};
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) add(open(paths[i], O_RDONLY | O_CLOEXEC | O_NOCTTY));
  good_package = kind_count, add(package);
  good_grant = kind_count, add(grant);
  add(FLASH_DESCRIPTOR);
  add(DECRYPTOR);
  int pair[2];
  if (pipe2(pair, O_CLOEXEC) == 0) add(pair[0]), add(pair[1]);
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0) add(pair[0]), add(pair[1]);
  // One with descriptors under way in it, itself among them.
  if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) == 0) {
    union {
      struct cmsghdr header;
      char space[CMSG_SPACE(3 * sizeof(int))];
    } control = {.header = {.cmsg_len = CMSG_LEN(3 * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    memcpy(CMSG_DATA(&control.header), (const int[]){pair[0], pair[1], DECRYPTOR}, 3 * sizeof(int));
    struct iovec part = {"x", 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    (void)sendmsg(pair[0], &message, 0);
    add(pair[0]), add(pair[1]);
  }
  add(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  add(eventfd(0, EFD_CLOEXEC));
  int poller = epoll_create1(EPOLL_CLOEXEC);
  (void)epoll_ctl(poller, EPOLL_CTL_ADD, DECRYPTOR, &(struct epoll_event){.events = EPOLLIN});
  add(poller);
  add(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
  add(inotify_init1(IN_CLOEXEC));
  sigset_t signals;
  sigemptyset(&signals);
  add(signalfd(-1, &signals, SFD_CLOEXEC));
  add((int)syscall(SYS_pidfd_open, getpid(), 0));
  add(memory_file("", 0));
  int huge = memory_file("x", 1);
  if (ftruncate(huge, 1l << 42) != 0) fail("no huge file");
  add(huge);
  add(memory_file(package_bytes.bytes, package_bytes.size / 2));
  add(memory_file(other_bytes.bytes, other_bytes.size));
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", huge);
  add(open(path, O_WRONLY | O_CLOEXEC));
  add(open(path, O_PATH | O_CLOEXEC));
}

/// Every kind of file as a package with every kind as a grant.
static void battery_kinds(void) {
  for (size_t i = 0; i < kind_count; i++) {
    for (size_t k = 0; k < kind_count; k++) {
      bool is_good = i == good_package && k == good_grant;
      if (loads(kinds[i], kinds[k]) != is_good) fail("kinds %zu and %zu: %s", i, k, is_good ? "refused" : "loaded");
    }
  }
  done("kinds", kind_count * kind_count);
}

// MARK: requests by chance

static size_t crafted(unsigned char *bytes) {
  static const unsigned char heads[] = {0x80, 0x83, 0x84, 0x85, 0x9b, 0x9f, 0xa0, 0xbf, 0x5b, 0x5f, 0x7b, 0xd8, 0xf6, 0xff};
  size_t size = request(bytes, (int)below(6));
  switch (below(8)) {
    case 0: bytes[below(size)] = (unsigned char)next(); break;
    case 1: size = below(size + 1); break;
    case 2: bytes[0] = heads[below(sizeof heads)]; break;
    case 3: bytes[size - 1] = heads[below(sizeof heads)]; break;
    case 4:  // something long behind it, or inside it
      size = below(MESSAGE - 16) + 16;
      memset(bytes + 9, (int)below(256), size - 9);
      break;
    case 5:
      size = below(MESSAGE) + 1;
      for (size_t i = 0; i < size; i++) bytes[i] = (unsigned char)next();
      break;
    case 6:  // deeper than anybody may go
      size = below(4000) + 1;
      memset(bytes, 0x81, size);
      break;
    default: break;  // as it should be
  }
  return size;
}

static void battery_random(void) {
  static unsigned char bytes[MESSAGE];
  struct reply reply;
  for (int i = 0; i < RANDOM_REQUESTS; i++) {
    int descriptors[253];
    size_t count = below(16) == 0 ? below(254) : below(5);
    for (size_t k = 0; k < count; k++) descriptors[k] = kinds[below(kind_count)];
    size_t size = crafted(bytes);
    while (!send_message(bytes, size, descriptors, count)) {
      if (receive(&reply, PATIENCE) && reply.file >= 0) close(reply.file);
    }
    // Now and then it listens.
    while (below(2) == 0 && receive(&reply, 0)) {
      if (reply.file >= 0) close(reply.file);
    }
  }
  done("random", RANDOM_REQUESTS);
}

// MARK: files that change

static atomic_bool is_over;
static int changing;
static uint64_t changer_state;

static void *change(void *unused) {
  (void)unused;
  while (!is_over) {
    changer_state = changer_state * 6364136223846793005u + 1442695040888963407u;
    size_t chance = (size_t)(changer_state >> 33);
    size_t offset = chance % package_bytes.size;
    switch (chance % 5) {
      case 0: (void)!ftruncate(changing, (off_t)offset); break;
      case 1: (void)!ftruncate(changing, (off_t)(package_bytes.size + offset)); break;
      case 2: (void)!pwrite(changing, other_bytes.bytes, other_bytes.size, 0); break;
      case 3: (void)!pwrite(changing, "changed", 7, (off_t)offset); break;
      default: break;
    }
    (void)!pwrite(changing, package_bytes.bytes, package_bytes.size, 0);
    (void)!ftruncate(changing, (off_t)package_bytes.size);
  }
  return NULL;
}

static void battery_changing(void) {
  changing = memory_file(package_bytes.bytes, package_bytes.size);
  changer_state = next();
  pthread_t thread;
  if (pthread_create(&thread, NULL, change, NULL) != 0) fail("no thread");
  unsigned long loaded = 0;
  for (int i = 0; i < LOADS; i++) loaded += loads(changing, grant);
  is_over = true;
  pthread_join(thread, NULL);
  close(changing);
  done("changing", loaded);
}

// MARK: not listening

static unsigned long send_loads(int count) {
  unsigned char bytes[16];
  unsigned long sent = 0;
  for (int i = 0; i < count; i++) {
    size_t size = request(bytes, LOAD);
    sent += send_message(bytes, size, (const int[]){package, grant}, 2);
  }
  return sent;
}

static void battery_deaf(void) { done("deaf", send_loads(3000)); }

static void battery_stopped(void) {
  unsigned long sent = send_loads(20);
  raise(SIGSTOP);
  done("stopped", sent);
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  state = strtoull(argv[1], NULL, 10);
  package = open_flash("modules", argv[2], ".husk");
  grant = open_flash("grants", argv[2], ".grant");
  int other = open_flash("modules", argv[3], ".husk");
  package_bytes = read_whole(package);
  other_bytes = read_whole(other);
  int file;
  int status = ask(LOAD, (const int[]){package, grant}, 2, &file);
  if (status != 0) fail("the good module doesn't load: %d", status);
  good = read_whole(file);
  close(file);
  make_kinds();
  done("nothing", kind_count);
  battery_kinds();
  battery_random();
  battery_changing();
  battery_deaf();
  battery_stopped();
  // Half closed: nothing more can be asked, so the decryptor ends.
  if (shutdown(DECRYPTOR, SHUT_WR) != 0) fail("shutdown: %s", strerror(errno));
  char byte;
  struct pollfd wanted = {.fd = DECRYPTOR, .events = POLLIN};
  while (poll(&wanted, 1, PATIENCE) == 1 && recv(DECRYPTOR, &byte, 1, 0) > 0) {
  }
  printf("done: ended\n");
  return 0;
}
