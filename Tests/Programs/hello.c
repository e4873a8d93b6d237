// The least that an integrator's program can be, in C and in C++ alike.
#include "husk.h"

#include <stdio.h>
#include <string.h>

int main(void) {
  husk_device *device = NULL;
  husk_module_info info;
  husk_load_options options;
  memset(&info, 0, sizeof info);
  memset(&options, 0, sizeof options);
  info.size = sizeof info;
  options.size = sizeof options;
  printf("%s: %s\n", husk_version(), husk_status_string(husk_open(-1, &device)));
  return husk_load(device, "package", "grant", &options, NULL) == HUSK_E_INVALID_ARGUMENT &&
                 husk_module_get_info(NULL, &info) == HUSK_E_INVALID_ARGUMENT
             ? 0
             : 1;
}
