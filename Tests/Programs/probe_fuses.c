// Tries hard to read the fuses, from wherever it runs: as a stage of the boot chain (a static one, or a firmware), or
// outside as a control. It prints one line `reached: WAY` on standard error for each way that led there, and in the end
// how many ways it tried.
//
// Compiled with -DFUSES="…", their absolute path, and -DSCRATCH="…", a folder that everybody may write to: a decryptor gets
// no arguments. Processes that call themselves `accomplice` (accomplice.c) are attacked too.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_open_tree
#define SYS_open_tree 428
#define SYS_move_mount 429
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
enum { TREE_CLONE = 1, TREE_RECURSIVE = 0x8000, MOVE_FROM_EMPTY_PATH = 4 };

/// What every fuses file begins with (SPEC 1.2).
static const unsigned char label[] = {0xd9, 0xd9, 0xf7, 0xda, 0x48, 0x75, 0x73, 0x46};

/// The probe itself, and who started it.
static pid_t probe, parent;

static bool holds_fuses(int descriptor) {
  unsigned char start[sizeof label] = {0};
  bool found = descriptor >= 0 && pread(descriptor, start, sizeof start, 0) == sizeof start &&
               memcmp(start, label, sizeof label) == 0;
  if (descriptor >= 0) close(descriptor);
  return found;
}

static bool opens(const char *path) { return holds_fuses(open(path, O_RDONLY | O_NONBLOCK)); }

static const char *folder(void) {
  static char path[] = FUSES;
  return dirname(path);
}

static const char *file_name(void) { return strrchr(FUSES, '/') + 1; }

/// A new folder to mount to and write in; null if there can be none.
static char *new_folder(void) {
  static char path[sizeof SCRATCH "/XXXXXX"];
  strcpy(path, SCRATCH "/XXXXXX");
  return mkdtemp(path);
}

__attribute__((format(printf, 2, 3))) static const char *format(char buffer[4096], const char *text, ...) {
  va_list arguments;
  va_start(arguments, text);
  vsnprintf(buffer, 4096, text, arguments);
  va_end(arguments);
  return buffer;
}

/// Calls `way` for every process, or for the attackable ones, until it says yes.
static bool for_processes(bool all, bool (*way)(pid_t)) {
  DIR *processes = opendir("/proc");
  bool reached = false;
  for (struct dirent *entry; processes != NULL && !reached && (entry = readdir(processes)) != NULL;) {
    pid_t process = atoi(entry->d_name);
    if (process <= 0 || process == probe || process == getpid()) continue;
    if (!all && process != parent) {
      char path[4096], name[16] = {0};
      int file = open(format(path, "/proc/%d/cmdline", process), O_RDONLY);
      bool is_accomplice = file >= 0 && read(file, name, sizeof name - 1) > 0 && strcmp(name, "accomplice") == 0;
      if (file >= 0) close(file);
      if (!is_accomplice) continue;
    }
    reached = way(process);
  }
  if (processes != NULL) closedir(processes);
  return reached;
}

// Paths.

static bool by_path(void) { return opens(FUSES); }

static bool by_other_spelling(void) {
  char path[4096];
  return opens(format(path, "//%s/.//./%s", folder(), file_name())) ||
         opens(format(path, "/proc/self/root%s", FUSES)) || opens(format(path, "/proc/thread-self/root/%s", FUSES));
}

static bool by_folder(void) {
  int place = open(folder(), O_RDONLY | O_DIRECTORY);
  bool reached = place >= 0 && holds_fuses(openat(place, file_name(), O_RDONLY));
  return reached || (chdir(folder()) == 0 && opens(file_name()));
}

static bool by_reopening(void) {
  char path[4096];
  int place = open(FUSES, O_PATH);
  return place >= 0 && opens(format(path, "/proc/self/fd/%d", place));
}

static bool by_symbolic_link(void) {
  char path[4096];
  const char *place = new_folder();
  return place != NULL && symlink(FUSES, format(path, "%s/link", place)) == 0 && opens(path);
}

static bool by_hard_link(void) {
  char path[4096], from[4096];
  format(path, "%s/link", folder());
  bool reached = link(FUSES, path) == 0 && opens(path);
  int file = open(FUSES, O_PATH);
  reached = reached || (file >= 0 &&
                        linkat(AT_FDCWD, format(from, "/proc/self/fd/%d", file), AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0 &&
                        opens(path));
  unlink(path);
  return reached;
}

static bool by_renaming(void) {
  char path[4096];
  if (rename(FUSES, format(path, "%s/renamed", folder())) == 0) {
    bool reached = opens(path);
    return rename(path, FUSES) == 0 && reached;
  }
  format(path, "%s.renamed", folder());
  if (rename(folder(), path) != 0) return false;
  char file[8192];
  snprintf(file, sizeof file, "%s/%s", path, file_name());
  bool reached = opens(file);
  return rename(path, folder()) == 0 && reached;
}

static bool by_file_handle(void) {
  union {
    struct file_handle handle;
    char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
  } name;
  int mount_id, root = open("/", O_RDONLY);
  name.handle.handle_bytes = MAX_HANDLE_SZ;
  // A handle of the folder, and from there on by name: the file's own name leads to the cover.
  if (name_to_handle_at(AT_FDCWD, folder(), &name.handle, &mount_id, 0) != 0) return false;
  int place = open_by_handle_at(root, &name.handle, O_RDONLY);
  return place >= 0 && holds_fuses(openat(place, file_name(), O_RDONLY));
}

static bool by_new_root(void) {
  char path[4096];
  return chroot(folder()) == 0 && opens(format(path, "/%s", file_name()));
}

// Descriptors that came from outside.

static bool by_inherited_descriptors(void) {
  char path[8192] = "";
  for (int i = 0; i < 32; i++) strcat(path, "../");
  strcat(path, FUSES);
  for (int descriptor = 0; descriptor < 64; descriptor++) {
    if (holds_fuses(openat(descriptor, path, O_RDONLY))) return true;
    if (fchdir(descriptor) == 0 && opens(path)) return true;
    if (fcntl(descriptor, F_GETFD) >= 0 && holds_fuses(dup(descriptor))) return true;
  }
  return opens(path);
}

// Other processes.

static bool root_of(pid_t process) {
  char path[4096];
  return opens(format(path, "/proc/%d/root%s", process, FUSES));
}

static bool by_roots_of_processes(void) { return for_processes(true, root_of); }

static bool working_folder_of(pid_t process) {
  char path[4096];
  int place = open(format(path, "/proc/%d/cwd", process), O_RDONLY | O_DIRECTORY);
  return place >= 0 && fchdir(place) == 0 && opens(format(path, "../../../../../../../../../../../../%s", FUSES));
}

static bool by_working_folders_of_processes(void) { return for_processes(true, working_folder_of); }

static bool descriptors_of(pid_t process) {
  char path[4096];
  bool reached = false;
  DIR *descriptors = opendir(format(path, "/proc/%d/fd", process));
  for (struct dirent *entry; descriptors != NULL && !reached && (entry = readdir(descriptors)) != NULL;)
    reached = opens(format(path, "/proc/%d/fd/%s", process, entry->d_name));
  if (descriptors != NULL) closedir(descriptors);
  return reached;
}

static bool by_descriptors_of_processes(void) { return for_processes(true, descriptors_of); }

static bool namespace_of(pid_t process) {
  char path[4096];
  int space = open(format(path, "/proc/%d/ns/mnt", process), O_RDONLY);
  if (space >= 0 && setns(space, CLONE_NEWNS) == 0 && opens(FUSES)) return true;
  space = (int)syscall(SYS_pidfd_open, process, 0);
  return space >= 0 && setns(space, CLONE_NEWNS) == 0 && opens(FUSES);
}

static bool by_mount_namespaces_of_processes(void) { return for_processes(true, namespace_of); }

static bool traceable(pid_t process) { return ptrace(PTRACE_SEIZE, process, NULL, NULL) == 0; }

static bool by_tracing(void) { return for_processes(false, traceable); }

static bool memory_of(pid_t process) {
  char path[4096];
  int memory = open(format(path, "/proc/%d/mem", process), O_RDWR);
  if (memory >= 0) return true;
  // Any address does: one that isn't mapped is another error (EFAULT) than one that may not be read (EPERM).
  char byte;
  struct iovec here = {&byte, 1}, there = {(void *)4096, 1};
  return process_vm_readv(process, &here, 1, &there, 1, 0) == 1 || errno == EFAULT;
}

static bool by_memory_of_processes(void) { return for_processes(false, memory_of); }

static bool stealing_from(pid_t process) {
  int handle = (int)syscall(SYS_pidfd_open, process, 0);
  for (int descriptor = 0; handle >= 0 && descriptor < 32; descriptor++)
    if (syscall(SYS_pidfd_getfd, handle, descriptor, 0) >= 0) return true;
  return false;
}

static bool by_stealing_descriptors(void) { return for_processes(false, stealing_from); }

// Mounts.

static bool by_unmounting(void) {
  return (umount2(FUSES, 0) == 0 || umount2(FUSES, MNT_DETACH) == 0 || umount2(FUSES, MNT_FORCE) == 0) && opens(FUSES);
}

static bool by_binding_folder(void) {
  char path[4096];
  const char *place = new_folder();
  return place != NULL && mount(folder(), place, NULL, MS_BIND, NULL) == 0 &&
         opens(format(path, "%s/%s", place, file_name()));
}

static bool by_binding_root(void) {
  char path[4096];
  const char *place = new_folder();
  return place != NULL && mount("/", place, NULL, MS_BIND, NULL) == 0 && opens(format(path, "%s%s", place, FUSES));
}

static bool by_moving_cover(void) {
  char path[4096];
  const char *place = new_folder();
  if (place == NULL) return false;
  int file = open(format(path, "%s/file", place), O_CREAT | O_WRONLY, 0600);
  return file >= 0 && mount(FUSES, path, NULL, MS_MOVE, NULL) == 0 && opens(FUSES);
}

static bool by_copying_mounts(void) {
  int tree = (int)syscall(SYS_open_tree, AT_FDCWD, folder(), TREE_CLONE);
  if (tree >= 0 && holds_fuses(openat(tree, file_name(), O_RDONLY))) return true;
  const char *place = new_folder();
  char path[4096];
  return tree >= 0 && place != NULL &&
         syscall(SYS_move_mount, tree, "", AT_FDCWD, place, MOVE_FROM_EMPTY_PATH) == 0 &&
         opens(format(path, "%s/%s", place, file_name()));
}

static bool by_overlaying(void) {
  char options[8192], path[4096];
  const char *place = new_folder();
  if (place == NULL) return false;
  snprintf(options, sizeof options, "lowerdir=%s:%s", folder(), "/proc/self");
  return mount("overlay", place, "overlay", 0, options) == 0 && opens(format(path, "%s/%s", place, file_name()));
}

/// Other places where the file system with the fuses is mounted, according to /proc/self/mountinfo.
static bool by_other_mounts(void) {
  char line[8192], place[4096], path[8192];
  FILE *mounts = fopen("/proc/self/mountinfo", "r");
  bool reached = false;
  while (mounts != NULL && !reached && fgets(line, sizeof line, mounts) != NULL) {
    if (sscanf(line, "%*d %*d %*s %*s %4095s", place) != 1) continue;
    for (const char *rest = FUSES; !reached && rest != NULL; rest = strchr(rest + 1, '/')) {
      snprintf(path, sizeof path, "%s%s", place, rest);
      reached = opens(path);
    }
  }
  if (mounts != NULL) fclose(mounts);
  return reached;
}

static bool by_device_node(void) {
  struct stat status;
  char path[4096];
  const char *place = new_folder();
  if (place == NULL || stat(folder(), &status) != 0) return false;
  return mknod(format(path, "%s/disk", place), S_IFBLK | 0600, status.st_dev) == 0 && open(path, O_RDONLY) >= 0;
}

// More rights first.

static void gain_namespace(void) {
  int written = -1;
  char own_user[64], own_group[64];
  snprintf(own_user, sizeof own_user, "0 %u 1", getuid());
  snprintf(own_group, sizeof own_group, "0 %u 1", getgid());
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return;
  const char *files[] = {"/proc/self/setgroups", "deny", "/proc/self/uid_map", own_user, "/proc/self/gid_map", own_group};
  for (int i = 0; i < 6; i += 2) {
    written = open(files[i], O_WRONLY);
    if (written >= 0 && write(written, files[i + 1], strlen(files[i + 1])) < 0) errno = 0;
    if (written >= 0) close(written);
  }
}

static bool by_user_namespace(void) {
  bool (*const ways[])(void) = {by_unmounting,   by_binding_folder, by_binding_root, by_copying_mounts,
                                by_moving_cover, by_overlaying,     by_new_root};
  gain_namespace();
  for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
    if (ways[i]()) return true;
  return false;
}

/// A program that root executes has all capabilities that it is allowed.
static bool by_executing(void) {
  int ends[2];
  if (pipe(ends) != 0) return false;
  if (fork() == 0) {
    dup2(ends[1], 1);
    execl("/bin/sh", "sh", "-c", "umount \"$0\" 2>&-; cat \"$0\" 2>&-", FUSES, NULL);
    _exit(127);
  }
  close(ends[1]);
  unsigned char start[sizeof label] = {0};
  return read(ends[0], start, sizeof start) == sizeof start && memcmp(start, label, sizeof label) == 0;
}

/// A firmware's id can't be changed; the bootloader may become who it likes.
static bool by_becoming_root(void) { return setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0 && by_executing(); }

static const struct {
  const char *name;
  bool (*reaches)(void);
} ways[] = {
    {"path", by_path},
    {"other spelling", by_other_spelling},
    {"folder", by_folder},
    {"reopening", by_reopening},
    {"symbolic link", by_symbolic_link},
    {"hard link", by_hard_link},
    {"renaming", by_renaming},
    {"file handle", by_file_handle},
    {"new root", by_new_root},
    {"inherited descriptors", by_inherited_descriptors},
    {"roots of processes", by_roots_of_processes},
    {"working folders of processes", by_working_folders_of_processes},
    {"descriptors of processes", by_descriptors_of_processes},
    {"mount namespaces of processes", by_mount_namespaces_of_processes},
    {"tracing", by_tracing},
    {"memory of processes", by_memory_of_processes},
    {"stealing descriptors", by_stealing_descriptors},
    {"unmounting", by_unmounting},
    {"binding the folder", by_binding_folder},
    {"binding the root", by_binding_root},
    {"moving the cover", by_moving_cover},
    {"copying mounts", by_copying_mounts},
    {"overlaying", by_overlaying},
    {"other mounts", by_other_mounts},
    {"device node", by_device_node},
    {"user namespace", by_user_namespace},
    {"executing", by_executing},
    {"becoming root", by_becoming_root},
};

int main(void) {
  enum { COUNT = sizeof ways / sizeof ways[0] };
  probe = getpid();
  parent = getppid();
  int reached = 0;
  for (int i = 0; i < COUNT; i++) {
    pid_t child = fork();
    if (child == 0) {
      // Where it is possible at all, a way's changes of mounts must not open the next.
      if (unshare(CLONE_NEWNS) == 0) mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
      _exit(ways[i].reaches() ? 1 : 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) > 1) dprintf(2, "failed: %s\n", ways[i].name);
    if (!WIFEXITED(status) || WEXITSTATUS(status) == 0) continue;
    dprintf(2, "reached: %s\n", ways[i].name);
    reached++;
  }
  dprintf(2, "probe: %d ways tried, %d reached as user %u\n", COUNT, reached, getuid());
  return 0;
}
