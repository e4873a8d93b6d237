#define _GNU_SOURCE
#include "guarded_pages.h"

#include <sys/mman.h>

uint8_t *guarded_pages_reserve(size_t size, size_t alignment) {
  const size_t page = page_size();
  if (size > SIZE_MAX / 2 - alignment - 2 * page) return NULL;
  // With room to move the beginning to where it is aligned; what then lies outside of the guards goes back.
  const size_t slack = alignment - page;
  uint8_t *const reserved = mmap(NULL, size + 2 * page + slack, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (reserved == MAP_FAILED) return NULL;
  uint8_t *const bytes = (uint8_t *)(((uintptr_t)reserved + page + alignment - 1) & ~(uintptr_t)(alignment - 1));
  const size_t before = (size_t)(bytes - page - reserved);
  if (before > 0) munmap(reserved, before);
  if (slack - before > 0) munmap(bytes + size + page, slack - before);
  return bytes;
}

bool guarded_pages_open(uint8_t *bytes, size_t size, bool *locked) {
  if (mprotect(bytes, size, PROT_READ | PROT_WRITE) != 0) return false;
  // Each page as it comes into use: what nothing was ever written to takes no memory. Linux before 4.4 knows only all.
  *locked = mlock2(bytes, size, MLOCK_ONFAULT) == 0 || mlock(bytes, size) == 0;
  (void)madvise(bytes, size, MADV_DONTDUMP);
  return true;
}

void guarded_pages_free(uint8_t *bytes, size_t size) {
  const size_t page = page_size();
  munmap(bytes - page, size + 2 * page);
}
