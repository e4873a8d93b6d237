/*
 * status_lists.c - shows the decryptor what vendors want this device to refuse, before anything is loaded.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "device.h"

static bool is_status_list(const char *name) {
  size_t length = strlen(name), suffix = strlen(STATUS_SUFFIX);
  return name[0] != '.' && length > suffix && strcmp(name + length - suffix, STATUS_SUFFIX) == 0;
}

/* A list that isn't taken is no reason to stop: the decryptor refuses what depends on it. */
static void show(husk_device *device, int folder, const char *name) {
  int list = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  husk_status status = list < 0 ? HUSK_E_IO : husk_show_status_list_fd(device, list);
  if (status != HUSK_OK)
    fprintf(stderr, "firmware: warning: status list %s: %s (status %d)\n", name, husk_status_string(status), (int)status);
  if (list >= 0) close(list);
}

void device_show_status_lists(husk_device *device) {
  int folder = openat(FLASH_DESCRIPTOR, FLASH_STATUS, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  DIR *entries = folder < 0 ? NULL : fdopendir(folder);
  if (entries == NULL) return; /* a device that was never told anything */
  for (struct dirent *entry; (entry = readdir(entries)) != NULL;)
    if (is_status_list(entry->d_name)) show(device, folder, entry->d_name);
  closedir(entries);
}
