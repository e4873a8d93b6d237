// A process that uses the secure world as a service.
//
//   service_client SOCKET [PACKAGE GRANT]...
//
// One line for each pair: the module's answer, or the status. With no pair it only connects.
#include <stdio.h>
#include <string.h>

#include "husk.h"

static husk_status load(husk_device *device, const char *package_path, const char *grant_path, int *answer) {
  husk_module *module;
  husk_status status = husk_load(device, package_path, grant_path, NULL, &module);
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
  if (argc < 2) return 2;
  husk_device *device;
  husk_status status = husk_connect(argv[1], NULL, &device);
  if (status != HUSK_OK) {
    printf("no decryptor (status %d)\n", (int)status);
    return 1;
  }
  if (argc == 2) puts("let in");
  for (int i = 2; i + 1 < argc; i += 2) {
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
