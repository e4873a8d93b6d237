// What test firmwares share: the device's conventions (SPEC 7.3, Samples/firmware/device.h), and one way to fail.
#ifndef FIRMWARE_H
#define FIRMWARE_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "husk.h"

enum { FLASH_DESCRIPTOR = 4 };

/// Says what went wrong, and ends the program with status 1.
__attribute__((format(printf, 1, 2), noreturn)) static inline void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(1);
}

static inline husk_device *open_device(void) {
  husk_device *device;
  husk_status status = husk_open(HUSK_INHERITED_SOCKET, NULL, &device);
  if (status != HUSK_OK) fail("husk_open: %s", husk_status_string(status));
  return device;
}

/// Opens modules/NAME.husk or grants/NAME.grant of the flash folder.
static inline int open_flash(const char *folder, const char *name, const char *suffix) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s%s", folder, name, suffix);
  int descriptor = openat(FLASH_DESCRIPTOR, path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail("%s: %s", path, strerror(errno));
  return descriptor;
}

/// Loads a module of the flash folder; `allowed` is the SONAME that it may have although it is taken, or null.
static inline husk_status try_load(husk_device *device, const char *name, const char *allowed, husk_module **module) {
  int package = open_flash("modules", name, ".husk");
  int grant = open_flash("grants", name, ".grant");
  husk_load_options options = {.size = sizeof options, .allow_soname = allowed};
  husk_status status = husk_load_fd(device, package, grant, allowed ? &options : NULL, module);
  close(package);
  close(grant);
  return status;
}

static inline husk_module *load(husk_device *device, const char *name, const char *allowed) {
  husk_module *module;
  husk_status status = try_load(device, name, allowed, &module);
  if (status != HUSK_OK) fail("loading %s: %s", name, husk_status_string(status));
  return module;
}

/// Finds a function of a module; `pointer` is where the pointer to the function goes.
static inline void find(husk_module *module, const char *name, void *pointer) {
  void *address;
  husk_status status = husk_symbol(module, name, &address);
  if (status != HUSK_OK) fail("%s: %s", name, husk_status_string(status));
  memcpy(pointer, &address, sizeof address);
}

#endif
