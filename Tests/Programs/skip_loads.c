// Asks a decryptor, in which one instruction is skipped, for what it must refuse: for each of many instructions, each of some
// requests. The instructions are skipped in the process that runs the program; the workers that it forks skip them too.
//
//     skip_loads DECRYPTOR SKIPS FOLDER TIME
//
// FOLDER holds `handoff`, what the secret provider gives, and `requests`: lines `before|refused|COUNTER NAME load|status`, with
// the files NAME.husk and NAME.grant, or NAME.status. What is asked before must be granted. First each request that is to be
// refused is asked with nothing skipped: `as-it-is NAME CLASS`; one that isn't refused then takes no further part. Then
// `released NAME SKIP` is printed of each skip with which it was granted. `skips N MET ASKED` ends it: of so many skips so many
// were met at all, and so much was asked then.
//
// What is asked at a COUNTER is asked of a decryptor that starts with this number and the file NAME.storage, and that skips
// already when it starts: all requests are of this kind or none. DECRYPTOR is written to then.
#include "skips.h"

#include <sys/mman.h>

struct request {
  char name[64];
  int is_load, is_before;
  long long counter;  // at which a decryptor of its own starts; -1 for none
  unsigned char status;
};

static struct request requests[MOST_INPUTS];
static size_t request_count;
static const char *folder, *program;
static unsigned long long trusted_time;

static int client, provider;
static pid_t decryptor;
static unsigned long long counter;
static unsigned char handoff[65536];
static ssize_t handoff_size;
static int starts;

static void serve_provider(void) {
  unsigned char message[64];
  ssize_t count = recv(provider, message, sizeof message, MSG_DONTWAIT);
  // [1, id, operation]
  if (count < 4 || message[0] != 0x83) return;
  size_t id_size = message[2] < 0x18 ? 1 : message[2] == 0x18 ? 2 : 3;
  unsigned char operation = message[2 + id_size];
  if (operation == 0) {
    if (send(provider, handoff, (size_t)handoff_size, MSG_NOSIGNAL) < 0) return;
    return;
  }
  unsigned char reply[32] = {0x84, 0x01};
  size_t size = 2;
  memcpy(reply + size, message + 2, id_size);
  size += id_size;
  reply[size++] = 0;
  unsigned long long value = operation == 3 ? trusted_time : operation == 2 ? ++counter : counter;
  if (value < 24) {
    reply[size++] = (unsigned char)value;
  } else if (value < 256) {
    reply[size++] = 0x18;
    reply[size++] = (unsigned char)value;
  } else if (value < 65536) {
    reply[size++] = 0x19;
    reply[size++] = (unsigned char)(value >> 8);
    reply[size++] = (unsigned char)value;
  } else {
    reply[size++] = 0x1a;
    for (int shift = 24; shift >= 0; shift -= 8) reply[size++] = (unsigned char)(value >> shift);
  }
  send(provider, reply, size, MSG_NOSIGNAL);
}

// While requests are traced: the skips whose instructions they meet.
static struct skip *traced;
static size_t traced_count;
static int traced_input;
static unsigned long traced_base;

// Goes on with whatever has stopped.
static void follow(void) {
  int status;
  pid_t stopped;
  while ((stopped = waitpid(-1, &status, __WALL | WNOHANG)) > 0)
    go_on(stopped, status, traced_base, traced, traced_count, traced_input);
}

// The status of the reply, or -1 if there is none any more; 255 for a reply that isn't one to this request. `file` tells
// whether a file came with it.
static int wait_reply(int is_load, int *file) {
  int quiet = 0;
  *file = 0;
  for (;;) {
    struct pollfd wanted[] = {{.fd = client, .events = POLLIN}, {.fd = provider, .events = POLLIN}};
    if (traced != NULL) follow();
    int ready = poll(wanted, 2, traced != NULL ? 0 : 20);
    if (ready == 0) {
      if (traced == NULL && is_stuck(&quiet)) return -1;
      continue;
    }
    if (wanted[1].revents & POLLIN) serve_provider();
    if (wanted[0].revents == 0) {
      if (wanted[1].revents & (POLLHUP | POLLERR)) return -1;
      continue;
    }
    unsigned char bytes[65536], space[CMSG_SPACE(8 * sizeof(int))];
    struct iovec part = {.iov_base = bytes, .iov_len = sizeof bytes};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    ssize_t count = recvmsg(client, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (count <= 0) return -1;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL; header = CMSG_NXTHDR(&message, header)) {
      if (header->cmsg_type != SCM_RIGHTS) continue;
      for (size_t i = 0; i < (header->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
        close(((int *)(void *)CMSG_DATA(header))[i]);
        *file = 1;
      }
    }
    // [1, id, status, …], with an id of one byte
    if (count < 5 || bytes[0] != 0x84) return 255;
    // A list that is taken is answered with an empty body; a module comes as a file.
    if (bytes[3] == 0 && (is_load ? !*file : count != 5 || bytes[4] != 0xa0)) return 255;
    return bytes[3] == 0x18 ? bytes[4] : bytes[3];
  }
}

static int open_file(const char *name, const char *suffix) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s.%s", folder, name, suffix);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) fail(path);
  return file;
}

static int ask(const struct request *request, int *file) {
  // [1, 1, operation, {}]
  unsigned char bytes[] = {0x84, 0x01, 0x01, request->is_load ? 1 : 4, 0xa0};
  int descriptors[2], count = request->is_load ? 2 : 1;
  descriptors[0] = open_file(request->name, request->is_load ? "husk" : "status");
  if (request->is_load) descriptors[1] = open_file(request->name, "grant");
  unsigned char space[CMSG_SPACE(2 * sizeof(int))];
  memset(space, 0, sizeof space);
  struct iovec part = {.iov_base = bytes, .iov_len = sizeof bytes};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = CMSG_SPACE((size_t)count * sizeof(int))};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
  memcpy(CMSG_DATA(header), descriptors, (size_t)count * sizeof(int));
  ssize_t sent = sendmsg(client, &message, MSG_NOSIGNAL);
  for (int i = 0; i < count; i++) close(descriptors[i]);
  *file = 0;
  return sent < 0 ? -1 : wait_reply(request->is_load, file);
}

static void stop(void) {
  if (decryptor == 0) return;
  close(client);
  close(provider);
  end_all();
  decryptor = 0;
}

// Starts a decryptor for one request, or for all; one that is traced stops as soon as it is executed.
static void start_for(const struct request *request, int is_traced) {
  int near[2], far[2], storage[2];
  stop();
  starts++;
  counter = request != NULL ? (unsigned long long)request->counter : 0;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, near) != 0) fail("socketpair");
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, far) != 0) fail("socketpair");
  for (int i = 0; i < 2; i++) storage[i] = memfd_create("storage", 0);
  if (request != NULL) {
    int file = open_file(request->name, "storage");
    char bytes[65536];
    ssize_t size = read(file, bytes, sizeof bytes);
    if (size < 0 || write(storage[0], bytes, (size_t)size) != size) fail("storage");
    close(file);
  }
  decryptor = fork();
  if (decryptor < 0) fail("fork");
  if (decryptor == 0) {
    int given[] = {near[1], far[1], storage[0], storage[1]};
    for (int i = 0; i < 4; i++) given[i] = fcntl(given[i], F_DUPFD, 100 + i);
    if (close_range(3, 99, 0) != 0) _exit(2);
    for (int i = 0; i < 4; i++) dup2(given[i], 3 + i);
    if (close_range(7, ~0U, 0) != 0) _exit(2);
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    dup2(null, 2);
    close(null);
    // What went wrong must not go on for ever.
    const struct rlimit limit = {2, 2};
    if (request != NULL && setrlimit(RLIMIT_CPU, &limit) != 0) _exit(2);
    if (is_traced && ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) _exit(2);
    char *const words[] = {"decryptor", NULL};
    char *const environment[] = {NULL};
    execve(program, words, environment);
    _exit(2);
  }
  for (int i = 0; i < 2; i++) close(storage[i]);
  close(near[1]);
  close(far[1]);
  provider = near[0];
  client = far[0];
}

static void start(void) {
  start_for(NULL, 0);
  for (size_t i = 0; i < request_count; i++) {
    int file;
    if (!requests[i].is_before) continue;
    int status = ask(&requests[i], &file);
    if (status != 0) {
      printf("before %s %d\n", requests[i].name, status);
      exit(1);
    }
  }
}

// As a debugger does: the kernel lets nobody else change code. Fails if the decryptor has ended, too.
static int patch(const struct skip *skip, const unsigned char *bytes) {
  if (ptrace(PTRACE_SEIZE, decryptor, 0, 0) != 0) return -1;
  int state;
  if (ptrace(PTRACE_INTERRUPT, decryptor, 0, 0) != 0 || waitpid(decryptor, &state, __WALL) != decryptor) return -1;
  if (!WIFSTOPPED(state)) return -1;
  union {
    long words[3];
    unsigned char bytes[24];
  } text;
  unsigned long address = base_of(decryptor, program) + skip->address;
  int is_there = 1;
  for (int i = 0; i < 3; i++) {
    errno = 0;
    text.words[i] = ptrace(PTRACE_PEEKTEXT, decryptor, address + 8 * (unsigned long)i, 0);
    if (errno != 0) is_there = 0;
  }
  if (memcmp(text.bytes, skip->original, skip->count) != 0 && memcmp(text.bytes, skip->skipped, skip->count) != 0)
    is_there = 0;
  memcpy(text.bytes, bytes, skip->count);
  for (int i = 0; is_there && i < 3; i++) {
    if (ptrace(PTRACE_POKETEXT, decryptor, address + 8 * (unsigned long)i, text.words[i]) != 0) is_there = 0;
  }
  return ptrace(PTRACE_DETACH, decryptor, 0, 0) == 0 && is_there ? 0 : -1;
}

// Asks a decryptor that is traced and stopped, and notes which instructions are met.
static void ask_traced(const struct request *request, struct skip *skips, size_t count, int input) {
  int file;
  traced_base = base_of(decryptor, program);
  set_breakpoints(decryptor, traced_base, skips, count, 1);
  ptrace(PTRACE_CONT, decryptor, 0, 0);
  traced = skips;
  traced_count = count;
  traced_input = input;
  if (ask(request, &file) < 0) fail(request->name);
  traced = NULL;
}

// Asks with nothing skipped, and notes which instructions are met.
static void trace(const struct request *request, struct skip *skips, size_t count, int input) {
  if (ptrace(PTRACE_SEIZE, decryptor, 0, TRACE_OPTIONS) != 0 || ptrace(PTRACE_INTERRUPT, decryptor, 0, 0) != 0 ||
      waitpid(decryptor, NULL, __WALL) != decryptor)
    fail("ptrace");
  ask_traced(request, skips, count, input);
  // It is simpler to begin with another.
  start();
}

// The same for a request at whose start the skips are met.
static void trace_start(const struct request *request, struct skip *skips, size_t count, int input) {
  int state;
  start_for(request, 1);
  if (waitpid(decryptor, &state, __WALL) != decryptor || !WIFSTOPPED(state) ||
      ptrace(PTRACE_SETOPTIONS, decryptor, 0, TRACE_OPTIONS) != 0)
    fail("ptrace");
  ask_traced(request, skips, count, input);
  stop();
}

static void skip_starts(struct skip *skips, size_t skip_count) {
  size_t met = 0, asked = 0;
  int file;
  for (size_t i = 0; i < request_count; i++) {
    start_for(&requests[i], 0);
    requests[i].status = (unsigned char)ask(&requests[i], &file);
    printf("as-it-is %s %d\n", requests[i].name, file ? 0 : requests[i].status);
    if (requests[i].status != 0) trace_start(&requests[i], skips, skip_count, (int)i);
  }
  stop();
  for (size_t n = 0; n < skip_count; n++) {
    const struct skip *skip = &skips[n];
    if (memchr(skip->met, 1, sizeof skip->met) == NULL) continue;
    met++;
    patch_file(program, skip, skip->skipped);
    for (size_t i = 0; i < request_count; i++) {
      if (!skip->met[i]) continue;
      asked++;
      start_for(&requests[i], 0);
      if (ask(&requests[i], &file) == 0 || file) printf("released %s %s\n", requests[i].name, skip->name);
      stop();
    }
    patch_file(program, skip, skip->original);
  }
  printf("skips %zu %zu %zu starts %d\n", skip_count, met, asked, starts);
}

int main(int count, char **words) {
  if (count != 5) return 2;
  program = words[1];
  folder = words[3];
  trusted_time = strtoull(words[4], NULL, 10);
  size_t skip_count;
  struct skip *skips = read_skips(words[2], &skip_count);
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) fail("prctl");
  char path[512], when[16], kind[16];
  snprintf(path, sizeof path, "%s/handoff", folder);
  int source = open(path, O_RDONLY);
  handoff_size = read(source, handoff, sizeof handoff);
  close(source);
  snprintf(path, sizeof path, "%s/requests", folder);
  FILE *list = fopen(path, "r");
  if (list == NULL || handoff_size <= 0) fail(path);
  struct request next;
  memset(&next, 0, sizeof next);
  while (request_count < MOST_INPUTS && fscanf(list, "%15s %63s %15s", when, next.name, kind) == 3) {
    next.is_before = strcmp(when, "before") == 0;
    next.is_load = strcmp(kind, "load") == 0;
    next.counter = '0' <= when[0] && when[0] <= '9' ? atoll(when) : -1;
    requests[request_count++] = next;
  }
  fclose(list);

  if (request_count > 0 && requests[0].counter >= 0) {
    skip_starts(skips, skip_count);
    return 0;
  }
  start();
  size_t first = request_count;
  for (size_t i = 0; i < request_count; i++) {
    int file;
    if (requests[i].is_before) continue;
    if (first == request_count) first = i;
    requests[i].status = (unsigned char)ask(&requests[i], &file);
    printf("as-it-is %s %d\n", requests[i].name, file ? 0 : requests[i].status);
  }
  if (first == request_count) return 2;
  if (skip_count == 0) return 0;
  for (size_t i = 0; i < request_count; i++) {
    if (!requests[i].is_before && requests[i].status != 0) trace(&requests[i], skips, skip_count, (int)i);
  }
  size_t met = 0, asked = 0;
  for (size_t n = 0; n < skip_count; n++) {
    const struct skip *skip = &skips[n];
    if (memchr(skip->met, 1, sizeof skip->met) == NULL) continue;
    met++;
    if (decryptor == 0) start();
    if (patch(skip, skip->skipped) != 0) {
      // What the skip before led to may have come late.
      start();
      if (patch(skip, skip->skipped) != 0) fail(skip->name);
    }
    int is_odd = 0;
    for (size_t i = 0; i < request_count; i++) {
      if (!skip->met[i]) continue;
      asked++;
      int file, status = ask(&requests[i], &file);
      if (status == 0 || file) {
        printf("released %s %s\n", requests[i].name, skip->name);
        is_odd = 1;
      }
      if (status < 0) is_odd = 1;
      // Whatever it has come to is over: the others meet a decryptor that is as it was.
      if (!is_odd) continue;
      stop();
      start();
      if (patch(skip, skip->skipped) != 0) fail(skip->name);
      is_odd = 0;
    }
    // Not before it is seen that it is as it was.
    int file;
    if (patch(skip, skip->original) != 0 || ask(&requests[first], &file) != requests[first].status) stop();
  }
  stop();
  printf("skips %zu %zu %zu starts %d\n", skip_count, met, asked, starts);
  return 0;
}
