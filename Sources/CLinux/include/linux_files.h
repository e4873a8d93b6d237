// Files and memory files.
#ifndef LINUX_FILES_H
#define LINUX_FILES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// open(2) for reading, close-on-exec, never a controlling terminal, never blocking on a FIFO.
int linux_open_read(const char *path);

/// open(2) of a directory, close-on-exec.
int linux_open_directory(const char *path);

/// open(2) for reading and writing of a regular file that exists, close-on-exec, never through a final symbolic link.
int linux_open_existing(const char *path);

/// The size of a regular file in bytes; -1 with errno EINVAL for anything else.
int64_t linux_regular_file_size(int fd);

/// 1 if fd is an open directory, else 0.
int linux_is_directory(int fd);

/// The inode number of an open file; 0 on failure.
uint64_t linux_file_number(int fd);

/// pread(2) until count bytes are there, the file ends, or an error comes; returns the bytes read, or -1.
ssize_t linux_pread_all(int fd, void *buffer, size_t count, uint64_t offset);

/// read(2) likewise.
ssize_t linux_read_all(int fd, void *buffer, size_t count);

/// write(2) until everything is written; 0 or -1.
int linux_write_all(int fd, const void *buffer, size_t count);

/// pwrite(2) likewise.
int linux_pwrite_all(int fd, const void *buffer, size_t count, uint64_t offset);

/// A memory file that will be executed: mode 0111, so that nobody may read it and exec makes its process non-dumpable.
int linux_memory_file_executable(const char *name);

/// A memory file for a shared object: not executable by exec (MFD_NOEXEC_SEAL where the kernel knows it).
int linux_memory_file_module(const char *name);

/// Seals a memory file against writing, growing, shrinking and further sealing; 0 or -1.
int linux_seal(int fd);

/// 1 if fd is a memory file with all the seals that linux_seal sets, else 0.
int linux_is_sealed(int fd);

/// 1 if a path leads to a memory file with all these seals and of so many bytes, else 0 with errno: EPERM if it leads to
/// something else. It has code of its own: another look than linux_is_sealed's, at what a path stands for (SPEC 15.4).
int linux_leads_to_sealed(const char *path, uint64_t size);

/// openat(2) of a regular file below a directory, close-on-exec; for reading, or with `writing` for both, and then it is made
/// (mode 0644) if it isn't there. -1 with EINVAL for anything but a regular file. This and the functions below that take a
/// path go through no symbolic link, in place of no name.
int linux_openat_file(int root, const char *path, int writing);

/// The same for writing, or where nothing can be written for reading, with mode 0600 if it is made here, and with an
/// exclusive lock (flock(2)): -1 with EWOULDBLOCK if somebody else has that.
int linux_lock_at(int root, const char *path);

/// What a name below a directory stands for, symbolic links themselves: 1 a regular file, 2 a directory, 0 something else;
/// -1.
int linux_kind_at(int root, const char *path);

/// ftruncate(2); 0 or -1.
int linux_resize(int fd, int64_t size);

/// Waits until a file's content and size are on the disk; 0 or -1.
int linux_synchronize(int fd);

/// renameat(2) below one directory; 0 or -1.
int linux_rename_at(int root, const char *path, const char *target);

/// Removes a file, or a directory with nothing in it; 0 or -1.
int linux_remove_at(int root, const char *path);

/// Makes a directory (mode 0755), unless it is there; 0 or -1.
int linux_make_directory_at(int root, const char *path);

/// Waits until the names in a directory are on the disk; 0 or -1.
int linux_synchronize_directory_at(int root, const char *path);

/// Lists a directory: null if it can't be read. linux_list_next gives one name after another, valid until the next call,
/// without `.` and `..`, and null at the end (errno 0) or when it can't be read further; linux_list_end ends it.
void *linux_list_at(int root, const char *path);
const char *linux_list_next(void *listing);
void linux_list_end(void *listing);

/// How many bytes more fit the file system of an open file or directory, for a user without privileges; -1 on failure.
int64_t linux_free_space(int fd);

/// 1 if a path relative to directory exists, else 0.
int linux_exists_at(int directory, const char *path);

#endif
