// A firmware that asks libhusk for thousands of loads which must not succeed, in one process.
//
//   mutated_loads SEED OBJECTS REPLIES      modules/com.acme.codec.husk and its grant are in the flash folder
//
// OBJECTS times package, grant or both are changed: the decryptor has to refuse them. REPLIES times a false decryptor
// answers libhusk, with what the true one said, changed; the memory file is the true one, or one that no decryptor may
// hand over. In the end the right module has to load, and to be the right one.
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "firmware.h"
#include "mutation.h"

enum { ANSWER_EXPECTED = 42, MESSAGE = 65536, DESCRIPTORS = 8 };

static uint64_t state;

// ---- Files ----------------------------------------------------------------------------------------------------------

static buffer read_file(int file) {
  buffer content = {0};
  content.size = (size_t)lseek(file, 0, SEEK_END);
  content.capacity = content.size;
  content.bytes = malloc(content.size + 1);
  if (content.bytes == NULL || pread(file, content.bytes, content.size, 0) != (ssize_t)content.size) fail("reading");
  return content;
}

static void write_file(int file, const buffer *content) {
  if (ftruncate(file, 0) != 0 || pwrite(file, content->bytes, content->size, 0) != (ssize_t)content->size) {
    fail("writing");
  }
}

static int memory_file(const buffer *content, int seals) {
  int file = memfd_create("object", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (file < 0) fail("memfd_create: %s", strerror(errno));
  write_file(file, content);
  // Busy: the kernel holds a page of it for a moment.
  while (seals != 0 && fcntl(file, F_ADD_SEALS, seals) != 0) {
    if (errno != EBUSY) fail("sealing: %s", strerror(errno));
  }
  return file;
}

// ---- What a status must be ------------------------------------------------------------------------------------------

static bool is_known(husk_status status) {
  return status >= 0 && strcmp(husk_status_string(status), "unknown status") != 0;
}

static int answer_of(husk_module *module) {
  int (*function)(void);
  find(module, "answer", &function);
  return function();
}

/// A successful load has to have given the right module, and all that is known of it has to be there.
static void check_module(husk_module *module) {
  if (answer_of(module) != ANSWER_EXPECTED) fail("a wrong module");
  husk_module_info info = HUSK_MODULE_INFO_INIT;
  if (husk_module_get_info(module, &info) != HUSK_OK || info.name == NULL) fail("nothing is known of the module");
  volatile size_t sum = strlen(info.name);
  for (size_t i = 0; i < info.features_size; i++) sum += info.features[i];
}

// ---- Changed objects, the true decryptor ----------------------------------------------------------------------------

static void load_changed_objects(husk_device *device, const buffer *package, const buffer *grant, long count) {
  buffer changed[2] = {{0}, {0}};
  int files[2] = {memory_file(package, 0), memory_file(grant, 0)};
  for (long i = 0; i < count; i++) {
    // Bit 0: the package is changed, bit 1: the grant.
    size_t which = 1 + draw_below(&state, 3);
    const buffer *originals[2] = {package, grant};
    for (int part = 0; part < 2; part++) {
      if (which >> part & 1) {
        mutate(&changed[part], originals[part], &state);
        write_file(files[part], &changed[part]);
      } else {
        write_file(files[part], originals[part]);
      }
    }
    husk_module *module = NULL;
    husk_status status = husk_load_fd(device, files[0], files[1], NULL, &module);
    if (status == HUSK_OK) fail("load %ld: changed and accepted", i);
    if (module != NULL) fail("load %ld: refused with a module", i);
    // Anything else would be the decryptor's or libhusk's own fault.
    if (!is_known(status) || status > 63 || status == HUSK_E_INTERNAL || status == HUSK_E_IO) {
      fail("load %ld: status %d", i, (int)status);
    }
  }
  for (int part = 0; part < 2; part++) {
    free(changed[part].bytes);
    close(files[part]);
  }
}

// ---- A false decryptor ----------------------------------------------------------------------------------------------

enum { HELLO, LOAD, IDENTITY, PROTECTIONS, STATUS_LIST, KINDS };

/// What the true decryptor said, without what comes before the body: array, version, id.
static buffer replies[KINDS];
static int module_file = -1, unsealed_file = -1, foreign_file = -1;

static ssize_t send_with(int socket, const void *bytes, size_t size, const int *files, size_t count) {
  union {
    char bytes[CMSG_SPACE(sizeof(int) * DESCRIPTORS)];
    struct cmsghdr head;
  } control = {0};
  struct iovec part = {(void *)bytes, size};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (count > 0) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(head), files, sizeof(int) * count);
  }
  return sendmsg(socket, &message, MSG_NOSIGNAL);
}

/// Receives a message; a descriptor that comes with it goes to `file`, all others are closed.
static ssize_t receive_with(int socket, void *bytes, size_t size, int *file) {
  union {
    char bytes[CMSG_SPACE(sizeof(int) * DESCRIPTORS)];
    struct cmsghdr head;
  } control;
  struct iovec part = {bytes, size};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes,
                           .msg_controllen = sizeof control};
  ssize_t received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (received < 0) return received;
  for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); head != NULL; head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int found;
      memcpy(&found, CMSG_DATA(head) + i * sizeof found, sizeof found);
      if (file != NULL && *file < 0) {
        *file = found;
      } else {
        close(found);
      }
    }
  }
  return received;
}

/// Asks the true decryptor, before there is a session, and keeps what it says.
static void record(int kind, const int *files, size_t count, int *file) {
  uint8_t request[] = {0x84, 1, 7, (uint8_t)kind, 0xa0};
  static uint8_t message[MESSAGE];
  if (send_with(HUSK_INHERITED_SOCKET, request, sizeof request, files, count) < 0) fail("asking");
  ssize_t received = receive_with(HUSK_INHERITED_SOCKET, message, sizeof message, file);
  if (received < 5 || message[0] != 0x84 || message[2] != 7) fail("no reply of kind %d", kind);
  replies[kind].size = (size_t)received - 3;
  replies[kind].bytes = malloc(replies[kind].size);
  if (replies[kind].bytes == NULL) abort();
  memcpy(replies[kind].bytes, message + 3, replies[kind].size);
}

/// What a false decryptor does in one session.
typedef struct {
  int socket;
  uint64_t seed;
  bool changes_hello;
} plan;

/// Answers a request with what the true one said, changed or not. Ids below 24, as in a session's first requests.
static void reply(const plan *plan, uint64_t *seed, const uint8_t *request, bool changes) {
  int kind = request[3];
  if (kind >= KINDS) return;
  const buffer *said = &replies[kind];
  buffer whole = {.size = said->size + 3}, message = {0};
  whole.bytes = malloc(whole.size);
  if (whole.bytes == NULL) abort();
  memcpy(whole.bytes, (uint8_t[]){0x84, 1, request[2]}, 3);
  memcpy(whole.bytes + 3, said->bytes, said->size);
  copy_buffer(&message, &whole);
  int files[DESCRIPTORS];
  size_t count = 0;
  if (kind == LOAD) files[count++] = module_file;
  if (changes) {
    // Progress that is none, before the reply.
    if (draw_below(seed, 4) == 0) {
      buffer progress = {.bytes = (uint8_t[]){0x84, 2, request[2], 1, 2}, .size = 5}, changed = {0};
      mutate(&changed, &progress, seed);
      send_with(plan->socket, changed.bytes, changed.size, NULL, 0);
      free(changed.bytes);
    }
    switch (draw_below(seed, 4)) {
      case 0: {  // Files that don't belong there, with a reply that is as it was.
        int others[] = {unsealed_file, foreign_file, plan->socket, module_file};
        count = draw_below(seed, DESCRIPTORS + 1);
        for (size_t i = 0; i < count; i++) files[i] = others[draw_below(seed, 4)];
        break;
      }
      default: mutate(&message, &whole, seed); break;
    }
  }
  send_with(plan->socket, message.bytes, message.size < MESSAGE ? message.size : MESSAGE, files, count);
  free(whole.bytes);
  free(message.bytes);
}

static void *false_decryptor(void *argument) {
  const plan *plan = argument;
  uint64_t seed = plan->seed;
  uint8_t request[64];
  // One hello, one request; then it hangs up, so that nothing is waited for.
  for (int turn = 0; turn < 2; turn++) {
    ssize_t received = receive_with(plan->socket, request, sizeof request, NULL);
    if (received < 5 || request[0] != 0x84 || request[2] > 23) break;
    bool isHello = request[3] == HELLO;
    reply(plan, &seed, request, isHello == plan->changes_hello);
    if (plan->changes_hello) break;
  }
  shutdown(plan->socket, SHUT_RDWR);
  close(plan->socket);
  return NULL;
}

static int ask_progress(void *user, uint64_t done, uint64_t total) {
  (void)user;
  if (done > total) fail("progress beyond the end");
  return 0;
}

/// One request to whoever is at the other end; what it comes to.
static husk_status ask(husk_device *device, int package, int grant, long *loads) {
  static uint8_t identity[MESSAGE];
  size_t count = 0;
  switch (draw_below(&state, 6)) {
    case 0: return husk_identity(device, identity, sizeof identity, &count);
    case 1: {
      husk_protection list[HUSK_PROTECTIONS_MAX] = {HUSK_PROTECTION_INIT};
      husk_status status = husk_protections(device, list, HUSK_PROTECTIONS_MAX, &count);
      volatile size_t sum = 0;
      for (size_t i = 0; status == HUSK_OK && i < count; i++) sum += strlen(list[i].name) + strlen(list[i].why);
      return status;
    }
    case 2: return husk_show_status_list_fd(device, grant);
    default: {
      husk_module *module = NULL;
      husk_load_options options = HUSK_LOAD_OPTIONS_INIT;
      options.progress = ask_progress;
      husk_status status = husk_load_fd(device, package, grant, &options, &module);
      if (status == HUSK_OK) {
        check_module(module);
        husk_unload(module);
        (*loads)++;
      } else if (module != NULL) {
        fail("refused with a module");
      }
      return status;
    }
  }
}

static long hear_changed_replies(int package, int grant, long count) {
  long loads = 0;
  for (long i = 0; i < count; i++) {
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) fail("socketpair");
    plan plan = {sockets[1], draw(&state), draw_below(&state, 8) == 0};
    pthread_t thread;
    if (pthread_create(&thread, NULL, false_decryptor, &plan) != 0) fail("no thread");
    husk_device *device = NULL;
    husk_status status = husk_open(sockets[0], NULL, &device);
    if (status == HUSK_OK) status = ask(device, package, grant, &loads);
    if (!is_known(status)) fail("reply %ld: status %d", i, (int)status);
    husk_close(device);
    // The false one may still wait for a request.
    shutdown(sockets[0], SHUT_RDWR);
    pthread_join(thread, NULL);
    close(sockets[0]);
  }
  return loads;
}

int main(int argc, char **argv) {
  if (argc != 4) fail("usage: mutated_loads SEED OBJECTS REPLIES");
  state = strtoull(argv[1], NULL, 10);
  long objects = strtol(argv[2], NULL, 10), answers = strtol(argv[3], NULL, 10);
  int package = open_flash("modules", "com.acme.codec", ".husk");
  int grant = open_flash("grants", "com.acme.codec", ".grant");
  buffer package_bytes = read_file(package), grant_bytes = read_file(grant);

  record(HELLO, NULL, 0, NULL);
  record(LOAD, (int[]){package, grant}, 2, &module_file);
  record(IDENTITY, NULL, 0, NULL);
  record(PROTECTIONS, NULL, 0, NULL);
  // There is no list to show: this is a refusal.
  record(STATUS_LIST, &grant, 1, NULL);
  if (module_file < 0) fail("no module was handed over");
  buffer module_bytes = read_file(module_file);
  unsealed_file = memory_file(&module_bytes, 0);
  foreign_file = memory_file(&grant_bytes, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);

  husk_device *device = open_device();
  load_changed_objects(device, &package_bytes, &grant_bytes, objects);
  printf("%ld changed objects refused\n", objects);
  long loads = hear_changed_replies(package, grant, answers);
  printf("%ld changed replies heard%s\n", answers, loads > 0 && loads < answers ? "" : ": none of use, or all");

  husk_module *module;
  husk_status status = husk_load_fd(device, package, grant, NULL, &module);
  if (status != HUSK_OK) fail("the right module: %s", husk_status_string(status));
  check_module(module);
  printf("the right module answers %d\n", answer_of(module));
  husk_unload(module);
  husk_close(device);
  return 0;
}
