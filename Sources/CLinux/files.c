#define _GNU_SOURCE
#include "linux_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

#define HUSK_SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

int linux_open_read(const char *path) { return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); }

int linux_open_directory(const char *path) { return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC); }

int linux_open_existing(const char *path) {
  int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
  if (fd >= 0 && linux_regular_file_size(fd) < 0) {
    close(fd);
    errno = EINVAL;
    return -1;
  }
  return fd;
}

int64_t linux_regular_file_size(int fd) {
  struct stat status;
  // Not fstat(3): glibc makes a call by path of it, and the decryptor's sandbox allows none.
  if (syscall(SYS_fstat, fd, &status) != 0) return -1;
  if (!S_ISREG(status.st_mode)) {
    errno = EINVAL;
    return -1;
  }
  return status.st_size;
}

int linux_is_directory(int fd) {
  struct stat status;
  return syscall(SYS_fstat, fd, &status) == 0 && S_ISDIR(status.st_mode);
}

uint64_t linux_file_number(int fd) {
  struct stat status;
  return syscall(SYS_fstat, fd, &status) == 0 ? status.st_ino : 0;
}

ssize_t linux_pread_all(int fd, void *buffer, size_t count, uint64_t offset) {
  size_t done = 0;
  while (done < count) {
    ssize_t n = pread(fd, (char *)buffer + done, count - done, (off_t)(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    if (n == 0) break;
    done += (size_t)n;
  }
  return (ssize_t)done;
}

ssize_t linux_read_all(int fd, void *buffer, size_t count) {
  size_t done = 0;
  while (done < count) {
    ssize_t n = read(fd, (char *)buffer + done, count - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    if (n == 0) break;
    done += (size_t)n;
  }
  return (ssize_t)done;
}

int linux_write_all(int fd, const void *buffer, size_t count) {
  size_t done = 0;
  while (done < count) {
    ssize_t n = write(fd, (const char *)buffer + done, count - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    done += (size_t)n;
  }
  return 0;
}

int linux_pwrite_all(int fd, const void *buffer, size_t count, uint64_t offset) {
  size_t done = 0;
  while (done < count) {
    ssize_t n = pwrite(fd, (const char *)buffer + done, count - done, (off_t)(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    done += (size_t)n;
  }
  return 0;
}

// Kernels before 6.3 answer EINVAL to the exec flags of memfd_create; without them they behave as asked for here.
static int memory_file(const char *name, unsigned int flag) {
  int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | flag);
  if (fd < 0 && errno == EINVAL) fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  return fd;
}

int linux_memory_file_executable(const char *name) {
  int fd = memory_file(name, MFD_EXEC);
  if (fd >= 0 && fchmod(fd, 0111) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

int linux_memory_file_module(const char *name) {
  int fd = memory_file(name, MFD_NOEXEC_SEAL);
  // dlopen opens it by path, under the client's user, not the one that made it. The path leads through the client's own
  // /proc/self/fd, so nobody else gets there.
  if (fd >= 0 && fchmod(fd, 0444) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

int linux_seal(int fd) {
  // The kernel refuses while it holds a page of the file itself, to move it or to see whether it can be done without, and
  // waits 150 ms before it does. Soon it lets go.
  int attempts = 64, outcome;
  do outcome = fcntl(fd, F_ADD_SEALS, HUSK_SEALS);
  while (outcome != 0 && errno == EBUSY && --attempts > 0);
  return outcome;
}

int linux_is_sealed(int fd) {
  int seals = fcntl(fd, F_GET_SEALS);
  return seals >= 0 && (seals & HUSK_SEALS) == HUSK_SEALS;
}

int linux_leads_to_sealed(const char *path, uint64_t size) {
  int fd = linux_open_read(path);
  if (fd < 0) return 0;
  struct stat status;
  int seals = fcntl(fd, F_GET_SEALS);
  int leads = seals >= 0 && (seals & HUSK_SEALS) == HUSK_SEALS && syscall(SYS_fstat, fd, &status) == 0 &&
              S_ISREG(status.st_mode) && (uint64_t)status.st_size == size;
  close(fd);
  errno = EPERM;
  return leads;
}

int linux_exists_at(int directory, const char *path) {
  return faccessat(directory, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

// close(2) that leaves errno as it is.
static void leave(int fd) {
  int reason = errno;
  close(fd);
  errno = reason;
}

// Opens the directory that the last name of a path is in, through no symbolic link, and sets that name.
static int enter(int root, const char *path, const char **name) {
  int fd = fcntl(root, F_DUPFD_CLOEXEC, 0);
  for (const char *end; fd >= 0 && (end = strchr(path, '/')) != NULL; path = end + 1) {
    char step[NAME_MAX + 1];
    size_t length = (size_t)(end - path);
    int next = -1;
    if (length < sizeof step) {
      memcpy(step, path, length);
      step[length] = '\0';
      next = openat(fd, step, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    } else {
      errno = ENAMETOOLONG;
    }
    leave(fd);
    fd = next;
  }
  *name = path;
  return fd;
}

static int open_file_at(int root, const char *path, int access, mode_t mode) {
  int flags = access | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW;
  const char *name;
  int directory = enter(root, path, &name);
  if (directory < 0) return -1;
  int fd = openat(directory, name, flags, mode);
  leave(directory);
  if (fd >= 0 && linux_regular_file_size(fd) < 0) {
    close(fd);
    errno = EINVAL;
    return -1;
  }
  return fd;
}

int linux_openat_file(int root, const char *path, int writing) {
  return open_file_at(root, path, writing ? O_RDWR | O_CREAT : O_RDONLY, 0644);
}

int linux_lock_at(int root, const char *path) {
  int fd = open_file_at(root, path, O_RDWR | O_CREAT, 0600);
  if (fd < 0 && errno == EROFS) fd = open_file_at(root, path, O_RDONLY, 0);
  if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
    leave(fd);
    return -1;
  }
  return fd;
}

int linux_kind_at(int root, const char *path) {
  const char *name;
  struct stat status;
  int directory = enter(root, path, &name);
  if (directory < 0) return -1;
  int outcome = fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW);
  leave(directory);
  return outcome != 0 ? -1 : S_ISREG(status.st_mode) ? 1 : S_ISDIR(status.st_mode) ? 2 : 0;
}

int linux_resize(int fd, int64_t size) { return ftruncate(fd, (off_t)size); }

int linux_synchronize(int fd) { return fdatasync(fd); }

int linux_rename_at(int root, const char *path, const char *target) {
  const char *name, *target_name;
  int directory = enter(root, path, &name);
  if (directory < 0) return -1;
  int target_directory = enter(root, target, &target_name);
  int outcome = target_directory < 0 ? -1 : renameat(directory, name, target_directory, target_name);
  leave(directory);
  if (target_directory >= 0) leave(target_directory);
  return outcome;
}

int linux_remove_at(int root, const char *path) {
  const char *name;
  int directory = enter(root, path, &name);
  if (directory < 0) return -1;
  int outcome = unlinkat(directory, name, 0);
  if (outcome != 0 && errno == EISDIR) outcome = unlinkat(directory, name, AT_REMOVEDIR);
  leave(directory);
  return outcome;
}

int linux_make_directory_at(int root, const char *path) {
  const char *name;
  int directory = enter(root, path, &name);
  if (directory < 0) return -1;
  int outcome = mkdirat(directory, name, 0755) == 0 || errno == EEXIST ? 0 : -1;
  leave(directory);
  return outcome;
}

static int open_directory_at(int root, const char *path) {
  const char *name;
  int directory = enter(root, path, &name);
  if (directory < 0) return -1;
  int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  leave(directory);
  return fd;
}

int linux_synchronize_directory_at(int root, const char *path) {
  int fd = open_directory_at(root, path);
  if (fd < 0) return -1;
  int outcome = fsync(fd);
  leave(fd);
  return outcome;
}

void *linux_list_at(int root, const char *path) {
  int fd = open_directory_at(root, path);
  if (fd < 0) return NULL;
  DIR *listing = fdopendir(fd);
  if (listing == NULL) leave(fd);
  return listing;
}

const char *linux_list_next(void *listing) {
  struct dirent *entry;
  errno = 0;
  while ((entry = readdir(listing)) != NULL)
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) return entry->d_name;
  return NULL;
}

void linux_list_end(void *listing) { closedir(listing); }

int64_t linux_free_space(int fd) {
  struct statvfs status;
  if (fstatvfs(fd, &status) != 0) return -1;
  int64_t space;
  return __builtin_mul_overflow((int64_t)status.f_bavail, (int64_t)status.f_frsize, &space) ? INT64_MAX : space;
}
