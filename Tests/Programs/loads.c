// A firmware that loads modules and says what became of it.
//
//   loads [PACKAGE GRANT]...      paths are relative to the flash folder
//
// The first line tells that the firmware runs. Then one line for each pair: the module's answer, or the status.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "husk.h"

enum { FLASH_DESCRIPTOR = 4 };

static husk_status load(husk_device *device, const char *package_path, const char *grant_path, int *answer) {
  int package = openat(FLASH_DESCRIPTOR, package_path, O_RDONLY | O_CLOEXEC);
  int grant = openat(FLASH_DESCRIPTOR, grant_path, O_RDONLY | O_CLOEXEC);
  husk_module *module;
  husk_status status = husk_load_fd(device, package, grant, NULL, &module);
  if (package >= 0) close(package);
  if (grant >= 0) close(grant);
  if (status != HUSK_OK) return status;
  int (*function)(void);
  void *address;
  status = husk_symbol(module, "answer", &address);
  if (status != HUSK_OK) return status;
  memcpy(&function, &address, sizeof function);
  *answer = function();
  return HUSK_OK;
}

int main(int argc, char **argv) {
  puts("firmware runs");
  fflush(stdout);
  husk_device *device = NULL;
  husk_status status = husk_open(HUSK_INHERITED_SOCKET, NULL, &device);
  if (status != HUSK_OK) {
    printf("no decryptor (status %d)\n", (int)status);
    return 1;
  }
  for (int i = 1; i + 1 < argc; i += 2) {
    int answer = 0;
    status = load(device, argv[i], argv[i + 1], &answer);
    if (status == HUSK_OK) {
      printf("answer %d\n", answer);
    } else {
      printf("refused (status %d)\n", (int)status);
    }
  }
  husk_close(device);
  return 0;
}
