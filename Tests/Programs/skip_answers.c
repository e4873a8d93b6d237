// Answers a firmware, whose libhusk skips one instruction, with what must not be loaded: for each of many instructions, each
// of some answers.
//
//     skip_answers FIRMWARE LIBRARY SKIPS GOOD BAD MARK
//
// FIRMWARE is takes_answer.c, linked with LIBRARY, which is written to. GOOD and BAD are modules; loading BAD makes the file
// MARK. First each answer is given with nothing skipped: `as-it-is NAME STATUS`, for the one that may be loaded as well, and
// for it with BAD inside. Then `ran NAME SKIP` is printed of each skip with which BAD was loaded. `skips N MET RUNS` ends it.
#include "skips.h"

#include <sys/mman.h>

enum { ALL = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL };

static const struct answer {
  const char *name;
  int is_good;       // the file is GOOD
  int seals;         // of the memory file; -1 for an ordinary file
  int more;          // than the file has, in bytes, is said that it has
  int status;        // of the reply
  int is_for_other;  // it answers another request
  int says_nothing;  // of a module
} answers[] = {
    // Loaded as it is: nothing else may be in its place.
    {.name = "good", .is_good = 1, .seals = ALL},
    {.name = "unsealed"},
    {.name = "may-be-written", .seals = ALL & ~F_SEAL_WRITE},
    {.name = "may-grow", .seals = ALL & ~F_SEAL_GROW},
    {.name = "may-shrink", .seals = ALL & ~F_SEAL_SHRINK},
    {.name = "may-be-sealed", .seals = ALL & ~F_SEAL_SEAL},
    {.name = "ordinary-file", .seals = -1},
    {.name = "another-size", .seals = ALL, .more = 1},
    {.name = "refused", .seals = ALL, .status = 21},
    {.name = "of-another-request", .seals = ALL, .is_for_other = 1},
    {.name = "says-nothing", .seals = ALL, .says_nothing = 1},
    // The control: what is loaded is noticed.
    {.name = "loaded", .seals = ALL},
};
enum { ANSWERS = sizeof answers / sizeof *answers, CONTROL = ANSWERS - 1 };

static const char *firmware, *library, *good, *bad, *mark;

static int file_of(const struct answer *answer, uint32_t *size) {
  struct stat status;
  int source = open(answer->is_good ? good : bad, O_RDONLY | O_CLOEXEC);
  if (source < 0 || fstat(source, &status) != 0) fail("module");
  *size = (uint32_t)status.st_size;
  if (answer->seals < 0) return source;
  unsigned char *bytes = malloc(*size);
  int file = memfd_create("module", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (bytes == NULL || read(source, bytes, *size) != *size || write(file, bytes, *size) != *size) fail("memory file");
  // Busy: the kernel holds a page of it for a moment.
  while (answer->seals != 0 && fcntl(file, F_ADD_SEALS, answer->seals) != 0) {
    if (errno != EBUSY) fail("sealing");
  }
  free(bytes);
  close(source);
  return file;
}

static void give(int socket, const struct answer *answer, unsigned char id) {
  // [1, id, status, {1: "m", 2: [1, 0, 0], 3: 1, 4: 1, 5: size, 6: 1}], or an empty map
  unsigned char reply[64] = {0x84, 0x01, (unsigned char)(id + answer->is_for_other), (unsigned char)answer->status, 0xa0};
  size_t count = 5;
  uint32_t size;
  int file = file_of(answer, &size);
  size += (uint32_t)answer->more;
  if (answer->status == 0 && !answer->says_nothing) {
    const unsigned char body[] = {
        0xa6, 1, 0x61, 'm', 2, 0x83, 1, 0, 0, 3, 1, 4, 1, 5, 0x19, (unsigned char)(size >> 8), (unsigned char)size, 6, 1};
    if (size < 256 || size > 65535) exit(2);
    memcpy(reply + 4, body, sizeof body);
    count = 4 + sizeof body;
  }
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof file)];
  } control = {.header = {CMSG_LEN(sizeof file), SOL_SOCKET, SCM_RIGHTS}};
  memcpy(CMSG_DATA(&control.header), &file, sizeof file);
  struct iovec part = {reply, count};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  close(file);
}

// Answers what the firmware asks for; says nothing more after a module, so that nobody waits.
static void serve(int socket, const struct answer *answer) {
  unsigned char request[256], hello[] = {0x84, 0x01, 0, 0, 0xa1, 1, 1};
  ssize_t count = recv(socket, request, sizeof request, MSG_DONTWAIT);
  // [1, id, operation, {}], with an id of one byte
  if (count < 4 || request[0] != 0x84 || request[2] >= 0x17) return;
  hello[2] = request[2];
  if (request[3] == 1) {
    give(socket, answer, request[2]);
    shutdown(socket, SHUT_WR);
  } else {
    send(socket, hello, sizeof hello, MSG_NOSIGNAL | MSG_DONTWAIT);
  }
}

static pid_t start(int *socket, int is_traced) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) fail("socketpair");
  pid_t process = fork();
  if (process < 0) fail("fork");
  if (process == 0) {
    const struct rlimit seconds = {2, 2}, none = {0, 0};
    if (setrlimit(RLIMIT_CPU, &seconds) != 0 || setrlimit(RLIMIT_CORE, &none) != 0) _exit(2);
    if (is_traced && ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) _exit(2);
    int given = fcntl(ends[1], F_DUPFD, 100), null = open("/dev/null", O_RDWR);
    for (int i = 0; i < 3; i++) dup2(null, i);
    dup2(given, 3);
    if (close_range(4, ~0U, 0) != 0) _exit(2);
    char *const words[] = {(char *)firmware, (char *)bad, is_traced ? "stops" : NULL, NULL};
    char *const environment[] = {NULL};
    execve(firmware, words, environment);
    _exit(2);
  }
  close(ends[1]);
  *socket = ends[0];
  return process;
}

// Runs the firmware, gives it the answer and waits for its end. Returns its status, or -1; `ran` tells whether BAD ran.
static int run(const struct answer *answer, int *ran) {
  int socket, quiet = 0, state = -1, status = -1;
  pid_t process = start(&socket, 0);
  for (;;) {
    struct pollfd wanted = {.fd = socket, .events = POLLIN};
    int ready = poll(&wanted, 1, 20);
    if (ready == 0 && is_stuck(&quiet)) break;
    if (ready <= 0) continue;
    if (wanted.revents & (POLLHUP | POLLERR)) {
      // It has ended, or is about to; or it has let go of its socket.
      for (quiet = 0; waitpid(process, &state, WNOHANG) == 0 && !is_stuck(&quiet);) usleep(1000);
      status = WIFEXITED(state) ? WEXITSTATUS(state) : -1;
      break;
    }
    quiet = 0;
    serve(socket, answer);
  }
  close(socket);
  end_all();
  *ran = access(mark, F_OK) == 0;
  if (*ran) unlink(mark);
  return status;
}

// The same with nothing skipped, noting which instructions are met.
static void trace(const struct answer *answer, struct skip *skips, size_t count, int input) {
  int socket, status;
  unsigned long base = 0;
  pid_t process = start(&socket, 1);
  for (;;) {
    pid_t stopped = waitpid(-1, &status, __WALL | WNOHANG);
    if (stopped < 0) break;
    if (stopped == 0) {
      serve(socket, answer);
    } else if (base == 0 && WIFSTOPPED(status)) {
      if (WSTOPSIG(status) == SIGSTOP) {
        base = base_of(process, library);
        set_breakpoints(process, base, skips, count, 1);
      }
      ptrace(PTRACE_CONT, process, 0, 0);
    } else {
      go_on(stopped, status, base, skips, count, input);
    }
  }
  close(socket);
  unlink(mark);
}

int main(int count, char **words) {
  if (count != 7) return 2;
  firmware = words[1], library = words[2], good = words[4], bad = words[5], mark = words[6];
  size_t skip_count, met = 0, runs = 0;
  struct skip *skips = read_skips(words[3], &skip_count);
  int ran;
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) fail("prctl");
  for (int i = 0; i < ANSWERS; i++) {
    int status = run(&answers[i], &ran);
    printf("as-it-is %s %d%s\n", answers[i].name, status, ran ? " ran" : "");
  }
  for (int i = 0; i < CONTROL; i++) trace(&answers[i], skips, skip_count, i);
  for (size_t n = 0; n < skip_count; n++) {
    const struct skip *skip = &skips[n];
    if (memchr(skip->met, 1, sizeof skip->met) == NULL) continue;
    met++;
    patch_file(library, skip, skip->skipped);
    for (int i = 0; i < CONTROL; i++) {
      if (!skip->met[i]) continue;
      runs++;
      run(&answers[i], &ran);
      if (ran) printf("ran %s %s\n", answers[i].name, skip->name);
    }
    patch_file(library, skip, skip->original);
  }
  printf("skips %zu %zu %zu\n", skip_count, met, runs);
  return 0;
}
