// Runs a program on a kernel that lacks features: a seccomp filter answers as an older kernel would.
//
//   without FEATURE... -- PROGRAM [ARGUMENTS]
//
// Needs CAP_SYS_ADMIN: the program is not to find itself with no_new_privs already. The filter can't be undone and is
// inherited by all that the program starts.
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#else
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

// Numbers that Debian 12's headers don't all know.
enum {
  NUMBER_CLONE3 = 435,
  NUMBER_CLOSE_RANGE = 436,
  NUMBER_FACCESSAT2 = 439,
  NUMBER_LANDLOCK_CREATE_RULESET = 444,
  NUMBER_MEMFD_SECRET = 447,
  OPTION_SET_MDWE = 65,
  OPTION_GET_MDWE = 66,
  NO_INHERIT = 2,
  EXECUTION_FLAGS = 0x18,  // MFD_NOEXEC_SEAL and MFD_EXEC
  ON_FAULT = 4,
  WIPE_ON_FORK = 18,
};

/// An answer to a call that has the given arguments.
struct rule {
  const char *feature;
  uint32_t number;
  uint32_t error;
  struct condition {
    enum { ALWAYS, EQUALS, HAS_ANY_OF } kind;
    uint32_t argument;
    uint32_t value;
  } conditions[2];
};

static const struct rule rules[] = {
    {"memfd_secret", NUMBER_MEMFD_SECRET, ENOSYS, {{0}}},
    // Not built in, and built in but not among the LSMs that were started.
    {"landlock", NUMBER_LANDLOCK_CREATE_RULESET, ENOSYS, {{0}}},
    {"landlock_enabled", NUMBER_LANDLOCK_CREATE_RULESET, EOPNOTSUPP, {{0}}},
    {"memfd_exec_flags", SYS_memfd_create, EINVAL, {{HAS_ANY_OF, 1, EXECUTION_FLAGS}}},
    {"mdwe", SYS_prctl, EINVAL, {{EQUALS, 0, OPTION_SET_MDWE}}},
    {"mdwe", SYS_prctl, EINVAL, {{EQUALS, 0, OPTION_GET_MDWE}}},
    {"mdwe_no_inherit", SYS_prctl, EINVAL, {{EQUALS, 0, OPTION_SET_MDWE}, {HAS_ANY_OF, 1, NO_INHERIT}}},
    {"close_range", NUMBER_CLOSE_RANGE, ENOSYS, {{0}}},
    {"clone3", NUMBER_CLONE3, ENOSYS, {{0}}},
    {"faccessat2", NUMBER_FACCESSAT2, ENOSYS, {{0}}},
    {"mlock_onfault", SYS_mlockall, EINVAL, {{HAS_ANY_OF, 0, ON_FAULT}}},
    {"wipe_on_fork", SYS_madvise, EINVAL, {{EQUALS, 2, WIPE_ON_FORK}}},
    {"seccomp", SYS_prctl, EINVAL, {{EQUALS, 0, PR_SET_SECCOMP}}},
    {"seccomp", SYS_seccomp, ENOSYS, {{0}}},
    // Not a feature, but as scarce: memory may be locked up to 64 KiB and no further.
    {"memory_locking", SYS_setrlimit, EPERM, {{EQUALS, 0, RLIMIT_MEMLOCK}}},
    {"memory_locking", SYS_prlimit64, EPERM, {{EQUALS, 1, RLIMIT_MEMLOCK}, {HAS_ANY_OF, 2, 0xffffffff}}},
};
enum { RULES = sizeof rules / sizeof rules[0], LONGEST = 512 };

static struct sock_filter filter[LONGEST];
static unsigned short length;

static void add(struct sock_filter instruction) { filter[length++] = instruction; }

static void load(size_t field) { add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)field)); }

static void add_rule(const struct rule *rule) {
  unsigned char conditions = 0;
  while (conditions < 2 && rule->conditions[conditions].kind != ALWAYS) conditions++;
  // Past the conditions, two instructions each, and the answer.
  unsigned char rest = (unsigned char)(2 * conditions + 1);
  load(offsetof(struct seccomp_data, nr));
  add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, rule->number, 0, rest));
  for (unsigned char i = 0; i < conditions; i++) {
    const struct condition *condition = &rule->conditions[i];
    rest = (unsigned char)(rest - 2);
    load(offsetof(struct seccomp_data, args) + 8 * condition->argument);
    add((struct sock_filter)BPF_JUMP(
        BPF_JMP | (condition->kind == EQUALS ? BPF_JEQ : BPF_JSET) | BPF_K, condition->value, 0, rest));
  }
  add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | rule->error));
}

static int remove_feature(const char *feature) {
  int found = 0;
  for (int i = 0; i < RULES; i++) {
    if (strcmp(rules[i].feature, feature) != 0) continue;
    add_rule(&rules[i]);
    found = 1;
  }
  if (strcmp(feature, "memory_locking") == 0) {
    struct rlimit limit = {65536, 65536};
    if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0) return 0;
  }
  return found;
}

int main(int argc, char **argv) {
  int word = 1;
  load(offsetof(struct seccomp_data, arch));
  add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0));
  add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  for (; word < argc && strcmp(argv[word], "--") != 0; word++) {
    if (!remove_feature(argv[word])) {
      fprintf(stderr, "without: can't take %s away\n", argv[word]);
      return 2;
    }
  }
  add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  struct sock_fprog program = {.len = length, .filter = filter};
  if (word + 1 >= argc || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0) {
    perror("without");
    return 2;
  }
  execv(argv[word + 1], argv + word + 1);
  perror(argv[word + 1]);
  return 2;
}
