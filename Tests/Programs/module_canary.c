// A module with something to find in each of its segments, compiled with -DCANARY="…".
#include <string.h>

static const char constant[] = "constant-" CANARY;
static char variable[] = "variable-" CANARY;
static char empty[64];

// In the segment with the code.
__asm__(".text\n.ascii \"code-" CANARY "\"\n");

__attribute__((constructor)) static void fill(void) {
  memcpy(empty, variable, sizeof variable);
  memcpy(empty, "filled-e", 8);
  variable[sizeof variable - 1] = 0;
}

__attribute__((visibility("default"))) const char *canary(void) { return empty[0] ? constant : variable; }
