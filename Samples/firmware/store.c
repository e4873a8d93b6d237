/*
 * store.c - the module store of the flash folder: modules by name, and the commands modules and install.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "device.h"
#include "fail.h"

/* One for each session, opened with the first use. */
static husk_store *store;

static husk_store *open_store(husk_device *device) {
  if (store == NULL) require_ok(husk_store_open(device, FLASH_DESCRIPTOR, &store), "opening", "the module store");
  return store;
}

void device_close_store(void) {
  husk_store_close(store);
  store = NULL;
}

husk_module *device_load(husk_device *device, const char *name, husk_self_test self_test) {
  husk_load_options options = HUSK_LOAD_OPTIONS_INIT;
  options.self_test = self_test;
  husk_module *module;
  require_ok(husk_load_installed(open_store(device), name, &options, &module), "loading", name);
  return module;
}

void device_try_load(husk_device *device, const char *name) {
  husk_module *module;
  husk_status status = husk_load_installed(open_store(device), name, NULL, &module);
  if (status != HUSK_OK)
    fprintf(stderr, "firmware: warning: loading %s: %s (status %d)\n", name, husk_status_string(status), (int)status);
}

void device_unload(husk_module *module) {
  husk_status status = husk_module_confirm(store, module);
  if (status != HUSK_OK)
    fprintf(stderr, "firmware: warning: confirming a module: %s (status %d)\n", husk_status_string(status),
            (int)status);
  husk_unload(module);
}

/* All modules of the store; the caller frees them. */
static husk_stored_module *list_modules(husk_device *device, size_t *count) {
  husk_status status = husk_store_modules(open_store(device), NULL, 0, count);
  if (status != HUSK_E_LIMIT_EXCEEDED) require_ok(status, "listing", "the modules");
  husk_stored_module *modules = calloc(*count + 1, sizeof *modules);
  if (modules == NULL) fail(EXIT_FILE, "out of memory");
  modules[0].size = sizeof modules[0];
  require_ok(husk_store_modules(store, modules, *count, count), "listing", "the modules");
  return modules;
}

void device_list(husk_device *device, void (*visit)(const char *name)) {
  size_t count;
  husk_stored_module *modules = list_modules(device, &count);
  for (size_t i = 0; i < count; i++)
    if (modules[i].flags & (HUSK_STORED_GOOD | HUSK_STORED_ON_TRIAL)) visit(modules[i].name);
  free(modules);
}

static void print_version(const char *what, const uint32_t version[3]) {
  printf("  %s: %" PRIu32 ".%" PRIu32 ".%" PRIu32 "\n", what, version[0], version[1], version[2]);
}

static void print_history(const char *name) {
  husk_event events[HUSK_HISTORY_MAX] = {HUSK_EVENT_INIT};
  size_t count;
  require_ok(husk_store_history(store, name, events, HUSK_HISTORY_MAX, &count), "asking about", name);
  for (size_t i = 0; i < count; i++) {
    const husk_event *event = &events[i];
    printf("  run %" PRIu64 ": %" PRIu32 ".%" PRIu32 ".%" PRIu32 " %s", event->run, event->version[0],
           event->version[1], event->version[2], husk_event_string(event->kind));
    switch (event->kind) {
      case HUSK_EVENT_TRIED: printf(", %" PRIu64 " tries left\n", event->detail); break;
      case HUSK_EVENT_REFUSED:
      case HUSK_EVENT_FELL_BACK: printf(": %s\n", husk_status_string((husk_status)event->detail)); break;
      case HUSK_EVENT_SELF_TEST_FAILED: printf(": %" PRIu64 "\n", event->detail); break;
      default: printf("\n");
    }
  }
}

void command_modules(char **arguments) {
  (void)arguments;
  husk_device *device = device_open();
  size_t count;
  husk_stored_module *modules = list_modules(device, &count);
  for (size_t i = 0; i < count; i++) {
    const husk_stored_module *module = &modules[i];
    printf("%s\n", module->name);
    if (module->flags & HUSK_STORED_GOOD) print_version("good", module->version);
    if (module->flags & HUSK_STORED_ON_TRIAL) {
      print_version("on trial", module->trial_version);
      printf("  tries left: %" PRIu32 "\n", module->tries_left);
    }
    printf("  packages: %" PRIu64 " bytes\n", module->packages);
    if (module->received > 0) printf("  received in part: %" PRIu64 " bytes\n", module->received);
    print_history(module->name);
  }
  husk_usage usage = HUSK_USAGE_INIT;
  require_ok(husk_store_usage(store, &usage), "asking about", "the flash folder");
  printf("free: %" PRIu64 " bytes\n", usage.free);
  free(modules);
  device_close(device);
}

void command_install(char **arguments) {
  const char *path = arguments[0];
  int file = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) fail(EXIT_FILE, "opening %s: %s", path, strerror(errno));
  husk_device *device = device_open();
  husk_file_info info = HUSK_FILE_INFO_INIT;
  require_ok(husk_install_fd(open_store(device), file, NULL, &info), "installing", path);
  printf("installed: %s %s\n", info.role, info.name);
  if (file != STDIN_FILENO) close(file);
  device_close(device);
}
