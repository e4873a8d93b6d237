// Loads modules in the ways that a firmware may, and in those that it should not, and prints what came of it.
//
//   module_client status NAME [ALLOWED]   the number of the status of loading a module
//   module_client versions NAME NAME      modules side by side
//   module_client cycle NAME COUNT        load and unload, again and again
//   module_client threads NAME COUNT      load in several threads at once
//   module_client dependency NAME         symbols of what a module needs
//   module_client arguments NAME          null and wrong arguments to every function
//   module_client info NAME               structs of other sizes
//   module_client strings                 the text of every status
//   module_client paths NAME FLASH        load by path
//   module_client environment             the environment, and the signals that are blocked and ignored
//   module_client waits NAME              says "ready", waits for a line, and then asks a decryptor that is gone
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "firmware.h"

typedef int (*function)(void);

static int call(husk_module *module, const char *name) {
  function function;
  find(module, name, &function);
  return function();
}

static void print_status(const char *what, husk_status status) { printf("%s: %d\n", what, (int)status); }

static void command_status(const char *name, const char *allowed) {
  husk_module *module = (husk_module *)8;
  husk_status status = try_load(open_device(), name, allowed, &module);
  if ((status == HUSK_OK) != (module != NULL)) fail("a module without success, or the reverse");
  print_status("load", status);
}

static void command_versions(const char *first, const char *second) {
  husk_device *device = open_device();
  husk_module *modules[] = {load(device, first, NULL), load(device, first, NULL), load(device, second, NULL)};
  for (int round = 1; round <= 2; round++)
    for (int i = 0; i < 3; i++)
      for (int calls = 0; calls <= i; calls++)
        printf("module %d version %d count %d\n", i, call(modules[i], "counter_version"), call(modules[i], "counter_next"));
  husk_close(device);  // modules outlive the session
  husk_unload(modules[1]);
  printf("after the second went: %d %d\n", call(modules[0], "counter_next"), call(modules[2], "counter_next"));
}

static int count_lines(const char *path) {
  FILE *file = fopen(path, "r");
  if (file == NULL) fail("%s: %s", path, strerror(errno));
  int lines = 0;
  for (int c; (c = getc(file)) != EOF;) lines += c == '\n';
  fclose(file);
  return lines;
}

static int count_descriptors(void) {
  int count = 0;
  for (int descriptor = 0; descriptor < 1024; descriptor++) count += fcntl(descriptor, F_GETFD) >= 0;
  return count;
}

static void command_cycle(const char *name, int cycles) {
  husk_device *device = open_device();
  int mappings = 0, descriptors = 0;
  for (int i = 0; i < cycles; i++) {
    // A path that the dynamic linker has seen before would give the library of that time, with its count.
    husk_module *module = load(device, name, NULL);
    int count = call(module, "counter_next");
    if (count != 1) fail("cycle %d: count %d", i, count);
    husk_unload(module);
    if (i == 9) mappings = count_lines("/proc/self/maps"), descriptors = count_descriptors();
  }
  printf("mappings %+d, descriptors %+d\n", count_lines("/proc/self/maps") - mappings,
         count_descriptors() - descriptors);
  husk_close(device);
}

enum { THREADS = 8 };

static struct {
  husk_device *device;
  const char *name;
  int loads;
} work;

static void *load_often(void *unused) {
  (void)unused;
  for (int i = 0; i < work.loads; i++) {
    husk_module *module = load(work.device, work.name, NULL);
    for (int expected = 1; expected <= 3; expected++)
      if (call(module, "counter_next") != expected) fail("threads share a module");
    husk_module_info info = HUSK_MODULE_INFO_INIT;
    if (husk_module_get_info(module, &info) != HUSK_OK || strcmp(info.name, work.name) != 0) fail("wrong info");
    husk_unload(module);
  }
  return NULL;
}

static void command_threads(const char *name, int loads) {
  pthread_t threads[THREADS];
  work.device = open_device();
  work.name = name;
  work.loads = loads;
  for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, load_often, NULL);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  printf("%d loads\n", THREADS * loads);
}

static void command_dependency(const char *name) {
  husk_module *module = load(open_device(), name, NULL);
  void *address = &address;
  print_status("zlibVersion", husk_symbol(module, "zlibVersion", &address));
  if (address != NULL) fail("an address without success");
  print_status("malloc", husk_symbol(module, "malloc", &address));
  print_status("counter_next", husk_symbol(module, "counter_next", &address));
  const char *(*version)(void);
  find(module, "counter_zlib_version", &version);
  printf("works: %s\n", version()[0] != '\0' ? "yes" : "no");
}

/// A regular file that is open for writing only.
static int open_unreadable(void) {
  char path[64];
  int file = memfd_create("unreadable", MFD_CLOEXEC);
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  if (ftruncate(file, 4096) != 0 || (file = open(path, O_WRONLY | O_CLOEXEC)) < 0) fail("%s", strerror(errno));
  return file;
}

static void command_arguments(const char *name) {
  husk_device *device = NULL;
  husk_module *module = (husk_module *)8;
  void *address = &address;
  size_t length = 7;
  uint8_t byte = 0x5a;
  husk_module_info info = HUSK_MODULE_INFO_INIT;

  print_status("open, null out", husk_open(HUSK_INHERITED_SOCKET, NULL, NULL));
  device = (husk_device *)8;
  print_status("open, no descriptor", husk_open(-1, NULL, &device));
  print_status("device after that", device == NULL ? HUSK_OK : -1);
  print_status("open, closed descriptor", husk_open(999, NULL, &device));
  print_status("open, not a socket", husk_open(FLASH_DESCRIPTOR, NULL, &device));
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) fail("no socket");
  close(pair[1]);
  print_status("open, nobody at the other end", husk_open(pair[0], NULL, &device));
  close(pair[0]);
  husk_open_options bad = {.size = 1};
  print_status("open, bad options", husk_open(HUSK_INHERITED_SOCKET, &bad, &device));
  print_status("connect, null path", husk_connect(NULL, NULL, &device));
  print_status("connect, null out", husk_connect("/no/such/socket", NULL, NULL));
  print_status("connect, bad options", husk_connect("/no/such/socket", &bad, &device));
  print_status("connect, no such path", husk_connect("/no/such/socket", NULL, &device));
  print_status("connect, not a folder", husk_connect("/dev/null/socket", NULL, &device));
  print_status("connect, not a socket", husk_connect("/dev/null", NULL, &device));

  device = open_device();
  int package = open_flash("modules", name, ".husk"), grant = open_flash("grants", name, ".grant");
  print_status("load, null device", husk_load_fd(NULL, package, grant, NULL, &module));
  print_status("module after that", module == NULL ? HUSK_OK : -1);
  print_status("load, null out", husk_load_fd(device, package, grant, NULL, NULL));
  print_status("load, no package", husk_load_fd(device, -1, grant, NULL, &module));
  print_status("load, no grant", husk_load_fd(device, package, -1, NULL, &module));
  print_status("load, closed package", husk_load_fd(device, 999, grant, NULL, &module));
  print_status("load, closed grant", husk_load_fd(device, package, 999, NULL, &module));
  print_status("load, package a folder", husk_load_fd(device, FLASH_DESCRIPTOR, grant, NULL, &module));
  print_status("load, grant a socket", husk_load_fd(device, package, HUSK_INHERITED_SOCKET, NULL, &module));
  print_status("load, grant as package", husk_load_fd(device, grant, grant, NULL, &module));
  print_status("load, package as grant", husk_load_fd(device, package, package, NULL, &module));
  print_status("load, unreadable package", husk_load_fd(device, open_unreadable(), grant, NULL, &module));
  husk_load_options options = HUSK_LOAD_OPTIONS_INIT;
  size_t sizes[] = {0, 1, sizeof(size_t) + 1, sizeof options + 1, 1 << 20};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    options.size = sizes[i];
    print_status("load, options of no size", husk_load_fd(device, package, grant, &options, &module));
  }
  // What lies beyond the size isn't the struct's: it is not looked at.
  options = (husk_load_options){.size = sizeof options.size, .progress = (husk_progress_callback)8};
  print_status("load, options of an earlier version", husk_load_fd(device, package, grant, &options, &module));
  husk_unload(module);
  struct {
    husk_load_options options;
    uint64_t more;
  } later = {{.size = sizeof later}, 0};
  print_status("load, options of a later version", husk_load_fd(device, package, grant, &later.options, &module));
  husk_unload(module);
  later.more = 1;
  print_status("load, an option of a later version", husk_load_fd(device, package, grant, &later.options, &module));
  print_status("load by path, null package", husk_load(device, NULL, "grant", NULL, &module));
  print_status("load by path, null grant", husk_load(device, "package", NULL, NULL, &module));
  print_status("load by path, no such file", husk_load(device, "/no/such", "/file", NULL, &module));
  print_status("load by path, null out", husk_load(device, "/no/such", "/file", NULL, NULL));

  module = load(device, name, NULL);
  print_status("symbol, null module", husk_symbol(NULL, "counter_next", &address));
  print_status("address after that", address == NULL ? HUSK_OK : -1);
  print_status("symbol, null name", husk_symbol(module, NULL, &address));
  print_status("symbol, null out", husk_symbol(module, "counter_next", NULL));
  print_status("symbol, empty name", husk_symbol(module, "", &address));
  print_status("symbol, no such", husk_symbol(module, "counter", &address));
  print_status("info, null module", husk_module_get_info(NULL, &info));
  print_status("info, null out", husk_module_get_info(module, NULL));
  print_status("identity, null device", husk_identity(NULL, &byte, 1, &length));
  print_status("identity, null length", husk_identity(device, &byte, 1, NULL));
  print_status("identity, null buffer", husk_identity(device, NULL, 1, &length));
  print_status("identity, no room", husk_identity(device, &byte, 1, &length));
  print_status("untouched", length > 1 && byte == 0x5a ? HUSK_OK : -1);
  print_status("identity, only its length", husk_identity(device, NULL, 0, &length));
  husk_protection protection = HUSK_PROTECTION_INIT;
  print_status("protections, null count", husk_protections(device, &protection, 1, NULL));
  print_status("protections, null buffer", husk_protections(device, NULL, 1, &length));
  print_status("protections, no room", husk_protections(device, &protection, 1, &length));
  print_status("untouched", length > 1 && protection.name == NULL ? HUSK_OK : -1);
  husk_protection none[HUSK_PROTECTIONS_MAX] = {{.size = 1}};
  print_status("protections, no size", husk_protections(device, none, HUSK_PROTECTIONS_MAX, &length));
  husk_store *store = (husk_store *)8;
  print_status("store, null device", husk_store_open(NULL, FLASH_DESCRIPTOR, &store));
  print_status("store after that", store == NULL ? HUSK_OK : -1);
  print_status("store, null out", husk_store_open(device, FLASH_DESCRIPTOR, NULL));
  print_status("store, closed descriptor", husk_store_open(device, 999, &store));
  print_status("store, not a folder", husk_store_open(device, package, &store));
  print_status("store", husk_store_open(device, FLASH_DESCRIPTOR, &store));
  husk_module *installed = (husk_module *)8;
  print_status("installed, null store", husk_load_installed(NULL, name, NULL, &installed));
  print_status("module after that", installed == NULL ? HUSK_OK : -1);
  print_status("installed, null name", husk_load_installed(store, NULL, NULL, &installed));
  print_status("installed, null out", husk_load_installed(store, name, NULL, NULL));
  print_status("installed, no name", husk_load_installed(store, "../modules", NULL, &installed));
  print_status("installed, no such", husk_load_installed(store, "com.example.none", NULL, &installed));
  options.size = 1;
  print_status("installed, options of no size", husk_load_installed(store, name, &options, &installed));
  print_status("confirm, null store", husk_module_confirm(NULL, module));
  print_status("confirm, null module", husk_module_confirm(store, NULL));
  print_status("confirm, not on trial", husk_module_confirm(store, module));
  print_status("check, null device", husk_check_fd(NULL, package, NULL, NULL, NULL));
  print_status("check, no descriptor", husk_check_fd(device, -1, NULL, NULL, NULL));
  print_status("check, a folder", husk_check_fd(device, FLASH_DESCRIPTOR, NULL, NULL, NULL));
  husk_file_info file = {.size = 1};
  print_status("check, info of no size", husk_check_fd(device, package, NULL, NULL, &file));
  print_status("check", husk_check_fd(device, package, NULL, NULL, NULL));
  husk_install *install = (husk_install *)8;
  uint64_t offset = 7;
  print_status("begin, null store", husk_install_begin(NULL, NULL, &offset, &install));
  print_status("after that", install == NULL && offset == 0 ? HUSK_OK : -1);
  print_status("begin, null out", husk_install_begin(store, NULL, NULL, NULL));
  husk_install_options install_options = {.size = 1};
  print_status("begin, options of no size", husk_install_begin(store, &install_options, NULL, &install));
  install_options = (husk_install_options){.size = sizeof install_options, .resume = "../x"};
  print_status("begin, no name", husk_install_begin(store, &install_options, NULL, &install));
  print_status("begin", husk_install_begin(store, NULL, NULL, &install));
  print_status("write, null install", husk_install_write(NULL, "", 1));
  print_status("write, null bytes", husk_install_write(install, NULL, 1));
  print_status("write, no bytes", husk_install_write(install, NULL, 0));
  print_status("finish, null install", husk_install_finish(NULL, NULL));
  print_status("finish, nothing", husk_install_finish(install, NULL));
  print_status("finish again", husk_install_finish(install, NULL));
  print_status("write after that", husk_install_write(install, "", 1));
  husk_install_close(install);
  husk_install_close(NULL);
  print_status("install, null store", husk_install_fd(NULL, package, NULL, NULL));
  print_status("install, no descriptor", husk_install_fd(store, -1, NULL, NULL));
  print_status("install, a folder", husk_install_fd(store, FLASH_DESCRIPTOR, NULL, NULL));
  install_options.resume = name;
  print_status("install, to resume", husk_install_fd(store, package, &install_options, NULL));
  print_status("usage, null store", husk_store_usage(NULL, &(husk_usage){.size = sizeof(husk_usage)}));
  print_status("usage, null out", husk_store_usage(store, NULL));
  print_status("usage, no size", husk_store_usage(store, &(husk_usage){.size = 1}));
  print_status("modules, null store", husk_store_modules(NULL, NULL, 0, &length));
  print_status("modules, null count", husk_store_modules(store, NULL, 0, NULL));
  print_status("modules, null buffer", husk_store_modules(store, NULL, 1, &length));
  print_status("modules", husk_store_modules(store, NULL, 0, &length));
  print_status("history, null name", husk_store_history(store, NULL, NULL, 0, &length));
  print_status("history, null count", husk_store_history(store, name, NULL, 0, NULL));
  print_status("history, null buffer", husk_store_history(store, name, NULL, 1, &length));
  print_status("history, no name", husk_store_history(store, "..", NULL, 0, &length));
  print_status("an unknown event", strcmp(husk_event_string(99), "unknown event") == 0 ? HUSK_OK : -1);
  husk_store_close(NULL);
  husk_store_close(store);
  husk_unload(NULL);
  husk_unload(module);
  husk_close(NULL);
  husk_close(device);
  printf("version %s %d\n", husk_version(), husk_version_number());
}

static void command_info(const char *name) {
  husk_module *module = load(open_device(), name, NULL);
  struct {
    husk_module_info info;
    unsigned char beyond[32];
  } whole;
  for (size_t size = 0; size <= sizeof whole; size++) {
    memset(&whole, 0xa5, sizeof whole);
    whole.info.size = size;
    husk_status status = husk_module_get_info(module, &whole.info);
    int is_size = size >= sizeof(size_t) && size % sizeof(size_t) == 0;
    if (status != (is_size ? HUSK_OK : HUSK_E_INVALID_ARGUMENT)) fail("size %zu: status %d", size, (int)status);
    unsigned char *bytes = (unsigned char *)&whole;
    for (size_t i = is_size ? size : sizeof(size_t); i < sizeof whole; i++)
      if (bytes[i] != 0xa5) fail("size %zu: byte %zu was written", size, i);
    for (size_t i = sizeof whole.info; i < size && is_size; i++)
      if (bytes[i] != 0) fail("size %zu: byte %zu isn't known, and isn't zero", size, i);
    if (whole.info.size != size) fail("size %zu became %zu", size, whole.info.size);
  }
  husk_module_info info = HUSK_MODULE_INFO_INIT;
  if (husk_module_get_info(module, &info) != HUSK_OK) fail("no info");
  printf("%s %u.%u.%u security version %llu, epoch %llu, %llu bytes\n", info.name, info.version[0], info.version[1],
         info.version[2], (unsigned long long)info.security_version, (unsigned long long)info.epoch,
         (unsigned long long)info.module_size);
}

static void command_strings(void) {
  for (int status = -5; status <= 200; status++) {
    const char *text = husk_status_string(status);
    if (text == NULL || text[0] == '\0') fail("%d has no text", status);
    if (text != husk_status_string(status)) fail("the text of %d moves", status);
    printf("%d %s\n", status, text);
  }
}

static void command_paths(const char *name, const char *flash) {
  husk_device *device = open_device();
  char package[512], grant[512], list[512];
  snprintf(package, sizeof package, "%s/modules/%s.husk", flash, name);
  snprintf(grant, sizeof grant, "%s/grants/%s.grant", flash, name);
  husk_module *module;
  print_status("load", husk_load(device, package, grant, NULL, &module));
  printf("count %d\n", call(module, "counter_next"));
  print_status("folder", husk_load(device, flash, grant, NULL, &module));
  print_status("no grant", husk_load(device, package, "/no/such/file", NULL, &module));
  snprintf(list, sizeof list, "%s/status/list.status", flash);
  print_status("list", husk_show_status_list(device, list));
  print_status("grant as list", husk_show_status_list(device, grant));
  print_status("no list", husk_show_status_list(device, "/no/such/file"));
  print_status("load", husk_load(device, package, grant, NULL, &module));
}

static void command_environment(void) {
  int count = 0;
  for (; environ[count] != NULL; count++) printf("%s\n", environ[count]);
  printf("%d variables\n", count);
  char line[256];
  FILE *status = fopen("/proc/self/status", "r");
  while (status != NULL && fgets(line, sizeof line, status) != NULL)
    if (strncmp(line, "SigBlk", 6) == 0 || strncmp(line, "SigIgn", 6) == 0) fputs(line, stdout);
}

static void command_waits(const char *name) {
  husk_device *device = open_device();
  husk_module *module = load(device, name, NULL), *other;
  int package = open_flash("modules", name, ".husk"), grant = open_flash("grants", name, ".grant");
  printf("ready\n");
  fflush(stdout);
  if (getchar() == EOF) fail("nobody said go");
  uint8_t identity[4096];
  size_t length;
  print_status("load", husk_load_fd(device, package, grant, NULL, &other));
  print_status("identity", husk_identity(device, identity, sizeof identity, &length));
  husk_device *again;
  print_status("open", husk_open(HUSK_INHERITED_SOCKET, NULL, &again));
  printf("the module still counts: %d\n", call(module, "counter_next"));
}

int main(int argc, char **argv) {
  const char *command = argc > 1 ? argv[1] : "", *name = argc > 2 ? argv[2] : NULL, *more = argc > 3 ? argv[3] : NULL;
  if (strcmp(command, "status") == 0) command_status(name, more);
  else if (strcmp(command, "versions") == 0) command_versions(name, more);
  else if (strcmp(command, "cycle") == 0) command_cycle(name, atoi(more));
  else if (strcmp(command, "threads") == 0) command_threads(name, atoi(more));
  else if (strcmp(command, "dependency") == 0) command_dependency(name);
  else if (strcmp(command, "arguments") == 0) command_arguments(name);
  else if (strcmp(command, "info") == 0) command_info(name);
  else if (strcmp(command, "strings") == 0) command_strings();
  else if (strcmp(command, "paths") == 0) command_paths(name, more);
  else if (strcmp(command, "environment") == 0) command_environment();
  else if (strcmp(command, "waits") == 0) command_waits(name);
  else fail("no command %s", command);
  return 0;
}
