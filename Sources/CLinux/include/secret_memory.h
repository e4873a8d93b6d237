// Memory for secrets: pages that are kept out of swap, core dumps and, where the kernel has memfd_secret(2), out of
// the kernel's own mapping; carved into slots so that a secret costs no system call.
#ifndef SECRET_MEMORY_H
#define SECRET_MEMORY_H
#include <stdbool.h>
#include <stddef.h>

/// The pages that a secret lies in. Opaque.
typedef struct secret_region secret_region;

/// One allocated secret. Its owner also remembers the size it asked for.
typedef struct {
  void *bytes;
  secret_region *region;
} secret_slot;

/// Allocates `size` zero bytes, 128-byte aligned. Returns false if there is no memory. Thread-safe.
bool secret_memory_allocate(size_t size, secret_slot *slot);

/// Wipes a secret of `size` bytes and gives its memory back. Thread-safe.
///
/// In a child process, a secret that was allocated before the fork is only forgotten if its pages are still shared
/// with the parent: the bytes are the parent's to wipe.
void secret_memory_release(secret_slot slot, size_t size);

/// Whether writing to this secret would write to the parent process's memory too: it was allocated before a fork, in
/// pages that a child shares (memfd_secret memory cannot be copied on write).
bool secret_memory_is_borrowed_from_parent(secret_slot slot);

/// 0 if all memory for secrets that this process has obtained so far is memfd_secret(2) memory, else the errno with which
/// the kernel last refused that.
int secret_memory_shortfall(void);

/// Overwrites memory with zeros. A separate translation unit and a barrier keep any optimiser from removing it.
void secret_memory_wipe(void *bytes, size_t size);

/// Compares two buffers in a time that depends on `size` only.
bool secret_memory_equal(const void *left, const void *right, size_t size);

#endif
