/*
 * A firmware that uses all of libhusk but the module store, to be linked and weighed: what it doesn't call must not be in it.
 */
#include <husk.h>

int main(void) {
  husk_device *device;
  husk_module *module;
  husk_module_info info = HUSK_MODULE_INFO_INIT;
  husk_protection protections[HUSK_PROTECTIONS_MAX] = {HUSK_PROTECTION_INIT};
  void *function;
  size_t count;
  if (husk_open(HUSK_INHERITED_SOCKET, NULL, &device) != HUSK_OK) return 1;
  husk_identity(device, NULL, 0, &count);
  husk_show_status_list(device, "list");
  if (husk_load(device, "package", "grant", NULL, &module) != HUSK_OK) return 1;
  husk_symbol(module, "function", &function);
  husk_module_get_info(module, &info);
  husk_protections(device, protections, HUSK_PROTECTIONS_MAX, &count);
  husk_update_try(device);
  husk_confirm(device);
  husk_unload(module);
  husk_close(device);
  return 0;
}
