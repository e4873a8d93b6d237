#include "device.h"

#include <stdio.h>
#include <string.h>

#include "fail.h"

bool is_module_name(const char *name) {
  size_t length = strlen(name);
  if (length == 0 || length > MODULE_NAME_MAX) return false;
  for (size_t i = 0; i < length; i++) {
    bool is_dot_between = name[i] == '.' && i > 0 && name[i - 1] != '.' && i + 1 < length;
    if (strchr("abcdefghijklmnopqrstuvwxyz0123456789-", name[i]) == NULL && !is_dot_between) return false;
  }
  return true;
}

/* What libhusk knows beyond the status. */
static void print_message(void *user, int32_t level, const char *message) {
  (void)user;
  fprintf(stderr, "firmware: %s: %s\n", level == HUSK_LOG_ERROR ? "note" : "warning", message);
}

husk_device *device_open(void) {
  husk_open_options options = HUSK_OPEN_OPTIONS_INIT;
  options.log = print_message;
  husk_device *device;
  require_ok(husk_open(HUSK_INHERITED_SOCKET, &options, &device), "opening", "the session with the decryptor");
  return device;
}

void device_close(husk_device *device) {
  device_close_store();
  husk_status status = husk_confirm(device);
  if (status != HUSK_E_NOT_FOUND) require_ok(status, "confirming", "this boot");
  husk_close(device);
}

void device_function(husk_module *module, const char *module_name, const char *name, void *pointer) {
  void *address;
  husk_status status = husk_symbol(module, name, &address);
  if (status != HUSK_OK)
    fail(EXIT_MODULE, "finding %s in %s: %s (status %d)", name, module_name, husk_status_string(status), (int)status);
  memcpy(pointer, &address, sizeof address); /* C has no cast from a data pointer to a function pointer; POSIX has */
}
