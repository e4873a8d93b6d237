// Uses what husk.h offers around loading, and prints what came of it.
//
//   interface_client log NAME [ALLOWED]           what libhusk says, and the status
//   interface_client unlocked NAME                the same, without the right to lock memory
//   interface_client poor NAME                    every call that needs memory, where there is none
//   interface_client progress NAME ALLOWED        how loading comes along
//   interface_client cancel NAME ALLOWED          stopping at the first news, and going on with the session
//   interface_client text NAME                    how the code is protected, and what reading it comes to
//   interface_client protections [NAME]           all protections, with a module loaded or without a session
//   interface_client connect PATH PACKAGE GRANT   a session by path
#include <dlfcn.h>
#include <link.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "firmware.h"

static void print_message(void *user, int32_t level, const char *message) {
  if (user != stdout) fail("not the pointer that was given");
  printf("%s: %s\n", level == HUSK_LOG_ERROR ? "error" : level == HUSK_LOG_WARNING ? "warning" : "?", message);
}

static const husk_open_options talkative = {sizeof talkative, print_message, NULL};

static husk_device *open_talkative(void) {
  husk_open_options options = talkative;
  husk_device *device;
  options.log_user = stdout;
  husk_status status = husk_open(HUSK_INHERITED_SOCKET, &options, &device);
  if (status != HUSK_OK) fail("husk_open: %s", husk_status_string(status));
  // The struct may go.
  memset(&options, 0xa5, sizeof options);
  return device;
}

static uint64_t flags_of(husk_module *module) {
  husk_module_info info = HUSK_MODULE_INFO_INIT;
  if (husk_module_get_info(module, &info) != HUSK_OK) fail("no info");
  return info.flags;
}

static void command_log(const char *name, const char *allowed) {
  husk_module *module;
  husk_device *device = open_talkative();
  printf("load: %d\n", (int)try_load(device, name, allowed, &module));
  if (module != NULL) printf("flags: %llu\n", (unsigned long long)flags_of(module));
  husk_unload(module);
  printf("no file: %d\n", (int)husk_load(device, "/no/such/file", "/no/such/file", NULL, &module));
  printf("not open: %d\n", (int)husk_load_fd(device, -1, -1, NULL, &module));
  husk_load_options odd = {.size = 3};
  printf("odd options: %d\n", (int)husk_load_fd(device, STDIN_FILENO, STDIN_FILENO, &odd, &module));
  husk_close(device);
}

static void limit(int what, rlim_t most) {
  struct rlimit limit = {most, most};
  if (setrlimit(what, &limit) != 0) fail("setrlimit: %s", strerror(errno));
}

static size_t address_space(void) {
  char line[256];
  size_t pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL || fgets(line, sizeof line, file) == NULL || sscanf(line, "%zu", &pages) != 1) fail("no statm");
  fclose(file);
  return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void command_poor(const char *name) {
  husk_device *device = open_device(), *other;
  husk_module *module;
  husk_protection protections[HUSK_PROTECTIONS_MAX] = {HUSK_PROTECTION_INIT};
  static uint8_t identity[65536];
  size_t count;
  limit(RLIMIT_AS, address_space() + 64 * 1024);
  // What the C library holds in reserve is used up.
  while (malloc(4096) != NULL) {}
  printf("open: %d\n", (int)husk_open(HUSK_INHERITED_SOCKET, NULL, &other));
  printf("load: %d\n", (int)try_load(device, name, NULL, &module));
  printf("identity: %d\n", (int)husk_identity(device, identity, sizeof identity, &count));
  printf("protections: %d\n", (int)husk_protections(device, protections, HUSK_PROTECTIONS_MAX, &count));
}

static struct {
  uint64_t done, total;
  int calls, cancels;
} seen;

static int note_progress(void *user, uint64_t done, uint64_t total) {
  if (user != &seen) fail("not the pointer that was given");
  if (done > total || done < seen.done || (seen.calls > 0 && total != seen.total)) fail("progress makes no sense");
  seen.done = done, seen.total = total, seen.calls++;
  return seen.cancels;
}

static husk_status load_watching(husk_device *device, const char *name, const char *allowed, husk_module **module) {
  int package = open_flash("modules", name, ".husk"), grant = open_flash("grants", name, ".grant");
  husk_load_options options = HUSK_LOAD_OPTIONS_INIT;
  options.allow_soname = allowed;
  options.progress = note_progress;
  options.progress_user = &seen;
  husk_status status = husk_load_fd(device, package, grant, &options, module);
  close(package);
  close(grant);
  return status;
}

static void command_progress(const char *name, const char *allowed) {
  husk_module *module;
  printf("load: %d\n", (int)load_watching(open_device(), name, allowed, &module));
  if (seen.calls > 64) fail("%d calls", seen.calls);
  printf("%s, %s\n", seen.calls > 1 ? "calls" : "no calls", seen.done == seen.total ? "to the end" : "not to the end");
}

static void command_cancel(const char *name, const char *allowed) {
  husk_device *device = open_device();
  husk_module *module = (husk_module *)8;
  static uint8_t identity[65536];
  size_t count;
  seen.cancels = 1;
  husk_status status = load_watching(device, name, allowed, &module);
  printf("load: %d, %s, called %d times\n", (int)status, module == NULL ? "no module" : "a module", seen.calls);
  printf("identity: %d\n", (int)husk_identity(device, identity, sizeof identity, &count));
  printf("descriptors: %s\n", fcntl(FLASH_DESCRIPTOR + 1, F_GETFD) < 0 ? "none left open" : "left open");
  seen.cancels = 0;
  seen.calls = 0, seen.done = 0;
  printf("load: %d\n", (int)load_watching(device, name, allowed, &module));
}

static void command_text(const char *name) {
  husk_module *module = load(open_talkative(), name, NULL);
  int (*next)(void);
  find(module, "counter_next", &next);
  printf("flags: %llu\n", (unsigned long long)flags_of(module));
  int ends[2];
  if (pipe(ends) != 0) fail("no pipe");
  ssize_t written = write(ends[1], (const void *)next, 1);
  printf("reading: %s\n", written == 1 ? "works" : errno == EFAULT ? "refused" : strerror(errno));
  int first = next();
  printf("count %d %d\n", first, next());
  void *address;
  printf("symbols: %d\n", (int)husk_symbol(module, "counter_version", &address));
  husk_unload(module);
}

static const char *state_name(int32_t state) {
  return state == HUSK_PROTECTION_ACTIVE ? "active" : state == HUSK_PROTECTION_INACTIVE ? "inactive" : "unknown";
}

static void command_protections(const char *name) {
  husk_device *device = name != NULL ? open_device() : NULL;
  if (name != NULL) load(device, name, NULL);
  husk_protection list[HUSK_PROTECTIONS_MAX] = {HUSK_PROTECTION_INIT};
  size_t count;
  husk_status status = husk_protections(device, list, HUSK_PROTECTIONS_MAX, &count);
  if (status != HUSK_OK) fail("husk_protections: %s", husk_status_string(status));
  for (size_t i = 0; i < count; i++) {
    const husk_protection *it = &list[i];
    if (it->size != sizeof *it) fail("an element of another size");
    if (i > 0 && it->number <= it[-1].number) fail("not in ascending order");
    if (*it->name == '\0' || *it->loss == '\0' || *it->advice == '\0') fail("%u has no words", it->number);
    if ((it->state == HUSK_PROTECTION_UNKNOWN) != (*it->why != '\0')) fail("%s: unknown, and no reason", it->name);
    printf("%u %s %s\n", it->number, it->name, state_name(it->state));
  }

  // A caller of before `detail` was added.
  enum { EARLIER = offsetof(husk_protection, detail) };
  _Alignas(husk_protection) char earlier[HUSK_PROTECTIONS_MAX][EARLIER];
  size_t size = EARLIER, again;
  memcpy(earlier[0], &size, sizeof size);
  if (husk_protections(device, (husk_protection *)earlier, HUSK_PROTECTIONS_MAX, &again) != HUSK_OK || again != count)
    fail("not for smaller structs");
  for (size_t i = 0; i < count; i++)
    if (memcmp(earlier[i], &size, sizeof size) != 0 || memcmp(earlier[i] + sizeof size, &list[i].number, 8) != 0)
      fail("element %zu of smaller structs differs", i);
}

static void command_connect(const char *path, const char *package, const char *grant) {
  husk_open_options options = talkative;
  husk_device *device;
  husk_module *module;
  options.log_user = stdout;
  husk_status status = husk_connect(path, &options, &device);
  printf("connect: %d\n", (int)status);
  if (status != HUSK_OK) return;
  int socket = -1;
  struct stat entry;
  for (int fd = 3; fd < 16 && socket < 0; fd++)
    if (fstat(fd, &entry) == 0 && S_ISSOCK(entry.st_mode)) socket = fd;
  printf("close-on-exec: %s\n", (fcntl(socket, F_GETFD) & FD_CLOEXEC) != 0 ? "yes" : "no");
  printf("load: %d\n", (int)husk_load(device, package, grant, NULL, &module));
  husk_close(device);
  printf("socket: %s\n", fcntl(socket, F_GETFD) < 0 ? "closed" : "open");
  int (*next)(void);
  find(module, "counter_next", &next);
  printf("count %d\n", next());
}

int main(int argc, char **argv) {
  const char *command = argc > 1 ? argv[1] : "", *name = argc > 2 ? argv[2] : NULL, *more = argc > 3 ? argv[3] : NULL;
  setvbuf(stdout, NULL, _IONBF, 0);
  if (strcmp(command, "unlocked") == 0) limit(RLIMIT_MEMLOCK, 0);
  if (strcmp(command, "log") == 0 || strcmp(command, "unlocked") == 0) command_log(name, more);
  else if (strcmp(command, "poor") == 0) command_poor(name);
  else if (strcmp(command, "progress") == 0) command_progress(name, more);
  else if (strcmp(command, "cancel") == 0) command_cancel(name, more);
  else if (strcmp(command, "text") == 0) command_text(name);
  else if (strcmp(command, "protections") == 0) command_protections(name);
  else if (strcmp(command, "connect") == 0) command_connect(name, more, argc > 4 ? argv[4] : NULL);
  else fail("no command %s", command);
  return 0;
}
