// What the Swift half of libhusk uses of its C half. Not part of the interface: the symbols stay inside the library.
#ifndef HUSK_INTERNAL_H
#define HUSK_INTERNAL_H

#include "husk.h"

/// Reads a struct of options, which begins with its size, as far as the caller's reaches; null stands for the defaults.
///
/// - own: receives the struct as this library knows it, `own_size` bytes, absent members zero.
/// Returns 0, or -1 if the size is absurd or members that this library doesn't know are set.
int husk_struct_read(void *own, size_t own_size, const void *given);

/// Fills in a caller's struct as far as its size reaches; what this library doesn't know becomes zero.
///
/// - size: the caller's, which stays in its first member.
/// Returns 0, or -1 if the size is absurd.
int husk_struct_write(void *given, size_t size, const void *own, size_t own_size);

/// Calls the log callback, if there is one, with "what: detail"; detail may be null.
void husk_log(const husk_open_options *options, int32_t level, const char *what, const char *detail);

/// 1 if as much memory is to be had as a call takes at most, else 0.
int husk_has_memory(void);

#endif
