// Structs that begin with their size, between callers and libraries of different versions (SPEC 12.2).
#include "CLoader.h"

#include <string.h>

// Larger than any struct of any version: a size that was never set would have us run through the caller's memory.
enum { MOST = 1024 };

// A struct's size is a multiple of its alignment, so that no member is cut in two.
static int is_size(size_t size) { return size >= sizeof size && size <= MOST && size % sizeof size == 0; }

int loader_read_struct(void *own, size_t own_size, const void *given) {
  size_t size = own_size;
  memset(own, 0, own_size);
  if (given == NULL) return 0;
  memcpy(&size, given, sizeof size);
  if (!is_size(size)) return -1;
  const unsigned char *bytes = given;
  for (size_t i = own_size; i < size; i++) {
    if (bytes[i] != 0) return -1;
  }
  memcpy(own, given, size < own_size ? size : own_size);
  return 0;
}

int loader_write_struct(void *given, size_t size, const void *own, size_t own_size) {
  if (!is_size(size)) return -1;
  unsigned char *bytes = given;
  size_t known = size < own_size ? size : own_size;
  memcpy(bytes, &size, sizeof size);
  memcpy(bytes + sizeof size, (const unsigned char *)own + sizeof size, known - sizeof size);
  memset(bytes + known, 0, size - known);
  return 0;
}
