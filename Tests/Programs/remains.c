// Looks for secrets in the memory of processes where none should be: anywhere but in memory that is kept out of core dumps.
//
//   remains SECRETS run PROGRAM [ARGUMENTS…]   runs a program, and looks when it is about to end
//   remains SECRETS watch PROCESS              looks into a process and all that it starts each time one of them sends a
//                                              message, until standard input ends; says "ready" at the beginning
//
// SECRETS is a file of 32-byte secrets, one after the other. A secret counts as found if 16 bytes of it are, at its
// beginning, middle or end, or in reverse order, as libcrypto keeps numbers. Prints `found: SECRET in PROCESS, MAPPING` and
// in the end `looked N times, M bytes`. Memory that can't be read by root is where secrets belong.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECRET = 32, PART = 16, PIECE = 1 << 20 };

static unsigned char secrets[64 * SECRET];
static size_t secret_count;
static unsigned long times, bytes_seen;

__attribute__((noreturn)) static void fail(const char *what) {
  perror(what);
  exit(1);
}

/// The parts that are looked for: of secret i, three forwards and three backwards.
static unsigned char parts[64 * 6][PART];

static void read_secrets(const char *path) {
  int file = open(path, O_RDONLY);
  ssize_t size = file >= 0 ? read(file, secrets, sizeof secrets) : -1;
  if (size < SECRET) fail(path);
  close(file);
  secret_count = (size_t)size / SECRET;
  for (size_t i = 0; i < secret_count; i++) {
    for (size_t k = 0; k < 3; k++) {
      const unsigned char *part = secrets + i * SECRET + k * 8;
      memcpy(parts[i * 6 + k], part, PART);
      for (size_t b = 0; b < PART; b++) parts[i * 6 + 3 + k][b] = part[PART - 1 - b];
    }
  }
}

/// By its first two bytes, which parts may begin here: nearly always none.
static bool begins[65536];

static size_t find(const unsigned char *piece, size_t size) {
  for (size_t at = 0; at + PART <= size; at++) {
    if (!begins[piece[at] | piece[at + 1] << 8]) continue;
    for (size_t i = 0; i < secret_count * 6; i++) {
      if (memcmp(piece + at, parts[i], PART) == 0) return i / 6 + 1;
    }
  }
  return 0;
}

static void look_at_mapping(pid_t process, int memory, unsigned long start, unsigned long end, const char *mapping) {
  static unsigned char piece[PIECE];
  for (unsigned long at = start; at < end;) {
    size_t wanted = end - at < PIECE ? end - at : PIECE;
    ssize_t size = pread(memory, piece, wanted, (off_t)at);
    if (size <= 0) return;  // memory that can't be read
    bytes_seen += (unsigned long)size;
    size_t secret = find(piece, (size_t)size);
    if (secret != 0) {
      printf("found: %zu in %d, %s\n", secret - 1, process, mapping);
      return;
    }
    at += (size_t)size < PIECE || at + (size_t)size >= end ? (size_t)size : (size_t)size - PART;
  }
}

static void look(pid_t process) {
  char path[64], line[512], mapping[512] = "", rights[8] = "";
  snprintf(path, sizeof path, "/proc/%d/smaps", process);
  FILE *maps = fopen(path, "r");
  snprintf(path, sizeof path, "/proc/%d/mem", process);
  int memory = open(path, O_RDONLY);
  if (maps == NULL || memory < 0) fail(path);
  unsigned long start = 0, end = 0, from, to;
  while (fgets(line, sizeof line, maps) != NULL) {
    if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) == 3) {
      start = from, end = to;
      line[strcspn(line, "\n")] = '\0';
      strcpy(mapping, line);
    } else if (strncmp(line, "VmFlags:", 8) == 0) {
      bool is_file = strchr(mapping, '/') != NULL && strchr(mapping, 'w') == NULL;
      if (strstr(line, " dd") == NULL && strstr(mapping, "[v") == NULL && !is_file)
        look_at_mapping(process, memory, start, end, mapping);
    }
  }
  fclose(maps);
  close(memory);
  times++;
}

static int run(char **command) {
  pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    execv(command[0], command);
    _exit(127);
  }
  int status;
  if (waitpid(child, &status, 0) != child ||
      ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL) != 0)
    fail("start");
  long signal = 0;
  for (;;) {
    if (ptrace(PTRACE_CONT, child, NULL, signal) != 0) fail("continue");
    if (waitpid(child, &status, 0) != child) fail("wait");
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    if (WIFSIGNALED(status)) return 128;
    signal = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
    if (status >> 16 == PTRACE_EVENT_EXIT) look(child);
  }
}

static bool is_over(void) {
  struct pollfd input = {.fd = 0, .events = POLLIN};
  return poll(&input, 1, 0) > 0;
}

static void watch(pid_t process) {
  const int options = PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACESYSGOOD;
  if (ptrace(PTRACE_SEIZE, process, NULL, options) != 0 || ptrace(PTRACE_INTERRUPT, process, NULL, NULL) != 0)
    fail("attach");
  printf("ready\n");
  fflush(stdout);
  while (!is_over()) {
    int status;
    pid_t stopped = waitpid(-1, &status, __WALL | WNOHANG);
    if (stopped < 0) break;
    if (stopped == 0) {
      poll(&(struct pollfd){.fd = 0, .events = POLLIN}, 1, 1);
      continue;
    }
    if (!WIFSTOPPED(status)) continue;
    long signal = 0;
    struct __ptrace_syscall_info call;
    if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
      if (ptrace(PTRACE_GET_SYSCALL_INFO, stopped, sizeof call, &call) > 0 && call.op == PTRACE_SYSCALL_INFO_ENTRY &&
          call.entry.nr == SYS_sendmsg)
        look(stopped);
    } else if (status >> 16 == 0 && WSTOPSIG(status) != SIGTRAP) {
      signal = WSTOPSIG(status);
    }
    ptrace(PTRACE_SYSCALL, stopped, NULL, signal);
  }
  if (ptrace(PTRACE_INTERRUPT, process, NULL, NULL) == 0) {
    waitpid(process, NULL, __WALL);
    look(process);
  }
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  read_secrets(argv[1]);
  for (size_t i = 0; i < secret_count * 6; i++) begins[parts[i][0] | parts[i][1] << 8] = true;
  int status = 0;
  if (strcmp(argv[2], "run") == 0) status = run(argv + 3);
  else watch((pid_t)atoi(argv[3]));
  printf("looked %lu times, %lu bytes\n", times, bytes_seen);
  return status;
}
