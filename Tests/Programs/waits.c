// A firmware that goes on until something ends it.
//
//   waits           says hello to the decryptor, tells so with a byte on descriptor 0, and waits for ever
//   waits then-load PACKAGE GRANT     waits until descriptor 0 says a byte, then loads; the status is the exit status
//   waits abort     ends by a signal
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "husk.h"

enum { FLASH_DESCRIPTOR = 4, TEST_DESCRIPTOR = 0 };

int main(int argc, char **argv) {
  husk_device *device;
  if (husk_open(HUSK_INHERITED_SOCKET, NULL, &device) != HUSK_OK) return 255;
  if (argc == 2 && strcmp(argv[1], "abort") == 0) abort();
  char byte = 1;
  if (write(TEST_DESCRIPTOR, &byte, 1) != 1) return 254;
  if (argc < 4) {
    for (;;) pause();
  }
  if (read(TEST_DESCRIPTOR, &byte, 1) != 1) return 253;
  int package = openat(FLASH_DESCRIPTOR, argv[2], O_RDONLY | O_CLOEXEC);
  int grant = openat(FLASH_DESCRIPTOR, argv[3], O_RDONLY | O_CLOEXEC);
  husk_module *module;
  return husk_load_fd(device, package, grant, NULL, &module);
}
