#define _GNU_SOURCE
#include "linux_init.h"

#include "linux_files.h"
#include "linux_messages.h"
#include "linux_process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { MOST_WORDS = 256, COMMAND_LINE_SIZE = 65536 };

// What the board's image holds for its first process (SPEC 13.2).
#define ARGUMENTS "/board/arguments"
#define OUTPUT_LINE "/board/stdout"
#define ERROR_LINE "/board/stderr"
#define STATUS_LINE "/board/status"
#define DATA "/data"

// From a pipe that processes of the board write to, to a serial line. The first process keeps the pipe's inlet too, so
// that the pipe never ends.
struct relay {
  int from;
  int inlet;
  int line;
};

int linux_is_init(int argument_count) { return getpid() == 1 && argument_count <= 1; }

static int mount_all(void) {
  const unsigned long plain = MS_NOSUID | MS_NOEXEC;
  if (mount("proc", "/proc", "proc", plain | MS_NODEV, NULL) != 0) return -1;
  if (mount("sysfs", "/sys", "sysfs", plain | MS_NODEV | MS_RDONLY, NULL) != 0) return -1;
  // Says which security modules there are and whether the kernel is locked down, if it has it.
  (void)mount("securityfs", "/sys/kernel/security", "securityfs", plain | MS_NODEV | MS_RDONLY, NULL);
  return mount("devtmpfs", "/dev", "devtmpfs", plain, NULL);
}

// Opens a serial line that hands on bytes as they are.
static int open_line(const char *path) {
  int line = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
  struct termios settings;
  if (line < 0 || tcgetattr(line, &settings) != 0) return -1;
  cfmakeraw(&settings);
  cfsetspeed(&settings, B115200);
  return tcsetattr(line, TCSANOW, &settings) == 0 ? line : -1;
}

static int open_relay(struct relay *relay, const char *path) {
  relay->line = open_line(path);
  if (relay->line < 0 || linux_pipe(&relay->from, &relay->inlet) != 0) return -1;
  return fcntl(relay->from, F_SETFL, O_NONBLOCK);
}

// Hands on what is there: as much as a pipe holds, so that a process that never stops writing doesn't stop this one.
static void hand_on(const struct relay *relay) {
  static char bytes[65536];
  ssize_t count = read(relay->from, bytes, sizeof bytes);
  if (count > 0) linux_write_all(relay->line, bytes, (size_t)count);
}

// Every word in the file ends in a NUL.
static int read_command_line(char ***arguments, int *count) {
  static char text[COMMAND_LINE_SIZE];
  static char *words[MOST_WORDS + 1];
  int file = linux_open_read(ARGUMENTS);
  ssize_t size = file < 0 ? -1 : linux_read_all(file, text, sizeof text);
  close(file);
  if (size <= 0 || (size_t)size == sizeof text || text[size - 1] != '\0') return -1;
  int found = 0;
  for (char *word = text; word < text + size; word += strlen(word) + 1) {
    if (found == MOST_WORDS) return -1;
    words[found++] = word;
  }
  *arguments = words;
  *count = found;
  return 0;
}

// What the ended process's status is as an exit status (SPEC 7.3).
static int exit_status(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

// Collects all ended processes, since the orphans are the first process's too. Returns whether `chain` is among them.
static int collect(pid_t chain, int *outcome) {
  int status, is_over = 0;
  pid_t ended;
  while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
    if (ended != chain) continue;
    *outcome = exit_status(status);
    is_over = 1;
  }
  return is_over;
}

static _Noreturn void switch_off(int outcome, const struct relay *relays, int status_line) {
  for (int i = 0; i < 2; i++) {
    hand_on(&relays[i]);
    tcdrain(relays[i].line);
  }
  dprintf(status_line, "%d\n", outcome);
  tcdrain(status_line);
  reboot(RB_POWER_OFF);
  _exit(1);  // the kernel panics, and the board ends all the same
}

static _Noreturn void watch(pid_t chain, const struct relay *relays, int status_line, int children) {
  struct pollfd wanted[3] = {
      {.fd = children, .events = POLLIN},
      {.fd = relays[0].from, .events = POLLIN},
      {.fd = relays[1].from, .events = POLLIN},
  };
  for (;;) {
    struct signalfd_siginfo news;
    int outcome = 0;
    if (poll(wanted, 3, -1) < 0 && errno != EINTR) _exit(1);
    if (read(children, &news, sizeof news) == sizeof news && collect(chain, &outcome))
      switch_off(outcome, relays, status_line);
    hand_on(&relays[0]);
    hand_on(&relays[1]);
  }
}

// The second process finds what a simulated device's does: pipes and a working directory.
static int enter_chain(const struct relay *relays) {
  if (dup2(relays[0].inlet, 1) < 0 || dup2(relays[1].inlet, 2) < 0) return -1;
  return chdir(DATA);
}

int linux_start_board(char ***arguments, int *count) {
  struct relay relays[2];
  sigset_t ended_child;
  sigemptyset(&ended_child);
  sigaddset(&ended_child, SIGCHLD);
  // The kernel starts init without standard descriptors where the image holds no device nodes.
  if (mount_all() != 0 || linux_open_standard_descriptors() != 0) return -1;
  int status_line = open_line(STATUS_LINE);
  if (status_line < 0 || open_relay(&relays[0], OUTPUT_LINE) != 0 || open_relay(&relays[1], ERROR_LINE) != 0) return -1;
  if (read_command_line(arguments, count) != 0 || sigprocmask(SIG_BLOCK, &ended_child, NULL) != 0) return -1;
  int children = signalfd(-1, &ended_child, SFD_CLOEXEC | SFD_NONBLOCK);
  if (children < 0) return -1;
  pid_t chain = linux_fork();
  if (chain < 0) return -1;
  if (chain == 0) {
    if (enter_chain(relays) != 0) _exit(1);
    return 0;
  }
  const int kept[] = {CAP_SYS_BOOT};
  if (linux_set_dumpable(0) != 0 || linux_keep_capabilities(kept, 1) != 0 || linux_no_new_privileges() != 0) _exit(1);
  watch(chain, relays, status_line, children);
}
