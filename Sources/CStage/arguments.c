#include "CStage.h"

static char **arguments;
static int count;

// glibc hands the arguments of main to constructors too.
__attribute__((constructor)) static void remember(int argc, char **argv) {
  count = argc;
  arguments = argv;
}

char **stage_arguments(void) { return arguments; }

int stage_argument_count(void) { return count; }
