/*
 * protections.c - the command protections: what is in force on this device with its modules loaded, for people, and as
 * the JSON that `husk doctor --json` prints too, for a factory's test station.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "device.h"
#include "fail.h"

static husk_device *device;

/* Loaded for good: the kernel gives its memory back when the firmware ends. */
static void load(const char *name) { device_try_load(device, name); }

static const char *state_name(int32_t state) {
  switch (state) {
    case HUSK_PROTECTION_ACTIVE: return "active";
    case HUSK_PROTECTION_INACTIVE: return "inactive";
    default: return "unknown";
  }
}

static const char *reporter_name(uint32_t number) {
  return number < 100 ? "decryptor" : number < 200 ? "process" : "platform";
}

static void print_words(const husk_protection *it) {
  printf("%s: %s", it->name, state_name(it->state));
  if (*it->why != '\0') printf(" (%s)", it->why);
  printf("\n");
  if (it->state != HUSK_PROTECTION_ACTIVE) printf("  without it: %s\n  to do: %s\n", it->loss, it->advice);
}

/* Prints `, "key": "text"`, but nothing for an empty text. */
static void print_member(const char *key, const char *text) {
  if (*text == '\0') return;
  printf(", \"%s\": \"", key);
  for (; *text != '\0'; text++) printf(*text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
  printf("\"");
}

static void print_json(const husk_protection *it) {
  printf("{\"number\": %" PRIu32 ", \"detail\": %" PRIu64, it->number, it->detail);
  print_member("name", it->name);
  print_member("reporter", reporter_name(it->number));
  print_member("state", state_name(it->state));
  print_member("explanation", it->why);
  if (it->state != HUSK_PROTECTION_ACTIVE) {
    print_member("loss", it->loss);
    print_member("advice", it->advice);
  }
  printf("}");
}

void command_protections(char **arguments) {
  bool json = arguments[0] != NULL;
  if (json && strcmp(arguments[0], "--json") != 0) fail(EXIT_USAGE, "usage: firmware protections [--json]");
  device = device_open();
  device_list(device, load);
  husk_protection list[HUSK_PROTECTIONS_MAX] = {HUSK_PROTECTION_INIT};
  size_t count, totals[3] = {0};
  require_ok(husk_protections(device, list, HUSK_PROTECTIONS_MAX, &count), "asking for", "the protections");
  if (json) printf("{\"protections\": [");
  for (size_t i = 0; i < count; i++) {
    if (json) printf(i == 0 ? "\n  " : ",\n  ");
    (json ? print_json : print_words)(&list[i]);
    totals[list[i].state == HUSK_PROTECTION_ACTIVE ? 0 : list[i].state == HUSK_PROTECTION_INACTIVE ? 1 : 2]++;
  }
  const char *summary = json ? "\n], \"active\": %zu, \"inactive\": %zu, \"unknown\": %zu}\n"
                             : "%zu active, %zu inactive, %zu unknown\n";
  printf(summary, totals[0], totals[1], totals[2]);
  device_close(device);
}
