// A firmware that loads modules and says what became of it.
//
//   loads [PACKAGE GRANT]...      paths are relative to the flash folder
//
// The first line tells that the firmware runs. Then one line for each pair: the module's answer, or the status.
#include <fcntl.h>
#include <unistd.h>

#include "answers.h"

enum { FLASH_DESCRIPTOR = 4 };

static husk_status load(husk_device *device, const char *package_path, const char *grant_path, husk_module **module) {
  int package = openat(FLASH_DESCRIPTOR, package_path, O_RDONLY | O_CLOEXEC);
  int grant = openat(FLASH_DESCRIPTOR, grant_path, O_RDONLY | O_CLOEXEC);
  husk_status status = husk_load_fd(device, package, grant, NULL, module);
  if (package >= 0) close(package);
  if (grant >= 0) close(grant);
  return status;
}

int main(int argc, char **argv) {
  puts("firmware runs");
  fflush(stdout);
  husk_device *device = NULL;
  husk_status status = husk_open(HUSK_INHERITED_SOCKET, NULL, &device);
  if (status != HUSK_OK) return no_decryptor(status);
  for (int i = 1; i + 1 < argc; i += 2) {
    husk_module *module = NULL;
    status = load(device, argv[i], argv[i + 1], &module);
    print_answer(status, module);
  }
  husk_close(device);
  return 0;
}
