/*
 * fake_husk.c - a stand-in for libhusk, to test the firmware by itself: a "package" is the module in the clear, and a
 * "grant" is a text, the number of the status that loading comes to (0: it is loaded). There is no decryptor.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "husk.h"

struct husk_device { int socket; };
struct husk_module { void *handle; };

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

static int is_regular(int descriptor) {
  struct stat status;
  return fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
}

husk_status husk_load_fd(husk_device *device, int package_fd, int grant_fd, const husk_load_options *options,
                         husk_module **out) {
  *out = NULL;
  if (device == NULL || options != NULL || !is_regular(package_fd) || !is_regular(grant_fd))
    return HUSK_E_INVALID_ARGUMENT;
  char text[16] = {0}, path[32];
  if (read(grant_fd, text, sizeof text - 1) < 0) return HUSK_E_IO;
  if (atoi(text) != HUSK_OK) return atoi(text);
  snprintf(path, sizeof path, "/proc/self/fd/%d", package_fd);
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (handle == NULL) return HUSK_E_LOAD_FAILED;
  *out = calloc(1, sizeof **out);
  (*out)->handle = handle;
  return HUSK_OK;
}

husk_status husk_show_status_list_fd(husk_device *device, int fd) {
  return device == NULL || fd < 0 ? HUSK_E_INVALID_ARGUMENT : HUSK_OK;
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
