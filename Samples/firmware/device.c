#include "device.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fail.h"

/* The longest path of a package or a grant, with its ending 0. */
enum { PATH_SIZE = sizeof FLASH_MODULES "/" + MODULE_NAME_MAX + sizeof GRANT_SUFFIX };

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
  device_show_status_lists(device);
  return device;
}

void device_close(husk_device *device) {
  husk_status status = husk_confirm(device);
  if (status != HUSK_E_NOT_FOUND) require_ok(status, "confirming", "this boot");
  husk_close(device);
}

static void write_path(char path[PATH_SIZE], const char *folder, const char *name, const char *suffix) {
  snprintf(path, PATH_SIZE, "%s/%s%s", folder, name, suffix);
}

/* Opens a file of the flash folder for reading. Without O_NONBLOCK, a pipe put in its place would hang the device. */
static int open_flash(const char *module_name, const char *folder, const char *suffix) {
  char path[PATH_SIZE];
  write_path(path, folder, module_name, suffix);
  int descriptor = openat(FLASH_DESCRIPTOR, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (descriptor < 0) require_ok(errno == ENOENT ? HUSK_E_NOT_FOUND : HUSK_E_IO, "loading", module_name);
  return descriptor;
}

husk_module *device_load(husk_device *device, const char *name) {
  int package = open_flash(name, FLASH_MODULES, PACKAGE_SUFFIX);
  int grant = open_flash(name, FLASH_GRANTS, GRANT_SUFFIX);
  husk_module *module;
  require_ok(husk_load_fd(device, package, grant, NULL, &module), "loading", name);
  close(package);
  close(grant);
  return module;
}

void device_function(husk_module *module, const char *module_name, const char *name, void *pointer) {
  void *address;
  husk_status status = husk_symbol(module, name, &address);
  if (status != HUSK_OK)
    fail(EXIT_MODULE, "finding %s in %s: %s (status %d)", name, module_name, husk_status_string(status), (int)status);
  memcpy(pointer, &address, sizeof address); /* C has no cast from a data pointer to a function pointer; POSIX has */
}

static int only_packages(const struct dirent *entry) {
  size_t length = strlen(entry->d_name), suffix = strlen(PACKAGE_SUFFIX);
  if (length <= suffix || length > MODULE_NAME_MAX + suffix) return 0;
  if (strcmp(entry->d_name + length - suffix, PACKAGE_SUFFIX) != 0) return 0;
  char name[MODULE_NAME_MAX + 1] = {0};
  memcpy(name, entry->d_name, length - suffix);
  return is_module_name(name);
}

static int by_bytes(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

void device_list(void (*visit)(const char *name, bool has_grant)) {
  struct dirent **entries;
  int count = scandirat(FLASH_DESCRIPTOR, FLASH_MODULES, &entries, only_packages, by_bytes);
  if (count < 0) fail(EXIT_FILE, "reading the flash folder: %s", strerror(errno));
  for (int i = 0; i < count; i++) {
    char *name = entries[i]->d_name, grant[PATH_SIZE];
    name[strlen(name) - strlen(PACKAGE_SUFFIX)] = '\0';
    write_path(grant, FLASH_GRANTS, name, GRANT_SUFFIX);
    visit(name, faccessat(FLASH_DESCRIPTOR, grant, R_OK, 0) == 0);
    free(entries[i]);
  }
  free(entries);
}
