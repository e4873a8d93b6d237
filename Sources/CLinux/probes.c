#define _GNU_SOURCE
#include "linux_probes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "linux_files.h"

// Numbers of the kernel's interface, which Debian 12's headers know only in part.
#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

enum { LANDLOCK_CREATE_RULESET_VERSION_FLAG = 1 };

static size_t page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

static void *anonymous(size_t size, int protection) {
  return mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

int linux_try_secret_memory(void) {
  int file = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
  if (file < 0) return errno;
  int result = 0;
  volatile uint8_t *page = MAP_FAILED;
  if (ftruncate(file, (off_t)page_size()) == 0)
    page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (page == MAP_FAILED) {
    result = errno;
  } else {
    page[0] = 1;
    munmap((void *)page, page_size());
  }
  close(file);
  return result;
}

int linux_try_noexec_memory_file(void) {
  int file = memfd_create("probe", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
  if (file < 0) return errno;
  int seals = fcntl(file, F_GET_SEALS);
  int result = seals >= 0 && (seals & F_SEAL_EXEC) && fchmod(file, 0755) != 0 ? 0 : EPERM;
  close(file);
  return result;
}

int linux_try_lock(size_t size) {
  void *memory = anonymous(size, PROT_READ | PROT_WRITE);
  if (memory == MAP_FAILED) return errno;
  int result = mlock(memory, size) == 0 ? 0 : errno;
  munmap(memory, size);
  return result;
}

int linux_try_exclude_from_dumps(void) {
  void *page = anonymous(page_size(), PROT_READ | PROT_WRITE);
  if (page == MAP_FAILED) return errno;
  int result = madvise(page, page_size(), MADV_DONTDUMP) == 0 ? 0 : errno;
  munmap(page, page_size());
  return result;
}

int linux_write_execute_is_refused(void) {
  void *both = anonymous(page_size(), PROT_READ | PROT_WRITE | PROT_EXEC);
  if (both != MAP_FAILED) {
    munmap(both, page_size());
    return 0;
  }
  void *writable = anonymous(page_size(), PROT_READ | PROT_WRITE);
  if (writable == MAP_FAILED) return -1;
  int refused = mprotect(writable, page_size(), PROT_READ | PROT_EXEC) != 0;
  munmap(writable, page_size());
  return refused;
}

int linux_execute_only_is_unreadable(void) {
  int ends[2];
  // Executable from the start: where writable memory can't become executable, this still can be tried.
  void *text = anonymous(page_size(), PROT_EXEC);
  if (text == MAP_FAILED) return -1;
  int result = -1;
  if (pipe2(ends, O_CLOEXEC) == 0) {
    // The kernel reads with this process's rights, and answers an error where reading itself would end the process.
    ssize_t written = write(ends[1], text, 1);
    if (written == 1) result = 0;
    if (written < 0 && errno == EFAULT) result = 1;
    close(ends[0]);
    close(ends[1]);
  }
  munmap(text, page_size());
  return result;
}

int linux_files_are_out_of_reach(void) {
  int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root >= 0) close(root);
  return root < 0 && errno == EACCES;
}

int linux_landlock_version(void) {
  long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION_FLAG);
  return version < 0 ? 0 : (int)version;
}

int linux_get_no_new_privileges(void) { return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); }

int linux_core_files_are_forbidden(void) {
  struct rlimit limit;
  return getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 0 && limit.rlim_max == 0;
}

int linux_is_unprivileged(void) {
  uid_t users[3];
  gid_t groups[3];
  if (getresuid(&users[0], &users[1], &users[2]) != 0 || getresgid(&groups[0], &groups[1], &groups[2]) != 0) return 0;
  for (int i = 0; i < 3; i++) {
    if (users[i] == 0 || groups[i] == 0) return 0;
  }
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct sets[2] = {{0, 0, 0}, {0, 0, 0}};
  if (syscall(SYS_capget, &header, sets) != 0) return 0;
  // What is ambient is permitted and inheritable too.
  for (int i = 0; i < 2; i++) {
    if ((sets[i].effective | sets[i].permitted | sets[i].inheritable) != 0) return 0;
  }
  return 1;
}

int64_t linux_memory_lock_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0) return 0;
  return limit.rlim_cur > INT64_MAX ? INT64_MAX : (int64_t)limit.rlim_cur;
}

int linux_has_capability(int capability) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct sets[2] = {{0, 0, 0}, {0, 0, 0}};
  if (capability < 0 || capability > 63 || syscall(SYS_capget, &header, sets) != 0) return 0;
  return sets[capability / 32].effective >> (capability % 32) & 1;
}

int linux_open_root(void) { return open("/", O_PATH | O_DIRECTORY | O_CLOEXEC); }

static int open_below(int directory, const char *path) {
  // What a path leads to may be anything: it must neither block nor become the controlling terminal.
  return openat(directory, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

ssize_t linux_probe_read(int directory, const char *path, void *buffer, size_t capacity) {
  int file = open_below(directory, path);
  if (file < 0) return -1;
  ssize_t count = linux_read_all(file, buffer, capacity);
  int reason = errno;
  close(file);
  errno = reason;
  return count;
}

int linux_probe_exists(int directory, const char *path) {
  if (faccessat(directory, path, F_OK, 0) == 0) return 1;
  return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
}

int linux_probe_byte(int directory, const char *path, uint64_t offset) {
  int file = open_below(directory, path);
  if (file < 0) return errno;
  uint8_t byte;
  ssize_t count = pread(file, &byte, 1, (off_t)offset);
  int result = count == 1 ? 0 : count == 0 ? ENODATA : errno;
  close(file);
  return result;
}

int linux_probe_entries(int directory, const char *path, char *name, size_t capacity) {
  int file = openat(directory, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *entries = file < 0 ? NULL : fdopendir(file);
  if (entries == NULL) {
    if (file >= 0) close(file);
    return -1;
  }
  int count = 0;
  for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (count == 0) snprintf(name, capacity, "%s", entry->d_name);
    count++;
  }
  closedir(entries);
  return count;
}

int linux_probe_device(int directory, const char *path, uint32_t *major_number, uint32_t *minor_number) {
  struct stat status;
  if (fstatat(directory, path, &status, 0) != 0) return -1;
  dev_t device = S_ISBLK(status.st_mode) ? status.st_rdev : status.st_dev;
  *major_number = major(device);
  *minor_number = minor(device);
  return 0;
}
