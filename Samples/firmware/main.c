/*
 * main.c - the firmware of the sample device. See device.h for how it is started.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "fail.h"

typedef struct {
  const char *name;
  int least_arguments;
  int most_arguments;
  const char *arguments;
  void (*run)(char **arguments);
} command;

static const command commands[] = {
    {"modules", 0, 0, "", command_modules},
    {"install", 1, 1, " FILE", command_install},
    {"encode", 2, 2, " IN.wav OUT.wav", command_encode},
    {"decode", 2, 2, " IN.wav OUT.wav", command_decode},
    {"roundtrip", 1, 1, " IN.wav", command_roundtrip},
    {"classify", 1, 1, " IN.csv", command_classify},
    {"info", 1, 1, " NAME", command_info},
    {"identity", 0, 0, "", command_identity},
    {"protections", 0, 1, " [--json]", command_protections},
};

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static const command *find_command(const char *name) {
  for (int i = 0; i < COMMAND_COUNT; i++)
    if (strcmp(commands[i].name, name) == 0) return &commands[i];
  return NULL;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    for (int i = 0; i < COMMAND_COUNT; i++)
      fprintf(stderr, "%s firmware %s%s\n", i == 0 ? "usage:" : "      ", commands[i].name, commands[i].arguments);
    return EXIT_USAGE;
  }
  const command *command = find_command(argv[1]);
  if (command == NULL) fail(EXIT_USAGE, "no command %s", argv[1]);
  if (argc - 2 < command->least_arguments || argc - 2 > command->most_arguments)
    fail(EXIT_USAGE, "usage: firmware %s%s", command->name, command->arguments);
  command->run(argv + 2);
  if (fflush(stdout) != 0) fail(EXIT_FILE, "writing -: %s", strerror(errno));
  return EXIT_SUCCESS;
}
