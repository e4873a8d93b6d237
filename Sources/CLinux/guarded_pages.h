// Pages between guard pages: what secrets (secret_memory.c) and libcrypto's heap (secret_heap.c) lie in.
#ifndef GUARDED_PAGES_H
#define GUARDED_PAGES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

/// The size of a page in bytes.
static inline size_t page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

/// `size` rounded up to whole pages; 0 if that is too large.
static inline size_t whole_pages(size_t size) {
  return size > SIZE_MAX / 2 ? 0 : (size + page_size() - 1) / page_size() * page_size();
}

/// Reserves `size` bytes (whole pages), aligned to `alignment` (a power of two, at least a page), with an unreachable page
/// before and behind. They can't be touched before guarded_pages_open. Null if there is no room. Thread-safe.
uint8_t *guarded_pages_reserve(size_t size, size_t alignment);

/// Makes reserved pages ordinary private memory of zeros, left out of core dumps and locked in RAM as far as the limit
/// allows; *locked tells whether it does. False if there is no memory: they are then as before.
bool guarded_pages_open(uint8_t *bytes, size_t size, bool *locked);

/// Gives back reserved pages with their guards, opened or not.
void guarded_pages_free(uint8_t *bytes, size_t size);

#endif
