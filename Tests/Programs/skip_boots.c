// Boots devices with a stage in which one instruction is skipped, for each of many instructions and for each of some devices
// on which something must be refused.
//
//     skip_boots rom|bootloader|provider PROGRAM SKIPS DIRECTORY…
//
// PROGRAM is written to. A directory holds `fuses`, `counter`, `floors` and `flash`, for the bootloader also `handoff`; what a
// boot leaves there is undone. First each is booted with nothing skipped: `as-it-is DIRECTORY LAST-LINE`. Then `ran DIRECTORY
// NAME` is printed of each skip with which something ran that says so: that it must not. `skips N` ends it.
#include "skips.h"

#include <ftw.h>
#include <sys/un.h>

static const char forbidden[] = "must not run";

// What is to be undone: small files, as they were.
static struct {
  char path[512];
  unsigned char *bytes;
  struct stat was;
} files[512];
static size_t file_count;

static int keep(const char *path, const struct stat *status, int type, struct FTW *place) {
  (void)place;
  if (type != FTW_F) return 0;
  if (file_count == sizeof files / sizeof *files) exit(2);
  snprintf(files[file_count].path, sizeof files[file_count].path, "%s", path);
  files[file_count].bytes = malloc((size_t)status->st_size + 1);
  int file = open(path, O_RDONLY);
  if (file < 0 || read(file, files[file_count].bytes, (size_t)status->st_size) != status->st_size) fail(path);
  close(file);
  files[file_count++].was = *status;
  return 0;
}

static void restore(void) {
  for (size_t i = 0; i < file_count; i++) {
    struct stat now;
    const struct stat *was = &files[i].was;
    if (stat(files[i].path, &now) == 0 && now.st_size == was->st_size && now.st_ino == was->st_ino &&
        now.st_mtim.tv_sec == was->st_mtim.tv_sec && now.st_mtim.tv_nsec == was->st_mtim.tv_nsec)
      continue;
    unlink(files[i].path);
    int file = open(files[i].path, O_WRONLY | O_CREAT | O_EXCL, was->st_mode & 0777);
    if (file < 0 || write(file, files[i].bytes, (size_t)was->st_size) != was->st_size) fail(files[i].path);
    close(file);
    if (stat(files[i].path, &files[i].was) != 0) fail(files[i].path);
  }
}

enum kind { ROM, BOOTLOADER, PROVIDER };

static void become_provider(const char *program) {
  struct sockaddr_un nowhere = {.sun_family = AF_UNIX};
  int listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
  // With no name to bind to, the kernel makes one.
  if (bind(listener, (struct sockaddr *)&nowhere, sizeof nowhere.sun_family) != 0 || listen(listener, 1) != 0) _exit(2);
  if (dup2(listener, 3) != 3 || close_range(4, ~0U, 0) != 0) _exit(2);
  char process[32];
  snprintf(process, sizeof process, "LISTEN_PID=%d", getpid());
  char *const environment[] = {process, "LISTEN_FDS=1", NULL};
  char *const words[] = {(char *)program, "fuses", "counter", "floors", "flash", "64902", "64902", NULL};
  execve(program, words, environment);
  _exit(2);
}

static void become(const char *directory, const char *program, enum kind kind, int output) {
  int zero = open("/dev/null", O_RDONLY);
  // Children of a stage that went wrong must not go on for ever.
  const struct rlimit limit = {2, 2};
  if (chdir(directory) != 0 || setrlimit(RLIMIT_CPU, &limit) != 0) _exit(2);
  dup2(zero, 0);
  dup2(output, 1);
  dup2(output, 2);
  char *const environment[] = {NULL};
  if (kind == PROVIDER) become_provider(program);
  if (kind == ROM) {
    char *const words[] = {(char *)program, "fuses", "counter", "floors", "flash", "60", "-", "64902", "64902", NULL};
    execve(program, words, environment);
    _exit(2);
  }
  static char handoff[65536];
  int ends[2], source = open("handoff", O_RDONLY), flash = open("flash", O_RDONLY | O_DIRECTORY), counter;
  ssize_t count = read(source, handoff, sizeof handoff);
  if (count <= 0 || pipe(ends) != 0 || write(ends[1], handoff, (size_t)count) != count) _exit(2);
  counter = open("counter", O_RDWR | O_APPEND);
  int given[] = {fcntl(ends[0], F_DUPFD, 100), fcntl(flash, F_DUPFD, 101), fcntl(counter, F_DUPFD, 102)};
  if (close_range(3, 99, 0) != 0) _exit(2);
  for (int i = 0; i < 3; i++) dup2(given[i], 3 + i);
  if (close_range(6, ~0U, 0) != 0) _exit(2);
  char *const words[] = {(char *)program, NULL};
  execve(program, words, environment);
  _exit(2);
}

// Boots, and waits until nobody is left who could say anything; returns what was said.
static const char *boot(const char *directory, const char *program, enum kind kind) {
  static char said[4096];
  size_t count = 0;
  int ends[2], quiet = 0;
  if (pipe(ends) != 0) fail("pipe");
  pid_t process = fork();
  if (process < 0) fail("fork");
  if (process == 0) {
    close(ends[0]);
    become(directory, program, kind, ends[1]);
  }
  close(ends[1]);
  for (;;) {
    struct pollfd wanted = {.fd = ends[0], .events = POLLIN};
    int ready = poll(&wanted, 1, 20);
    if (ready == 0) {
      if (is_stuck(&quiet)) break;
      continue;
    }
    ssize_t got = read(ends[0], said + count, sizeof said - 1 - count);
    if (got <= 0) break;
    count += (size_t)got;
    quiet = 0;
    if (count == sizeof said - 1) break;
  }
  close(ends[0]);
  end_all();
  said[count] = '\0';
  restore();
  return said;
}

// Boots with nothing skipped, and notes which instructions are met.
static void trace(const char *directory, const char *program, enum kind kind, struct skip *skips, size_t count, int input) {
  unsigned long base = 0;
  int null = open("/dev/null", O_WRONLY);
  pid_t process = fork();
  if (process < 0) fail("fork");
  if (process == 0) {
    if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) _exit(2);
    become(directory, program, kind, null);
  }
  close(null);
  for (;;) {
    int status;
    pid_t stopped = waitpid(-1, &status, __WALL);
    if (stopped < 0) break;
    if (base == 0) {
      if (stopped != process || !WIFSTOPPED(status)) exit(2);
      if (ptrace(PTRACE_SETOPTIONS, process, 0, TRACE_OPTIONS) != 0) fail("ptrace");
      base = base_of(process, program);
      set_breakpoints(process, base, skips, count, 1);
      ptrace(PTRACE_CONT, process, 0, 0);
    } else {
      go_on(stopped, status, base, skips, count, input);
    }
  }
  restore();
}

static const char *last_line(const char *said) {
  static char line[256];
  size_t count = strlen(said);
  while (count > 0 && said[count - 1] == '\n') count--;
  size_t start = count;
  while (start > 0 && said[start - 1] != '\n') start--;
  snprintf(line, sizeof line, "%.*s", (int)(count - start), said + start);
  return line;
}

int main(int count, char **words) {
  if (count < 5) return 2;
  enum kind kind = strcmp(words[1], "rom") == 0 ? ROM : strcmp(words[1], "bootloader") == 0 ? BOOTLOADER : PROVIDER;
  const char *program = words[2];
  size_t skip_count;
  struct skip *skips = read_skips(words[3], &skip_count);
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) fail("prctl");
  for (int i = 4; i < count; i++) nftw(words[i], keep, 8, FTW_PHYS);
  for (int i = 4; i < count; i++) printf("as-it-is %s %s\n", words[i], last_line(boot(words[i], program, kind)));
  if (count - 4 > MOST_INPUTS || skip_count == 0) return skip_count == 0 ? 0 : 2;
  for (int i = 4; i < count; i++) trace(words[i], program, kind, skips, skip_count, i - 4);
  size_t met = 0, boots = 0;
  for (size_t n = 0; n < skip_count; n++) {
    const struct skip *skip = &skips[n];
    if (memchr(skip->met, 1, sizeof skip->met) == NULL) continue;
    met++;
    patch_file(program, skip, skip->skipped);
    for (int i = 4; i < count; i++) {
      if (!skip->met[i - 4]) continue;
      boots++;
      if (strstr(boot(words[i], program, kind), forbidden) != NULL) printf("ran %s %s\n", words[i], skip->name);
    }
    patch_file(program, skip, skip->original);
  }
  printf("skips %zu %zu %zu\n", skip_count, met, boots);
  return 0;
}
