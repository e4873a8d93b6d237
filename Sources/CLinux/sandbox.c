#define _GNU_SOURCE
#include "linux_sandbox.h"

#include "linux_probes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int linux_cover_file(const char *path) {
  if (unshare(CLONE_NEWNS) != 0) return -1;
  // Nothing that happens here may reach the mounts outside, nor the other way round.
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return -1;
  if (mount("/dev/null", path, NULL, MS_BIND, NULL) != 0) return -1;
  // A device node on a mount that allows no devices can't be opened by anybody, root included.
  if (mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_NODEV | MS_NOEXEC | MS_NOSUID | MS_RDONLY, NULL) != 0)
    return -1;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd >= 0) {
    close(fd);
    errno = EBUSY;
    return -1;
  }
  return 0;
}

// Landlock: numbers of the kernel's interface, which Debian 12's headers know only in part.
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

struct ruleset_attributes {
  uint64_t handled_access_fs;
  uint64_t handled_access_net;
  uint64_t scoped;
};

struct path_beneath {
  uint64_t allowed_access;
  int32_t parent_fd;
} __attribute__((packed));

enum {
  ACCESS_FS_MAKE_BLOCK = 1 << 11,
  ACCESS_FS_REFER = 1 << 13,
  RULE_PATH_BENEATH = 1,
};

static int landlock_restrict(struct ruleset_attributes *attributes, size_t size, int allow_root) {
  int ruleset = (int)syscall(SYS_landlock_create_ruleset, attributes, size, 0);
  if (ruleset < 0) return -1;
  int result = 0;
  if (allow_root) {
    struct path_beneath rule = {.allowed_access = attributes->handled_access_fs};
    rule.parent_fd = open("/", O_PATH | O_CLOEXEC);
    result = rule.parent_fd < 0 ? -1 : (int)syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0);
    if (rule.parent_fd >= 0) close(rule.parent_fd);
  }
  if (result == 0) result = (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
  close(ruleset);
  return result;
}

int linux_landlock_freeze_mounts(void) {
  int version = linux_landlock_version();
  if (version == 0) return 1;
  // A domain must handle some right; these are handed back for the whole tree. REFER in particular would otherwise be
  // denied, and with it renaming between directories.
  struct ruleset_attributes attributes = {.handled_access_fs = ACCESS_FS_MAKE_BLOCK};
  if (version >= 2) attributes.handled_access_fs |= ACCESS_FS_REFER;
  return landlock_restrict(&attributes, sizeof attributes.handled_access_fs, 1);
}

int linux_landlock_deny_all(void) {
  static const uint64_t fs[] = {0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff};  // by version 1, 2, 3, 4, 5
  int version = linux_landlock_version();
  if (version == 0) return 1;
  struct ruleset_attributes attributes = {.handled_access_fs = fs[version > 5 ? 4 : version - 1]};
  size_t size = sizeof attributes.handled_access_fs;
  if (version >= 4) {
    attributes.handled_access_net = 3;  // bind and connect of TCP
    size = offsetof(struct ruleset_attributes, scoped);
  }
  if (version >= 6) {
    attributes.scoped = 3;  // abstract UNIX sockets, signals to processes outside
    size = sizeof attributes;
  }
  return landlock_restrict(&attributes, size, 0);
}

#if defined(__x86_64__)
#define HUSK_AUDIT_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define HUSK_AUDIT_ARCH AUDIT_ARCH_AARCH64
#endif

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(action) BPF_STMT(BPF_RET | BPF_K, (action))
#define ALLOW(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), ANSWER(SECCOMP_RET_ALLOW)
// Allows a call unless the given argument has the bit.
#define ALLOW_WITHOUT(number, argument, bit)                                                                         \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 4), LOAD(args[argument]),                                       \
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (bit), 1, 0), ANSWER(SECCOMP_RET_ALLOW), ANSWER(SECCOMP_RET_KILL_PROCESS)
// Allows a call only if the given argument has the value.
#define ALLOW_ONLY(number, argument, value)                                                                          \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 4), LOAD(args[argument]),                                       \
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, 1), ANSWER(SECCOMP_RET_ALLOW), ANSWER(SECCOMP_RET_KILL_PROCESS)
#define REFUSE(number, error) \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), ANSWER(SECCOMP_RET_ERRNO | ((error) & SECCOMP_RET_DATA))

// All CLONE_NEW* of clone(2). In a user namespace of its own a process has every capability there: much more of the kernel
// to attack.
#define NEW_NAMESPACES                                                                                            \
  (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

int linux_seccomp_decryptor(void) {
  struct sock_filter filter[] = {
      LOAD(arch),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, HUSK_AUDIT_ARCH, 1, 0),
      ANSWER(SECCOMP_RET_KILL_PROCESS),
      LOAD(nr),
#if defined(__x86_64__)
      // The x32 numbers share the architecture value.
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
      ANSWER(SECCOMP_RET_KILL_PROCESS),
#endif
      // Messages and files that were passed in.
      ALLOW(SYS_recvmsg), ALLOW(SYS_sendmsg), ALLOW(SYS_ppoll), ALLOW(SYS_read), ALLOW(SYS_pread64),
      ALLOW(SYS_write), ALLOW(SYS_pwrite64), ALLOW(SYS_close), ALLOW(SYS_fcntl), ALLOW(SYS_ftruncate), ALLOW(SYS_fdatasync),
#if defined(SYS_poll)
      ALLOW(SYS_poll),
#endif
      ALLOW(SYS_fstat),
      ALLOW(SYS_socketpair),
      // Clients of a listening socket, and who they are.
      ALLOW(SYS_accept4), ALLOW(SYS_getsockopt),
      // Memory.
      ALLOW(SYS_memfd_create), ALLOW(SYS_memfd_secret), ALLOW(SYS_munmap), ALLOW(SYS_mremap),
      ALLOW_WITHOUT(SYS_mmap, 2, PROT_EXEC), ALLOW_WITHOUT(SYS_mprotect, 2, PROT_EXEC), ALLOW(SYS_madvise), ALLOW(SYS_brk), ALLOW(SYS_mlock), ALLOW(SYS_mlock2), ALLOW(SYS_mlockall), ALLOW(SYS_fchmod),
      // Time and randomness.
      ALLOW(SYS_clock_gettime), ALLOW(SYS_getrandom),
      // Workers: clone3 would need its argument read; libc falls back to clone.
      REFUSE(SYS_clone3, ENOSYS), ALLOW_WITHOUT(SYS_clone, 0, NEW_NAMESPACES), ALLOW(SYS_wait4), ALLOW(SYS_kill), ALLOW(SYS_getpid), ALLOW(SYS_getppid),
      ALLOW(SYS_gettid), ALLOW(SYS_set_robust_list), ALLOW_ONLY(SYS_prctl, 0, PR_SET_PDEATHSIG),
#if defined(SYS_rseq)
      ALLOW(SYS_rseq),
#endif
      // Locks inside libc and libcrypto, signals, the end.
      ALLOW(SYS_futex), ALLOW(SYS_sched_yield), ALLOW(SYS_rt_sigaction), ALLOW(SYS_rt_sigprocmask),
      ALLOW(SYS_rt_sigreturn), ALLOW(SYS_exit), ALLOW(SYS_exit_group),
      // How the kernel goes on with a poll(2) during which the process or the whole system was stopped.
      ALLOW(SYS_restart_syscall),
      ANSWER(SECCOMP_RET_KILL_PROCESS),
  };
  struct sock_fprog program = {.len = sizeof filter / sizeof filter[0], .filter = filter};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}
