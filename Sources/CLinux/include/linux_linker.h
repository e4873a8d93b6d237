// The dynamic linker, for libhusk.
#ifndef LINUX_LINKER_H
#define LINUX_LINKER_H

#include <stddef.h>
#include <stdint.h>

/// dlopen(3) with RTLD_NOW and RTLD_LOCAL; null on failure.
void *linux_dlopen(const char *path);

/// Why the calling thread's last call of these functions failed; valid until its next call. Never null.
const char *linux_dlerror(void);

/// dlclose(3).
void linux_dlclose(void *handle);

/// dlsym(3) in an object and what it needs; null if there is none.
void *linux_dlsym(void *handle, const char *name);

/// A number that tells loaded objects apart while they are loaded, for a handle of linux_dlopen; 0 on failure.
uintptr_t linux_object_number(void *handle);

/// The number of the loaded object that the name `soname` stands for; 0 if there is none. Loads nothing.
uintptr_t linux_loaded_object(const char *soname);

/// 1 if the dynamic linker would find a library of this name in its directories or its cache, else 0. Loads nothing.
int linux_linker_would_find(const char *soname);

/// Takes and gives back the one lock of this library.
void linux_lock(void);
void linux_unlock(void);

#endif
