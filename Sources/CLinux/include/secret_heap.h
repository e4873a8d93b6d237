// A heap for a library that handles secrets (libcrypto): its pages are kept out of swap and core dumps, lie between guard
// pages, and are wiped when they are freed. The functions are malloc(3)'s and like these thread-safe; memory is 16-byte
// aligned.
//
// These are ordinary private pages, not memfd_secret(2) as of secret_memory.h: after a fork(2), parent and child both go
// on writing to objects that they have in common, so that the pages must be copied on write.
#ifndef SECRET_HEAP_H
#define SECRET_HEAP_H
#include <stdbool.h>
#include <stddef.h>

/// Allocates `size` bytes, all zero. Null if `size` is 0 or there is no memory.
void *secret_heap_allocate(size_t size);

/// Makes an allocation larger or smaller, moving it if need be; the old bytes are then wiped. Null, with the old
/// allocation as it was, if there is no memory. A null pointer is allocated anew; a size of 0 frees, and gives null.
void *secret_heap_reallocate(void *bytes, size_t size);

/// Wipes an allocation and gives it back; null is nothing. The process stops at what isn't an allocation, such as one
/// that was freed before.
void secret_heap_free(void *bytes);

/// What the heap consists of.
typedef struct {
  /// Bytes that were obtained from the kernel and not given back.
  size_t mapped;
  /// How many of these the kernel agreed to keep in RAM.
  size_t locked;
} secret_heap_usage;

/// The heap of this process. After a fork(2), `locked` speaks of the parent: locks aren't inherited.
secret_heap_usage secret_heap_get_usage(void);

#endif
