#define _GNU_SOURCE
#include "linux_process.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int close_from(unsigned int first) {
#ifdef SYS_close_range
  if (syscall(SYS_close_range, first, ~0U, 0) == 0) return 0;
#endif
  // Before Linux 5.9: one by one, up to the limit.
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return -1;
  for (rlim_t fd = first; fd < limit.rlim_cur; fd++) close((int)fd);
  return 0;
}

int linux_execute(int image, char *const *arguments, const int *descriptors, size_t count) {
  char *const environment[] = {NULL};
  int lifted[9];
  if (count > 8) {
    errno = EINVAL;
    return -1;
  }
  // First out of the way of the target numbers, then down to them. The image goes last, and away on exec.
  for (size_t i = 0; i <= count; i++) {
    lifted[i] = fcntl(i < count ? descriptors[i] : image, F_DUPFD_CLOEXEC, 4 + (int)count);
    if (lifted[i] < 0) return -1;
  }
  for (size_t i = 0; i < count; i++) {
    if (dup2(lifted[i], 3 + (int)i) < 0) return -1;
  }
  int placed = 3 + (int)count;
  if (dup3(lifted[count], placed, O_CLOEXEC) < 0) return -1;
  if (close_from((unsigned int)placed + 1) != 0) return -1;
  return (int)syscall(SYS_execveat, placed, "", arguments, environment, AT_EMPTY_PATH);
}

int linux_open_standard_descriptors(void) {
  int fd;
  do {
    fd = open("/dev/null", O_RDWR | O_NOCTTY);
    if (fd < 0) return -1;
  } while (fd <= 2);
  return close(fd);
}

int linux_keep_only_standard_error(void) { return dup2(2, 0) < 0 || dup2(2, 1) < 0 ? -1 : 0; }

int linux_first_to_go(void) {
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t written = write(fd, "1000", 4);
  close(fd);
  return written == 4 ? 0 : -1;
}

int linux_become(uint32_t user, uint32_t group) {
  if (setgroups(0, NULL) != 0) return -1;
  if (setresgid(group, group, group) != 0) return -1;
  if (setresuid(user, user, user) != 0) return -1;
  // A change from root to another user empties the sets, unless a securebit says otherwise: make sure.
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};
  if (syscall(SYS_capset, &header, none) != 0) return -1;
  uid_t real, effective, saved;
  if (getresuid(&real, &effective, &saved) != 0) return -1;
  if (real != user || effective != user || saved != user) {
    errno = EPERM;
    return -1;
  }
  return 0;
}

int linux_keep_capabilities(const int *keep, size_t count) {
  uint64_t mask = 0;
  for (size_t i = 0; i < count; i++) mask |= (uint64_t)1 << keep[i];
  for (int capability = 0; capability < 64; capability++) {
    int held = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
    if (held < 0) break;  // past the last one that this kernel knows
    if (held == 1 && !(mask >> capability & 1) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) return -1;
  }
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return -1;
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct data[2];
  for (int i = 0; i < 2; i++) {
    data[i].effective = data[i].permitted = (uint32_t)(mask >> (32 * i));
    data[i].inheritable = 0;
  }
  return (int)syscall(SYS_capset, &header, data);
}

int linux_no_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }

int linux_set_dumpable(int dumpable) { return prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0); }

int linux_get_dumpable(void) { return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0); }

int linux_die_with_parent(pid_t parent) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return -1;
  return getppid() == parent ? 0 : -1;
}

int linux_reset_signals(void) {
  for (int number = 1; number < NSIG; number++) {
    // Two can't be changed, and libc keeps two for itself: exec has left these alone.
    if (signal(number, SIG_DFL) == SIG_ERR && errno != EINVAL) return -1;
  }
  sigset_t none;
  sigemptyset(&none);
  return sigprocmask(SIG_SETMASK, &none, NULL);
}

int linux_forbid_core_files(void) {
  struct rlimit none = {0, 0};
  return setrlimit(RLIMIT_CORE, &none);
}

// Lowers a limit for good; one that is lower already stays.
static int lower_limit(__rlimit_resource_t resource, uint64_t value) {
  struct rlimit limit;
  if (getrlimit(resource, &limit) != 0) return -1;
  if (limit.rlim_max > value) limit.rlim_max = value;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(resource, &limit);
}

int linux_limit_resources(uint64_t memory, uint64_t file_size, uint64_t descriptors) {
  return lower_limit(RLIMIT_DATA, memory) == 0 && lower_limit(RLIMIT_FSIZE, file_size) == 0 &&
                 lower_limit(RLIMIT_NOFILE, descriptors) == 0
             ? 0
             : -1;
}

int linux_isolate_branch_prediction(void) {
  return prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_INDIRECT_BRANCH, PR_SPEC_FORCE_DISABLE, 0, 0);
}

void linux_raise_memory_lock_limit(void) {
  struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
  (void)setrlimit(RLIMIT_MEMLOCK, &all);
}

int linux_lock_all_memory(void) {
  // Not what will be mapped (MCL_FUTURE): under a limit that would make allocations fail, and secret memory and the heap
  // of libcrypto lock themselves. Each page as it comes into use: all at once, a forked process would copy every page that
  // it shares with its parent.
  if (mlockall(MCL_CURRENT | MCL_ONFAULT) == 0) return 0;
  return errno == EINVAL ? mlockall(MCL_CURRENT) : -1;
}

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1UL
#endif
#ifndef PR_MDWE_NO_INHERIT
#define PR_MDWE_NO_INHERIT 2UL
#endif

int linux_refuse_new_code(int inherited) {
  return prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN | (inherited ? 0 : PR_MDWE_NO_INHERIT), 0, 0, 0);
}

pid_t linux_fork(void) { return fork(); }

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

int linux_process_handle(pid_t process) { return (int)syscall(SYS_pidfd_open, process, 0); }

static int outcome(int status) { return WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status); }

int linux_wait(pid_t process) {
  int status;
  pid_t ended;
  do {
    ended = waitpid(process, &status, 0);
  } while (ended < 0 && errno == EINTR);
  return ended < 0 ? -1 : outcome(status);
}

int linux_wait_now(pid_t process) {
  int status;
  pid_t ended = waitpid(process, &status, WNOHANG);
  if (ended == 0) return -2;
  return ended < 0 ? -1 : outcome(status);
}

int64_t linux_monotonic_milliseconds(void) {
  struct timespec now;
  if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) return 0;
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t linux_realtime_seconds(void) {
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return 0;
  return now.tv_sec;
}

uint16_t linux_machine(void) {
#if defined(__x86_64__)
  return EM_X86_64;
#elif defined(__aarch64__)
  return EM_AARCH64;
#else
#error "Husk runs on x86-64 and AArch64"
#endif
}
