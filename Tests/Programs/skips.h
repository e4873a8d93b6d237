// Skipped instructions, one at a time, and the processes that meet them (SPEC 15.4).
#ifndef SKIPS_H
#define SKIPS_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_INPUTS = 128 };

struct skip {
  unsigned long offset;   // in the file
  unsigned long address;  // as it is linked; ascending
  unsigned char met[MOST_INPUTS];  // which inputs get as far as this instruction when nothing is skipped
  size_t count;
  unsigned char original[16], skipped[16];
  char name[256];
};

static void fail(const char *what) {
  perror(what);
  exit(2);
}

static size_t hexadecimal(const char *text, unsigned char *bytes) {
  size_t count = strlen(text) / 2;
  for (size_t i = 0; i < count && i < 16; i++) {
    unsigned value;
    if (sscanf(text + 2 * i, "%2x", &value) != 1) exit(2);
    bytes[i] = (unsigned char)value;
  }
  return count;
}

// Lines: offset and address in hexadecimal, the bytes as they are, the bytes to have instead, a name.
static struct skip *read_skips(const char *path, size_t *count) {
  FILE *file = fopen(path, "r");
  if (file == NULL) fail(path);
  struct skip *skips = NULL;
  struct skip next;
  memset(&next, 0, sizeof next);
  char original[40], skipped[40];
  *count = 0;
  while (fscanf(file, "%lx %lx %39s %39s %255s", &next.offset, &next.address, original, skipped, next.name) == 5) {
    next.count = hexadecimal(original, next.original);
    if (hexadecimal(skipped, next.skipped) != next.count) exit(2);
    skips = realloc(skips, (*count + 1) * sizeof *skips);
    if (skips == NULL) fail("memory");
    skips[(*count)++] = next;
  }
  fclose(file);
  return skips;
}

// Writes code to the file of a program, or of a library, that nobody runs.
static void patch_file(const char *path, const struct skip *skip, const unsigned char *bytes) {
  int file;
  // The program of a process that has ended is in use as long as somebody reads about that in /proc.
  do file = open(path, O_WRONLY | O_CLOEXEC);
  while (file < 0 && errno == ETXTBSY);
  if (file < 0 || pwrite(file, bytes, skip->count, (off_t)skip->offset) != (ssize_t)skip->count) fail(path);
  close(file);
}

// Runs something for each process beneath one.
static void each_descendant(pid_t process, void (*body)(pid_t, void *), void *data) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task/%d/children", process, process);
  FILE *file = fopen(path, "r");
  if (file == NULL) return;
  int child;
  while (fscanf(file, "%d", &child) == 1) {
    each_descendant(child, body, data);
    body(child, data);
  }
  fclose(file);
}

static void kill_one(pid_t process, void *data) {
  (void)data;
  kill(process, SIGKILL);
}

static void end_all(void) {
  for (;;) {
    each_descendant(getpid(), kill_one, NULL);
    if (waitpid(-1, NULL, 0) < 0 && errno == ECHILD) return;
  }
}

// Which instructions a program gets to: each is replaced by a breakpoint until it is reached. An instruction that isn't
// reached can't matter.

// Where a running program was loaded.
static unsigned long base_of(pid_t process, const char *program) {
  char path[64], line[1024];
  unsigned long start, offset;
  snprintf(path, sizeof path, "/proc/%d/maps", process);
  FILE *file = fopen(path, "r");
  if (file == NULL) fail(path);
  while (fgets(line, sizeof line, file) != NULL) {
    if (sscanf(line, "%lx-%*x %*s %lx", &start, &offset) != 2 || offset != 0 || strstr(line, program) == NULL) continue;
    fclose(file);
    return start;
  }
  fail(path);
  return 0;
}

// Writes code of a process that is traced and stopped.
static void write_code(pid_t process, unsigned long address, const unsigned char *bytes, size_t count) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/mem", process);
  int file = open(path, O_RDWR | O_CLOEXEC);
  if (file < 0 || pwrite(file, bytes, count, (off_t)address) != (ssize_t)count) fail(path);
  close(file);
}

// Puts breakpoints, or takes them away.
static void set_breakpoints(pid_t process, unsigned long base, const struct skip *skips, size_t count, int are_set) {
  unsigned long start = skips[0].address, end = skips[count - 1].address + 1;
  unsigned char *code = malloc(end - start);
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/mem", process);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (code == NULL || file < 0 || pread(file, code, end - start, (off_t)(base + start)) != (ssize_t)(end - start))
    fail(path);
  close(file);
  for (size_t i = 0; i < count; i++) code[skips[i].address - start] = are_set ? 0xcc : skips[i].original[0];
  write_code(process, base + start, code, end - start);
  free(code);
}

static int by_address(const void *key, const void *element) {
  unsigned long address = *(const unsigned long *)key, other = ((const struct skip *)element)->address;
  return address < other ? -1 : address > other;
}

// Goes on with a traced process that stopped; notes if it was at one of the instructions.
static void go_on(pid_t process, int status, unsigned long base, struct skip *skips, size_t count, int input) {
  if (!WIFSTOPPED(status)) return;
  int signal_ = WSTOPSIG(status);
  if (status >> 16 != 0 || signal_ == SIGSTOP) {
    signal_ = 0;
  } else if (signal_ == SIGTRAP) {
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, process, 0, &registers) != 0) return;
    unsigned long address = registers.rip - 1 - base;
    struct skip *found = bsearch(&address, skips, count, sizeof *skips, by_address);
    if (found != NULL) {
      write_code(process, base + address, found->original, 1);
      registers.rip--;
      ptrace(PTRACE_SETREGS, process, 0, &registers);
      // A conditional branch is there twice, in two ways.
      while (found > skips && found[-1].address == address) found--;
      for (; found < skips + count && found->address == address; found++) found->met[input] = 1;
      signal_ = 0;
    }
  }
  ptrace(PTRACE_CONT, process, 0, signal_);
}

enum { TRACE_OPTIONS = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC };

struct activity {
  int is_running;        // somebody has or waits for a processor, or for a disk
  unsigned long longest;  // processor time of one of them, in ticks
};

static void look_at(pid_t process, void *data) {
  struct activity *activity = data;
  char path[64], text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", process);
  int file = open(path, O_RDONLY);
  if (file < 0) return;
  ssize_t count = read(file, text, sizeof text - 1);
  close(file);
  if (count <= 0) return;
  text[count] = '\0';
  const char *rest = strrchr(text, ')');
  char state;
  unsigned long user, kernel;
  if (rest == NULL ||
      sscanf(rest + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &state, &user, &kernel) != 3)
    return;
  if (state == 'R' || state == 'D') activity->is_running = 1;
  if (user + kernel > activity->longest) activity->longest = user + kernel;
}

// Whether nothing more is to be expected of what runs: it has used a fifth of a second of processor time, or everybody
// sleeps. To be asked every 20 milliseconds; `quiet` counts how often in a row all slept.
static int is_stuck(int *quiet) {
  struct activity activity = {0, 0};
  each_descendant(getpid(), look_at, &activity);
  *quiet = activity.is_running ? 0 : *quiet + 1;
  return *quiet >= 5 || activity.longest >= (unsigned long)sysconf(_SC_CLK_TCK) / 5;
}

#endif
