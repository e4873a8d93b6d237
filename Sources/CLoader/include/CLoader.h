// What the Swift half of libhusk has in C, because it is smaller or can't be said in Swift. Names stay in the library.
#ifndef CLOADER_H
#define CLOADER_H

#include <stddef.h>
#include <stdint.h>

/// Reads a caller's struct, which begins with its size, as far as it reaches; null stands for the defaults (SPEC 12.2).
///
/// - own: receives the struct as this library knows it, `own_size` bytes, absent members zero.
/// Returns 0, or -1 if the size is absurd or members that this library doesn't know are set.
int loader_read_struct(void *own, size_t own_size, const void *given);

/// Fills in a caller's struct as far as its size reaches; what this library doesn't know becomes zero (SPEC 12.2).
///
/// - size: the caller's, which stays in its first member.
/// Returns 0, or -1 if the size is absurd.
int loader_write_struct(void *given, size_t size, const void *own, size_t own_size);

/// Calls a log callback, if there is one, with "what: detail"; detail may be null.
void loader_log(
    void (*callback)(void *, int32_t, const char *), void *user, int32_t level, const char *what, const char *detail);

// What a call takes of memory at most, in bytes: two messages of the protocol, and the tables of the module; and what one
// takes that receives a package's front.
#define LOADER_CALL_SIZE 262144
#define LOADER_FRONT_SIZE 2097152

/// 1 if so many bytes of memory are to be had, else 0.
int loader_has_memory(size_t size);

#endif
