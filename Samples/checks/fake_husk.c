/*
 * fake_husk.c - a stand-in for libhusk, to test the firmware by itself: a "package" is the module in the clear, and a
 * "grant" is a text, the number of the status that loading comes to (0: it is loaded). There is no decryptor, and the store
 * is a folder with modules/NAME.husk and grants/NAME.grant.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "husk.h"

struct husk_device { int socket; };
struct husk_module { void *handle; };
struct husk_store { int unused; };

static const uint8_t identity[] = {0xD9, 0xD9, 0xF7, 0x00, 0xFF};

/* The socket is there or not; nothing is said on it. */
husk_status husk_open(int socket_fd, const husk_open_options *options, husk_device **out) {
  (void)options;
  *out = NULL;
  if (fcntl(socket_fd, F_GETFD) < 0) return HUSK_E_NO_DECRYPTOR;
  *out = calloc(1, sizeof **out);
  return *out == NULL ? HUSK_E_OUT_OF_MEMORY : HUSK_OK;
}

void husk_close(husk_device *device) { free(device); }

husk_status husk_store_open(husk_device *device, int flash_fd, husk_store **out) {
  *out = NULL;
  if (device == NULL || flash_fd != HUSK_INHERITED_FLASH) return HUSK_E_INVALID_ARGUMENT;
  *out = calloc(1, sizeof **out);
  return *out == NULL ? HUSK_E_OUT_OF_MEMORY : HUSK_OK;
}

void husk_store_close(husk_store *store) { free(store); }

husk_status husk_load_installed(husk_store *store, const char *name, const husk_load_options *options,
                                husk_module **out) {
  *out = NULL;
  char path[256], text[16] = {0};
  snprintf(path, sizeof path, "grants/%s.grant", name);
  int grant = openat(HUSK_INHERITED_FLASH, path, O_RDONLY | O_CLOEXEC);
  if (store == NULL || grant < 0) return HUSK_E_NOT_FOUND;
  if (read(grant, text, sizeof text - 1) < 0) return HUSK_E_IO;
  close(grant);
  if (atoi(text) != HUSK_OK) return atoi(text);
  snprintf(path, sizeof path, "modules/%s.husk", name);
  int package = openat(HUSK_INHERITED_FLASH, path, O_RDONLY | O_CLOEXEC);
  if (package < 0) return HUSK_E_NOT_FOUND;
  snprintf(path, sizeof path, "/proc/self/fd/%d", package);
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  close(package);
  if (handle == NULL) return HUSK_E_LOAD_FAILED;
  husk_module *module = calloc(1, sizeof *module);
  module->handle = handle;
  if (options != NULL && options->self_test != NULL && options->self_test(options->self_test_user, module) != 0) {
    husk_unload(module);
    return HUSK_E_SELF_TEST_FAILED;
  }
  *out = module;
  return HUSK_OK;
}

husk_status husk_module_confirm(husk_store *store, husk_module *module) {
  return store == NULL || module == NULL ? HUSK_E_INVALID_ARGUMENT : HUSK_OK;
}

/* What the device tests have a real store for: here, one module with everything that can be printed. */
husk_status husk_store_modules(husk_store *store, husk_stored_module *modules, size_t capacity, size_t *count) {
  *count = 1;
  if (store == NULL) return HUSK_E_INVALID_ARGUMENT;
  if (capacity < 1) return HUSK_E_LIMIT_EXCEEDED;
  *modules = (husk_stored_module){
      .size = sizeof *modules, .flags = HUSK_STORED_GOOD | HUSK_STORED_ON_TRIAL, .version = {1, 2, 3},
      .trial_version = {1, 3, 0}, .tries_left = 2, .packages = 1000, .received = 10, .name = "com.example.fake"};
  return HUSK_OK;
}

husk_status husk_store_history(husk_store *store, const char *name, husk_event *events, size_t capacity,
                               size_t *count) {
  if (store == NULL || strcmp(name, "com.example.fake") != 0 || capacity < 3) return HUSK_E_INVALID_ARGUMENT;
  size_t size = events->size;
  events[0] = (husk_event){size, 0, HUSK_EVENT_INSTALLED, 1, 0, {1, 3, 0}, 0};
  events[1] = (husk_event){size, 1, HUSK_EVENT_TRIED, 1, 2, {1, 3, 0}, 0};
  events[2] = (husk_event){size, 1, HUSK_EVENT_REFUSED, 1, HUSK_E_WRONG_DEVICE, {1, 3, 0}, 0};
  *count = 3;
  return HUSK_OK;
}

const char *husk_event_string(uint32_t kind) {
  return kind == HUSK_EVENT_INSTALLED ? "installed" : kind == HUSK_EVENT_TRIED ? "tried" : "refused";
}

husk_status husk_store_usage(husk_store *store, husk_usage *usage) {
  if (store == NULL) return HUSK_E_INVALID_ARGUMENT;
  usage->free = 4096;
  return HUSK_OK;
}

/* Says what it was given. */
husk_status husk_install_fd(husk_store *store, int fd, const husk_install_options *options, husk_file_info *info) {
  if (store == NULL || options != NULL) return HUSK_E_INVALID_ARGUMENT;
  char text[16] = {0};
  if (read(fd, text, sizeof text - 1) < 0) return HUSK_E_IO;
  if (atoi(text) != HUSK_OK) return atoi(text);
  strcpy(info->role, "module");
  strcpy(info->name, "com.example.fake");
  return HUSK_OK;
}

husk_status husk_confirm(husk_device *device) { return device == NULL ? HUSK_E_INVALID_ARGUMENT : HUSK_OK; }

husk_status husk_symbol(husk_module *module, const char *name, void **out) {
  *out = dlsym(module->handle, name);
  return *out == NULL ? HUSK_E_NOT_FOUND : HUSK_OK;
}

husk_status husk_module_get_info(const husk_module *module, husk_module_info *info) {
  if (module == NULL || info->size != sizeof *info) return HUSK_E_INVALID_ARGUMENT;
  static const uint8_t features[] = {0xA1, 0x01};
  *info = (husk_module_info){
      .size = sizeof *info, .name = "com.example.fake", .version = {1, 2, 3}, .security_version = 4, .epoch = 5,
      .module_size = 6, .grant_sequence = 7, .not_after = 1700000000, .features = features, .features_size = 2,
      .flags = HUSK_MODULE_LOCKED};
  return HUSK_OK;
}

void husk_unload(husk_module *module) {
  if (module != NULL) dlclose(module->handle);
  free(module);
}

husk_status husk_identity(husk_device *device, uint8_t *buffer, size_t capacity, size_t *length) {
  if (device == NULL) return HUSK_E_INVALID_ARGUMENT;
  *length = sizeof identity;
  if (capacity < sizeof identity) return HUSK_E_LIMIT_EXCEEDED;
  memcpy(buffer, identity, sizeof identity);
  return HUSK_OK;
}

husk_status husk_protections(husk_device *device, husk_protection *protections, size_t capacity, size_t *count) {
  if (device == NULL || capacity < 3 || protections->size != sizeof *protections) return HUSK_E_INVALID_ARGUMENT;
  const husk_protection all[] = {
      {sizeof all[0], 1, HUSK_PROTECTION_ACTIVE, 0, "secret-memory", "", "Keys show.", "Get it."},
      {sizeof all[0], 101, HUSK_PROTECTION_INACTIVE, 7, "a \"quoted\" name", "", "Modules show.", "Get it too."},
      {sizeof all[0], 201, HUSK_PROTECTION_UNKNOWN, 2, "verified-root", "needs root to tell", "All shows.", "Do it."}};
  memcpy(protections, all, sizeof all);
  *count = 3;
  return HUSK_OK;
}

const char *husk_status_string(husk_status status) {
  return status == HUSK_E_WRONG_DEVICE ? "made for another device"
         : status == HUSK_E_NOT_FOUND  ? "not found"
                                       : "something else";
}
