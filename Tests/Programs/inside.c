// Tries, from inside of another process, what its sandbox is to prevent: a debugger of root's makes it ask the kernel.
//
//   inside PROCESS            in a copy of the process for each attempt, so that one that is killed leaves the rest
//   inside PROCESS worker     says "ready", and does so in the next process that it forks
//   inside PROCESS code       makes the attempts at executable memory, and in the process itself
//
// Prints `ATTEMPT: OUTCOME` for each: `killed` (SIGSYS), `succeeded`, or the name of an error. The copies end.
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
typedef struct user_regs_struct registers;
static const unsigned char instruction[] = {0x0f, 0x05};  // syscall
static void prepare(registers *r, long number, const long a[6]) {
  r->orig_rax = (unsigned long)-1;  // nothing to go on with
  r->rax = (unsigned long)number;
  r->rdi = (unsigned long)a[0], r->rsi = (unsigned long)a[1], r->rdx = (unsigned long)a[2];
  r->r10 = (unsigned long)a[3], r->r8 = (unsigned long)a[4], r->r9 = (unsigned long)a[5];
}
static void go_to(registers *r, unsigned long address) { r->rip = address; }
static long result(const registers *r) { return (long)r->rax; }
static unsigned long stack(const registers *r) { return r->rsp; }
#elif defined(__aarch64__)
typedef struct user_regs_struct registers;
static const unsigned char instruction[] = {0x01, 0x00, 0x00, 0xd4};  // svc #0
static void prepare(registers *r, long number, const long a[6]) {
  r->regs[8] = (unsigned long)number;
  for (int i = 0; i < 6; i++) r->regs[i] = (unsigned long)a[i];
}
static void go_to(registers *r, unsigned long address) { r->pc = address; }
static long result(const registers *r) { return (long)r->regs[0]; }
static unsigned long stack(const registers *r) { return r->sp; }
#endif

/// Numbers that Debian 12's headers lack, the same on every architecture.
enum { MAP_SHADOW_STACK = 453, LSM_GET_SELF_ATTR = 459, NUMBER_OF_X32 = 0x40000000 };

static const int options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
static unsigned long gadget;  // where the instruction is
static registers before;      // of the process that is copied

__attribute__((noreturn)) static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void get(pid_t process, registers *r) {
  struct iovec part = {r, sizeof *r};
  if (ptrace(PTRACE_GETREGSET, process, NT_PRSTATUS, &part) != 0) fail("registers");
}

static void set(pid_t process, const registers *r) {
  struct iovec part = {(void *)r, sizeof *r};
  if (ptrace(PTRACE_SETREGSET, process, NT_PRSTATUS, &part) != 0) fail("set registers");
}

static int wait_for(pid_t process) {
  int status;
  if (waitpid(process, &status, __WALL) != process) fail("wait");
  return status;
}

static void find_gadget(pid_t process) {
  char path[64], line[512];
  snprintf(path, sizeof path, "/proc/%d/maps", process);
  FILE *maps = fopen(path, "r");
  snprintf(path, sizeof path, "/proc/%d/mem", process);
  int memory = open(path, O_RDONLY);
  if (maps == NULL || memory < 0) fail("maps");
  while (gadget == 0 && fgets(line, sizeof line, maps) != NULL) {
    unsigned long start, end;
    char rights[8];
    if (sscanf(line, "%lx-%lx %7s", &start, &end, rights) != 3 || rights[2] != 'x') continue;
    unsigned char *bytes = malloc(end - start);
    ssize_t count = bytes != NULL ? pread(memory, bytes, end - start, (off_t)start) : 0;
    unsigned char *found = count > 0 ? memmem(bytes, (size_t)count, instruction, sizeof instruction) : NULL;
    if (found != NULL) gadget = start + (unsigned long)(found - bytes);
    free(bytes);
  }
  fclose(maps);
  close(memory);
  if (gadget == 0) fail("no system call in its code");
}

/// Stands for "killed" where a system call's result is expected.
static const long KILLED = -100000;

/// Has a stopped process make a system call; gives its result, or KILLED.
static long ask(pid_t process, long number, long a, long b, long c, long d, long e, long f) {
  registers r;
  get(process, &r);
  prepare(&r, number, (const long[6]){a, b, c, d, e, f});
  go_to(&r, gadget);
  set(process, &r);
  for (;;) {
    if (ptrace(PTRACE_SINGLESTEP, process, NULL, NULL) != 0) fail("step");
    int status = wait_for(process);
    if (WIFSIGNALED(status)) return WTERMSIG(status) == SIGSYS ? KILLED : -ECANCELED;
    if (WIFEXITED(status)) return -ECANCELED;
    if (status >> 16 == PTRACE_EVENT_EXEC) return 0;
    if (status >> 16 != 0 || WSTOPSIG(status) != SIGTRAP) continue;  // SIGCHLD of a former copy: not passed on
    get(process, &r);
    return result(&r);
  }
}

/// A copy of a stopped process, stopped.
static pid_t copy(pid_t process) {
  set(process, &before);
  registers r = before;
  prepare(&r, SYS_clone, (const long[6]){SIGCHLD, 0, 0, 0, 0, 0});
  go_to(&r, gadget);
  set(process, &r);
  unsigned long child = 0;
  for (;;) {
    if (ptrace(PTRACE_SINGLESTEP, process, NULL, NULL) != 0) fail("step");
    int status = wait_for(process);
    if (!WIFSTOPPED(status)) fail("it ended");
    int event = status >> 16;
    if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_CLONE) ptrace(PTRACE_GETEVENTMSG, process, NULL, &child);
    if (event != 0 || WSTOPSIG(status) != SIGTRAP) continue;
    if (child != 0) break;
    get(process, &r);
    errno = (int)-result(&r);
    fail("copy");
  }
  set(process, &before);
  (void)wait_for((pid_t)child);
  // Whatever it starts ends with this program.
  if (ptrace(PTRACE_SETOPTIONS, (pid_t)child, NULL, options | PTRACE_O_EXITKILL) != 0) fail("options");
  return (pid_t)child;
}

/// Puts bytes where the process's stack isn't in use; gives their address there.
static long put(pid_t process, size_t offset, const void *bytes, size_t size) {
  registers r;
  get(process, &r);
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/mem", process);
  int memory = open(path, O_RDWR);
  unsigned long address = (stack(&r) & ~15ul) - 8192 + offset;
  if (memory < 0 || pwrite(memory, bytes, size, (off_t)address) != (ssize_t)size) fail("write");
  close(memory);
  return (long)address;
}

static long put_text(pid_t process, const char *text) { return put(process, 0, text, strlen(text) + 1); }

// MARK: attempts that take more than one call

#define ASK1(number, a) ask(p, number, a, 0, 0, 0, 0, 0)
#define ASK2(number, a, b) ask(p, number, a, b, 0, 0, 0, 0)
#define ASK3(number, a, b, c) ask(p, number, a, b, c, 0, 0, 0)
#define ASK4(number, a, b, c, d) ask(p, number, a, b, c, d, 0, 0)
#define ASK5(number, a, b, c, d, e) ask(p, number, a, b, c, d, e, 0)
#define ASK6(number, a, b, c, d, e, f) ask(p, number, a, b, c, d, e, f)

static long page(pid_t p, int rights) { return ASK6(SYS_mmap, 0, 4096, rights, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }

static long try_write_then_execute(pid_t p) {
  return ASK3(SYS_mprotect, page(p, PROT_READ | PROT_WRITE), 4096, PROT_READ | PROT_EXEC);
}
static long try_write_and_execute(pid_t p) {
  return ASK3(SYS_mprotect, page(p, PROT_READ | PROT_WRITE), 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
}
static long try_key_then_execute(pid_t p) {
  return ASK4(SYS_pkey_mprotect, page(p, PROT_READ | PROT_WRITE), 4096, PROT_READ | PROT_EXEC, -1);
}
static long try_map_both(pid_t p) { return page(p, PROT_READ | PROT_WRITE | PROT_EXEC); }
static long try_map_code(pid_t p) { return page(p, PROT_READ | PROT_EXEC); }
static long memory_file(pid_t p) { return ASK2(SYS_memfd_create, put_text(p, "code"), 0); }
static long try_map_file(pid_t p) {
  long file = memory_file(p);
  if (ASK2(SYS_ftruncate, file, 4096) != 0) return -EIO;
  return ASK6(SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0);
}
static long try_execute_file(pid_t p) {
  long file = memory_file(p);
  return ASK5(SYS_execveat, file, put_text(p, ""), 0, 0, AT_EMPTY_PATH);
}
static long try_execute(pid_t p) { return ASK3(SYS_execve, put_text(p, "/bin/true"), 0, 0); }
static long try_openat(pid_t p) { return ASK3(SYS_openat, AT_FDCWD, put_text(p, "/etc/passwd"), O_RDONLY); }
static long try_openat2(pid_t p) {
  long how = put(p, 64, (const unsigned long[3]){0, 0, 0}, 24);
  return ASK4(SYS_openat2, AT_FDCWD, put_text(p, "/etc/passwd"), how, 24);
}
static long try_create(pid_t p) {
  return ASK4(SYS_openat, AT_FDCWD, put_text(p, "/tmp"), O_CREAT | O_EXCL | O_WRONLY, 0600);
}
static long try_own_memory(pid_t p) { return ASK3(SYS_openat, AT_FDCWD, put_text(p, "/proc/self/mem"), O_RDWR); }
static long try_stat(pid_t p) {
  long path = put_text(p, "/etc/passwd");
  return ASK4(SYS_newfstatat, AT_FDCWD, path, path + 64, 0);
}
static long try_unlink(pid_t p) { return ASK3(SYS_unlinkat, AT_FDCWD, put_text(p, "/tmp/husk-none"), 0); }
static long try_mkdir(pid_t p) { return ASK3(SYS_mkdirat, AT_FDCWD, put_text(p, "/tmp"), 0700); }
static long try_readlink(pid_t p) {
  long path = put_text(p, "/proc/self/exe");
  return ASK4(SYS_readlinkat, AT_FDCWD, path, path + 64, 64);
}
static long try_unix_socket(pid_t p) { return ASK3(SYS_socket, AF_UNIX, SOCK_STREAM, 0); }
static long try_internet_socket(pid_t p) { return ASK3(SYS_socket, AF_INET, SOCK_STREAM, 0); }
static long try_netlink_socket(pid_t p) { return ASK3(SYS_socket, AF_NETLINK, SOCK_RAW, 0); }
static long try_connect(pid_t p) {
  long pair = put(p, 0, (const int[2]){0, 0}, 8);
  if (ASK4(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, pair) != 0) return -EIO;
  struct sockaddr_un there = {.sun_family = AF_UNIX, .sun_path = "/run/dbus/system_bus_socket"};
  return ASK3(SYS_connect, 0, put(p, 64, &there, sizeof there), sizeof there);
}
static long try_bind(pid_t p) { return ASK3(SYS_bind, 0, put(p, 0, &(short){AF_UNIX}, 2), 2); }
static long try_listen(pid_t p) { return ASK2(SYS_listen, 0, 1); }
static long try_trace_parent(pid_t p) { return ASK4(SYS_ptrace, PTRACE_SEIZE, ASK1(SYS_getppid, 0), 0, 0); }
static long try_traceme(pid_t p) { return ASK4(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0); }
static long try_read_parent(pid_t p) { return ASK6(SYS_process_vm_readv, ASK1(SYS_getppid, 0), 0, 0, 0, 0, 0); }
static long try_pidfd(pid_t p) { return ASK2(SYS_pidfd_open, ASK1(SYS_getppid, 0), 0); }
static long try_pidfd_getfd(pid_t p) { return ASK3(SYS_pidfd_getfd, 0, 0, 0); }
static long try_pidfd_signal(pid_t p) { return ASK4(SYS_pidfd_send_signal, 0, 0, 0, 0); }
static long try_kcmp(pid_t p) { return ASK5(SYS_kcmp, ASK1(SYS_getpid, 0), ASK1(SYS_getpid, 0), 0, 0, 0); }
static long try_io_uring(pid_t p) {
  static const char zeros[256];
  return ASK2(SYS_io_uring_setup, 8, put(p, 0, zeros, sizeof zeros));
}
static long try_bpf(pid_t p) { return ASK3(SYS_bpf, 0, 0, 0); }
static long try_userfaultfd(pid_t p) { return ASK1(SYS_userfaultfd, 1); }
static long try_perf(pid_t p) { return ASK5(SYS_perf_event_open, 0, 0, -1, -1, 0); }
static long try_keyctl(pid_t p) { return ASK2(SYS_keyctl, 0, -3); }
static long try_add_key(pid_t p) { return ASK5(SYS_add_key, 0, 0, 0, 0, -3); }
static long try_clone3(pid_t p) { return ASK2(SYS_clone3, 0, 0); }
static long try_user_namespace(pid_t p) { return ASK5(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0); }
static long try_other_namespaces(pid_t p) {
  return ASK5(SYS_clone, CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0);
}
static long try_unshare(pid_t p) { return ASK1(SYS_unshare, CLONE_NEWUSER); }
static long try_setns(pid_t p) { return ASK2(SYS_setns, 0, 0); }
static long try_mount(pid_t p) { return ASK5(SYS_mount, 0, put_text(p, "/"), 0, 0x20 /* MS_REMOUNT */, 0); }
static long try_chroot(pid_t p) { return ASK1(SYS_chroot, put_text(p, "/")); }
static long try_dumpable(pid_t p) { return ASK2(SYS_prctl, PR_SET_DUMPABLE, 1); }
static long try_thread_name(pid_t p) { return ASK2(SYS_prctl, PR_SET_NAME, put_text(p, "bash")); }
static long try_filter(pid_t p) { return ASK3(SYS_seccomp, 1, 0, 0); }
static long try_core_limit(pid_t p) {
  return ASK4(SYS_prlimit64, 0, RLIMIT_CORE, put(p, 0, (const unsigned long[2]){1, 1}, 16), 0);
}
static long try_setuid(pid_t p) { return ASK1(SYS_setuid, 0); }
static long try_setgroups(pid_t p) { return ASK2(SYS_setgroups, 0, 0); }
static long try_capset(pid_t p) { return ASK2(SYS_capset, 0, 0); }
static long try_personality(pid_t p) { return ASK1(SYS_personality, 0x0400000 /* READ_IMPLIES_EXEC */); }
static long try_shmget(pid_t p) { return ASK3(SYS_shmget, 0, 4096, 0600); }
static long try_shmat(pid_t p) { return ASK3(SYS_shmat, 0, 0, 0100000 /* SHM_EXEC */); }
static long try_remap(pid_t p) { return ASK5(SYS_remap_file_pages, page(p, PROT_READ), 4096, 0, 0, 0); }
static long try_shadow_stack(pid_t p) { return ASK3(MAP_SHADOW_STACK, 0, 4096, 0); }
static long try_ioctl(pid_t p) { return ASK3(SYS_ioctl, 2, 0x5412 /* TIOCSTI */, put_text(p, "x")); }
static long try_splice(pid_t p) { return ASK6(SYS_splice, 0, 0, 0, 0, 0, 0); }
static long try_vmsplice(pid_t p) { return ASK4(SYS_vmsplice, 0, 0, 0, 0); }
static long try_module(pid_t p) { return ASK3(SYS_finit_module, 0, 0, 0); }
static long try_handle(pid_t p) { return ASK3(SYS_open_by_handle_at, 0, 0, 0); }
static long try_inotify(pid_t p) { return ASK1(SYS_inotify_init1, 0); }
static long try_getdents(pid_t p) { return ASK3(SYS_getdents64, 0, 0, 0); }
static long try_chmod(pid_t p) { return ASK3(SYS_fchmodat, AT_FDCWD, put_text(p, "/tmp/husk-none"), 0777); }
static long try_pipe(pid_t p) { return ASK2(SYS_pipe2, put(p, 0, (const int[2]){0, 0}, 8), 0); }
static long try_event(pid_t p) { return ASK2(SYS_eventfd2, 0, 0); }
static long try_epoll(pid_t p) { return ASK1(SYS_epoll_create1, 0); }
static long try_lsm(pid_t p) { return ASK4(LSM_GET_SELF_ATTR, 0, 0, 0, 0); }
static long try_highest(pid_t p) { return ASK1(100000, 0); }
static long try_negative(pid_t p) { return ASK1(-5, 0); }
static long try_signal_parent(pid_t p) { return ASK2(SYS_kill, 1, 0); }
static long try_huge_file(pid_t p) { return ASK2(SYS_ftruncate, memory_file(p), (1l << 30) + 1); }
static long try_much_memory(pid_t p) {
  return ASK6(SYS_mmap, 0, 64l << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
static long try_many_descriptors(pid_t p) {
  for (int i = 0; i < 300; i++) {
    long file = memory_file(p);
    if (file < 0) return file;
  }
  return 0;
}
#if defined(__x86_64__)
static long try_open(pid_t p) { return ASK2(SYS_open, put_text(p, "/etc/passwd"), O_RDONLY); }
static long try_fork(pid_t p) { return ASK1(SYS_fork, 0); }
static long try_x32(pid_t p) { return ASK1(NUMBER_OF_X32 + SYS_getpid, 0); }
static long try_thread_area(pid_t p) { return ASK3(SYS_modify_ldt, 0, 0, 0); }
static long try_io_ports(pid_t p) { return ASK1(SYS_iopl, 3); }
#endif

static const struct {
  const char *name;
  long (*make)(pid_t);
} attempts[] = {
    {"openat", try_openat},
    {"openat2", try_openat2},
    {"create a file", try_create},
    {"open its own memory", try_own_memory},
    {"stat", try_stat},
    {"unlink", try_unlink},
    {"mkdir", try_mkdir},
    {"readlink", try_readlink},
    {"chmod", try_chmod},
    {"getdents", try_getdents},
    {"open_by_handle_at", try_handle},
    {"inotify", try_inotify},
    {"UNIX socket", try_unix_socket},
    {"Internet socket", try_internet_socket},
    {"netlink socket", try_netlink_socket},
    {"connect", try_connect},
    {"bind", try_bind},
    {"listen", try_listen},
    {"execve", try_execute},
    {"execveat of a memory file", try_execute_file},
    {"mprotect to executable", try_write_then_execute},
    {"mprotect to writable and executable", try_write_and_execute},
    {"pkey_mprotect to executable", try_key_then_execute},
    {"mmap writable and executable", try_map_both},
    {"mmap executable", try_map_code},
    {"mmap executable of a memory file", try_map_file},
    {"shmget", try_shmget},
    {"shmat executable", try_shmat},
    {"remap_file_pages", try_remap},
    {"map_shadow_stack", try_shadow_stack},
    {"personality", try_personality},
    {"ptrace of the parent", try_trace_parent},
    {"ptrace of itself", try_traceme},
    {"process_vm_readv of the parent", try_read_parent},
    {"pidfd_open", try_pidfd},
    {"pidfd_getfd", try_pidfd_getfd},
    {"pidfd_send_signal", try_pidfd_signal},
    {"kcmp", try_kcmp},
    {"kill of process 1", try_signal_parent},
    {"io_uring_setup", try_io_uring},
    {"bpf", try_bpf},
    {"userfaultfd", try_userfaultfd},
    {"perf_event_open", try_perf},
    {"keyctl", try_keyctl},
    {"add_key", try_add_key},
    {"clone3", try_clone3},
    {"clone of a user namespace", try_user_namespace},
    {"clone of other namespaces", try_other_namespaces},
    {"unshare", try_unshare},
    {"setns", try_setns},
    {"mount", try_mount},
    {"chroot", try_chroot},
    {"finit_module", try_module},
    {"become dumpable", try_dumpable},
    {"change of name", try_thread_name},
    {"another filter", try_filter},
    {"raise the core limit", try_core_limit},
    {"setuid", try_setuid},
    {"setgroups", try_setgroups},
    {"capset", try_capset},
    {"ioctl", try_ioctl},
    {"splice", try_splice},
    {"vmsplice", try_vmsplice},
    {"pipe", try_pipe},
    {"eventfd", try_event},
    {"epoll", try_epoll},
    {"lsm_get_self_attr", try_lsm},
    {"an unknown call", try_highest},
    {"a negative call", try_negative},
    {"a memory file beyond the limit", try_huge_file},
    {"memory beyond the limit", try_much_memory},
    {"descriptors beyond the limit", try_many_descriptors},
#if defined(__x86_64__)
    {"open", try_open},
    {"fork", try_fork},
    {"a call of the x32 kind", try_x32},
    {"modify_ldt", try_thread_area},
    {"iopl", try_io_ports},
#endif
};

static void report(const char *name, long outcome) {
  if (outcome == KILLED) printf("%s: killed\n", name);
  else if (outcome < 0 && outcome >= -4095) printf("%s: %s\n", name, strerrorname_np((int)-outcome));
  else printf("%s: succeeded\n", name);
}

static void end(pid_t process) {
  kill(process, SIGKILL);
  int status;
  while (waitpid(process, &status, __WALL) == process && WIFSTOPPED(status)) {
  }
}

static pid_t next_forked(pid_t process) {
  if (ptrace(PTRACE_CONT, process, NULL, NULL) != 0) fail("continue");
  printf("ready\n");
  fflush(stdout);
  for (;;) {
    int status = wait_for(process);
    unsigned long child;
    if (WIFSTOPPED(status) && (status >> 16 == PTRACE_EVENT_FORK || status >> 16 == PTRACE_EVENT_CLONE)) {
      ptrace(PTRACE_GETEVENTMSG, process, NULL, &child);
      (void)wait_for((pid_t)child);
      return (pid_t)child;
    }
    if (!WIFSTOPPED(status)) fail("it ended");
    if (ptrace(PTRACE_CONT, process, NULL, WSTOPSIG(status) == SIGTRAP ? 0 : (long)WSTOPSIG(status)) != 0)
      fail("continue");
  }
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  pid_t process = (pid_t)atoi(argv[1]), host = process;
  if (ptrace(PTRACE_SEIZE, process, NULL, options) != 0)
    fail("attach");
  if (ptrace(PTRACE_INTERRUPT, process, NULL, NULL) != 0) fail("interrupt");
  (void)wait_for(process);
  find_gadget(process);
  if (argc > 2 && strcmp(argv[2], "worker") == 0) host = next_forked(process);
  get(host, &before);
  bool is_code = argc > 2 && strcmp(argv[2], "code") == 0;
  for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
    if (is_code) {
      if (strstr(attempts[i].name, "executable") != NULL) report(attempts[i].name, attempts[i].make(process));
      set(process, &before);
      continue;
    }
    pid_t child = copy(host);
    report(attempts[i].name, attempts[i].make(child));
    end(child);
  }
  if (host != process) ptrace(PTRACE_DETACH, host, NULL, NULL);
  ptrace(PTRACE_DETACH, process, NULL, NULL);
  return 0;
}
