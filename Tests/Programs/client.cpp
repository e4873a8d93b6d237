// A firmware in C++: loads the module that it is told, and prints what is known of it. client.swift does the same.
#include <fcntl.h>

#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <string>

#include "husk.h"

namespace {

constexpr int flash = 4;

void print_message(void *user, int32_t level, const char *message) {
  std::printf("%s %d: %s\n", static_cast<const char *>(user), level, message);
}

int watch(void *user, uint64_t, uint64_t) {
  ++*static_cast<int *>(user);
  return 0;
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  const std::string name = argv[1];
  char who[] = "log";
  husk_open_options open_options = HUSK_OPEN_OPTIONS_INIT;
  open_options.log = print_message;
  open_options.log_user = who;
  husk_device *device = nullptr;
  if (husk_open(HUSK_INHERITED_SOCKET, &open_options, &device) != HUSK_OK) return 3;

  int calls = 0;
  husk_load_options options = HUSK_LOAD_OPTIONS_INIT;
  options.progress = watch;
  options.progress_user = &calls;
  husk_module *module = nullptr;
  const int package = openat(flash, ("modules/" + name + ".husk").c_str(), O_RDONLY);
  const int grant = openat(flash, ("grants/" + name + ".grant").c_str(), O_RDONLY);
  const husk_status status = husk_load_fd(device, package, grant, &options, &module);
  std::printf("load: %s\n", husk_status_string(status));
  if (status != HUSK_OK) return 4;

  husk_module_info info = HUSK_MODULE_INFO_INIT;
  if (husk_module_get_info(module, &info) != HUSK_OK) return 5;
  std::printf("%s %" PRIu32 ".%" PRIu32 ".%" PRIu32 "\n", info.name, info.version[0], info.version[1], info.version[2]);
  void *address = nullptr;
  if (husk_symbol(module, "counter_next", &address) != HUSK_OK) return 6;
  std::printf("count %d\n", reinterpret_cast<int (*)()>(address)());
  husk_protection protections[HUSK_PROTECTIONS_MAX] = {HUSK_PROTECTION_INIT};
  std::size_t count = 0;
  if (husk_protections(device, protections, HUSK_PROTECTIONS_MAX, &count) != HUSK_OK) return 7;
  std::printf("first: %s\n", protections[0].name);
  husk_unload(module);
  husk_close(device);
}
