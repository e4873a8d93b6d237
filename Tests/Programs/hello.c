// The least that an integrator's program can be, in C and in C++ alike.
#include "husk.h"

#include <stdio.h>

int main(void) {
  husk_device *device = NULL;
  husk_open_options open_options = HUSK_OPEN_OPTIONS_INIT;
  husk_load_options options = HUSK_LOAD_OPTIONS_INIT;
  husk_module_info info = HUSK_MODULE_INFO_INIT;
  printf("%s: %s\n", husk_version(), husk_status_string(husk_open(-1, &open_options, &device)));
  return husk_load(device, "package", "grant", &options, NULL) == HUSK_E_INVALID_ARGUMENT &&
                 husk_module_get_info(NULL, &info) == HUSK_E_INVALID_ARGUMENT
             ? 0
             : 1;
}
