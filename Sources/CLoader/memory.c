#include "CLoader.h"

#include <stdlib.h>

int loader_has_memory(size_t size) {
  void *volatile memory = malloc(size);
  free(memory);
  return memory != NULL;
}
