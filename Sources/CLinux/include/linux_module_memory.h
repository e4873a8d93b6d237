// The memory of a loaded module, for libhusk.
#ifndef LINUX_MODULE_MEMORY_H
#define LINUX_MODULE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/// What came of making code executable but not readable. Anything but ACTIVE leaves it readable.
enum {
  LINUX_EXECUTE_ONLY_UNWANTED = 0,
  /// Reading was tried, and the kernel refused.
  LINUX_EXECUTE_ONLY_ACTIVE = 1,
  /// A segment holds code and what the dynamic linker has to read.
  LINUX_EXECUTE_ONLY_TABLES_IN_TEXT = 2,
  /// Reading was tried, and worked: processor or kernel can't do it.
  LINUX_EXECUTE_ONLY_UNSUPPORTED = 3,
};

/// The memory of a loaded object, and how it is protected.
typedef struct {
  /// All that lies between is the object's.
  uintptr_t start;
  uintptr_t end;
  /// 0 if all of it is locked in RAM, else the errno of mlock(2).
  int lock_error;
  /// One of LINUX_EXECUTE_ONLY_.
  int execute_only;
} linux_module_memory;

/// Keeps an object's segments out of core dumps and in RAM and, if wanted, makes its code executable only.
///
/// - number: linux_object_number's.
/// Returns 0; -1 if the object isn't found or its memory can't be kept out of core dumps. The rest is told in *memory.
int linux_protect_module(uintptr_t number, int wants_execute_only, linux_module_memory *memory);

#endif
