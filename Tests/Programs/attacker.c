// A process of some user that tries to get into the processes of one boot, over and over, from their first instant on.
//
//   attacker USER MARKER     says "ready", and lasts until its standard input ends
//
// The processes are those whose command line holds MARKER, and their children. It prints `reached: WAY into NAME` for each
// process that a way led into, and in the end how many processes it attacked.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

enum {
  PROCESSES = 1 << 22,  // as many as Linux has at most
  BEHIND = 8,           // how many of the newest processes are attacked
};

static const char *marker;
static unsigned char attacked[PROCESSES];  // 1: one of the boot's processes
static unsigned int reached_ways[PROCESSES];

static size_t read_file(pid_t process, const char *name, char *buffer, size_t size) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", process, name);
  int file = open(path, O_RDONLY);
  ssize_t count = file >= 0 ? read(file, buffer, size - 1) : 0;
  if (file >= 0) close(file);
  buffer[count > 0 ? count : 0] = '\0';
  return count > 0 ? (size_t)count : 0;
}

static bool is_marked(pid_t process) {
  char line[1024];
  size_t count = read_file(process, "cmdline", line, sizeof line);
  return memmem(line, count, marker, strlen(marker)) != NULL;
}

static bool is_of_boot(pid_t process) {
  if (attacked[process]) return true;
  char line[1024];
  pid_t parent = 0;
  if (!is_marked(process)) {
    read_file(process, "stat", line, sizeof line);
    const char *name_end = strrchr(line, ')');
    if (name_end == NULL || sscanf(name_end, ") %*c %d", &parent) != 1 || !is_marked(parent)) return false;
  }
  attacked[process] = 1;
  return true;
}

static bool opens(pid_t process, const char *name, int flags) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", process, name);
  int file = open(path, flags | O_NONBLOCK);
  if (file >= 0) close(file);
  return file >= 0;
}

static bool descriptor_3(pid_t process) { return opens(process, "fd/3", O_RDONLY); }
static bool descriptor_4(pid_t process) { return opens(process, "fd/4", O_RDONLY); }
static bool descriptors(pid_t process) { return opens(process, "fd", O_RDONLY | O_DIRECTORY); }
static bool memory(pid_t process) { return opens(process, "mem", O_RDONLY); }
static bool mappings(pid_t process) {
  // Of a process that has ended but still has a number, everybody may read the nothing that there is.
  char line[16];
  return read_file(process, "maps", line, sizeof line) > 0;
}

static bool image(pid_t process) { return opens(process, "exe", O_RDONLY); }
static bool environment(pid_t process) { return opens(process, "environ", O_RDONLY); }
static bool root(pid_t process) { return opens(process, "root", O_RDONLY | O_DIRECTORY); }

static bool tracing(pid_t process) {
  if (ptrace(PTRACE_SEIZE, process, NULL, NULL) != 0) return false;
  // What is traced must stop before it can be let go.
  if (ptrace(PTRACE_INTERRUPT, process, NULL, NULL) == 0 && waitpid(process, NULL, __WALL) == process)
    ptrace(PTRACE_DETACH, process, NULL, NULL);
  return true;
}

static bool remote_read(pid_t process) {
  char byte;
  struct iovec here = {&byte, 1}, there = {(void *)4096, 1};
  // An address that isn't mapped is another error than memory that may not be read.
  return process_vm_readv(process, &here, 1, &there, 1, 0) == 1 || errno == EFAULT;
}

static bool stealing(pid_t process) {
  int handle = (int)syscall(SYS_pidfd_open, process, 0);
  int stolen = handle >= 0 ? (int)syscall(SYS_pidfd_getfd, handle, 3, 0) : -1;
  if (stolen >= 0) close(stolen);
  if (handle >= 0) close(handle);
  return stolen >= 0;
}

// Tells which objects of the kernel two processes share, and where they lie relative to each other.
static bool comparison(pid_t process) {
  return syscall(SYS_kcmp, process, process, 1 /* KCMP_VM */, 0, 0) >= 0;
}

static const struct {
  const char *name;
  bool (*reaches)(pid_t);
} ways[] = {
    {"descriptor 3", descriptor_3}, {"stealing descriptor 3", stealing}, {"descriptor 4", descriptor_4},
    {"descriptors", descriptors},   {"memory", memory},                  {"mappings", mappings},
    {"image", image},               {"root", root},                      {"remote read", remote_read},
    {"tracing", tracing},                   {"environment", environment},        {"comparison", comparison},
};

static void attack(pid_t process) {
  if (process <= 0 || process >= PROCESSES || process == getpid() || !is_of_boot(process)) return;
  for (unsigned int i = 0; i < sizeof ways / sizeof ways[0]; i++) {
    if (!ways[i].reaches(process) || reached_ways[process] >> i & 1) continue;
    reached_ways[process] |= 1u << i;
    char name[64];
    read_file(process, "comm", name, sizeof name);
    name[strcspn(name, "\n")] = '\0';
    printf("reached: %s into %s\n", ways[i].name, name);
  }
}

static pid_t newest_process(void) {
  static int file = -1;
  char line[128] = "";
  int newest = 0;
  if (file < 0) file = open("/proc/loadavg", O_RDONLY);
  if (pread(file, line, sizeof line - 1, 0) > 0) sscanf(line, "%*s %*s %*s %*s %d", &newest);
  return newest;
}

static bool is_over(void) {
  struct pollfd input = {.fd = 0, .events = POLLIN};
  return poll(&input, 1, 0) > 0;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  uid_t user = (uid_t)atoi(argv[1]);
  marker = argv[2];
  if (setresgid(user, user, user) != 0 || setresuid(user, user, user) != 0) return 1;
  // It must not take itself for one of the boot's processes, nor be taken for one.
  static char own_marker[256];
  strncpy(own_marker, marker, sizeof own_marker - 1);
  memset(argv[2], ' ', strlen(argv[2]));
  marker = own_marker;
  printf("ready\n");
  fflush(stdout);
  while (!is_over()) {
    pid_t newest = newest_process();
    for (pid_t process = newest + 1; process > newest - BEHIND; process--) attack(process);
  }
  int count = 0;
  for (int i = 0; i < PROCESSES; i++) count += attacked[i];
  printf("attacked %d processes as user %u\n", count, getuid());
  return 0;
}
