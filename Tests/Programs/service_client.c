// A process that uses the secure world as a service.
//
//   service_client SOCKET [PACKAGE GRANT]...
//
// One line for each pair: the module's answer, or the status. With no pair it only connects.
#include "answers.h"

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  husk_device *device;
  husk_status status = husk_connect(argv[1], NULL, &device);
  if (status != HUSK_OK) return no_decryptor(status);
  if (argc == 2) puts("let in");
  for (int i = 2; i + 1 < argc; i += 2) {
    husk_module *module = NULL;
    status = husk_load(device, argv[i], argv[i + 1], NULL, &module);
    print_answer(status, module);
  }
  husk_close(device);
  return 0;
}
