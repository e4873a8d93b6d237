/*
 * inspect.c - the commands info and identity.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "commands.h"
#include "device.h"
#include "fail.h"
#include "file.h"

/* Prints "what: " and a time in UTC, or "none" for 0. */
static void print_time(const char *what, int64_t seconds) {
  time_t time = (time_t)seconds;
  struct tm parts;
  char text[32];
  if (seconds == 0)
    printf("%s: none\n", what);
  else if (gmtime_r(&time, &parts) != NULL && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) > 0)
    printf("%s: %s\n", what, text);
  else
    printf("%s: %" PRId64 "\n", what, seconds); /* a year that has no calendar */
}

void command_info(char **arguments) {
  if (!is_module_name(arguments[0])) fail(EXIT_USAGE, "not a module's name: %s", arguments[0]);
  husk_device *device = device_open();
  husk_module *module = device_load(device, arguments[0], NULL);
  husk_module_info info = HUSK_MODULE_INFO_INIT;
  require_ok(husk_module_get_info(module, &info), "asking about", arguments[0]);
  printf("name: %s\n", info.name);
  printf("version: %" PRIu32 ".%" PRIu32 ".%" PRIu32 "\n", info.version[0], info.version[1], info.version[2]);
  printf("security version: %" PRIu64 "\n", info.security_version);
  printf("epoch: %" PRIu64 "\n", info.epoch);
  printf("size: %" PRIu64 " bytes\n", info.module_size);
  printf("grant: %" PRIu64 "\n", info.grant_sequence);
  print_time("not before", info.not_before);
  print_time("not after", info.not_after);
  printf("features: ");
  for (size_t i = 0; info.features != NULL && i < info.features_size; i++) printf("%02x", info.features[i]);
  printf("%s\n", info.features == NULL || info.features_size == 0 ? "none" : "");
  printf("memory: %s, %s\n", info.flags & HUSK_MODULE_LOCKED ? "locked" : "not locked",
         info.flags & HUSK_MODULE_EXECUTE_ONLY ? "code execute-only" : "code readable");
  device_unload(module);
  device_close(device);
}

void command_identity(char **arguments) {
  (void)arguments;
  husk_device *device = device_open();
  size_t size = 0;
  husk_status status = husk_identity(device, NULL, 0, &size); /* how long is it? */
  if (status != HUSK_E_LIMIT_EXCEEDED) require_ok(status, "asking for", "the identity");
  uint8_t *identity = malloc(size);
  if (identity == NULL) fail(EXIT_FILE, "out of memory");
  require_ok(husk_identity(device, identity, size, &size), "asking for", "the identity");
  write_output("-", identity, size, NULL, 0);
  free(identity);
  device_close(device);
}
