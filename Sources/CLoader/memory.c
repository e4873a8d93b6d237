#include "CLoader.h"

#include <stdlib.h>

// What a call takes at most: two messages of the protocol, and the tables of the module. Swift ends the process when
// malloc fails; asking first makes it a status.
enum { CALL_SIZE = 256 * 1024 };

int loader_has_memory(void) {
  void *volatile memory = malloc(CALL_SIZE);
  free(memory);
  return memory != NULL;
}
