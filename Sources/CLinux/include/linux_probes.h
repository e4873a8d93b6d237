// Probes: what protects this process and its platform (SPEC 15.5). Each tries or measures, on memory and files of its
// own, and leaves the process as it was. "0 or an error" below: 0 if the try succeeded, else the errno that it met.
#ifndef LINUX_PROBES_H
#define LINUX_PROBES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Maps and writes a page of memfd_secret(2) memory; 0 or an error.
int linux_try_secret_memory(void);

/// Makes a memory file with MFD_NOEXEC_SEAL, and checks that it can't be made executable; 0 or an error (EPERM if it
/// could).
int linux_try_noexec_memory_file(void);

/// Locks fresh memory of some bytes; 0 or an error.
int linux_try_lock(size_t size);

/// Keeps fresh memory out of core dumps; 0 or an error.
int linux_try_exclude_from_dumps(void);

/// 1 if memory can neither be writable and executable at once nor become executable after it was writable; 0 if it can;
/// -1 if there is no memory to try with.
int linux_write_execute_is_refused(void);

/// 1 if memory that is mapped to be executed only can't be read, not even by the kernel on this process's behalf; 0 if it
/// can; -1 if that can't be tried.
int linux_execute_only_is_unreadable(void);

/// 1 if this process can't open the root directory for reading, as in a Landlock domain without rights; 0 if it can.
int linux_files_are_out_of_reach(void);

/// The kernel's Landlock version; 0 and errno if it has none.
int linux_landlock_version(void);

/// PR_GET_NO_NEW_PRIVS: 0, 1 or -1.
int linux_get_no_new_privileges(void);

/// 1 if this process can never write a core file: its limit is 0 and can't be raised. 0 otherwise.
int linux_core_files_are_forbidden(void);

/// 1 if this process holds no capability in any set but the bounding one, and its user and group aren't root's, real,
/// effective and saved; 0 otherwise.
int linux_is_unprivileged(void);

/// How many bytes this process may lock; INT64_MAX for no limit.
int64_t linux_memory_lock_limit(void);

/// 1 if this process has a capability in effect, else 0.
int linux_has_capability(int capability);

// Files of the kernel's, below a directory that stands for the root of a file system. Links are followed: these are for
// trees that can be trusted, as /proc and /sys.

/// The root directory, for naming files below it only; close-on-exec. -1 on failure.
int linux_open_root(void);

/// Reads at most capacity bytes of a file. Returns how many, or -1 with errno.
ssize_t linux_probe_read(int directory, const char *path, void *buffer, size_t capacity);

/// 1 if a path exists, 0 if it doesn't, -1 with errno if that can't be told.
int linux_probe_exists(int directory, const char *path);

/// Whether one byte at an offset of a file can be read: 0, or the errno with which that was refused.
int linux_probe_byte(int directory, const char *path, uint64_t offset);

/// How many entries a directory has; the first one's name, cut off at capacity with its NUL, goes to `name`. -1 with errno.
int linux_probe_entries(int directory, const char *path, char *name, size_t capacity);

/// The device that a path is, if it is a block device, or lies on, if it is a file: its numbers. 0, or -1 with errno.
int linux_probe_device(int directory, const char *path, uint32_t *major, uint32_t *minor);

#endif
