// Starts programs as a careless boot chain would: from a memory file that everybody may read, with a secret in a pipe.
// It shows that attacker.c is quick enough to find such a stage open before its first instruction.
//
//   weak_stages MARKER COUNT USER
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PR_SET_PTRACER_ANY
#define PR_SET_PTRACER 0x59616d61
#define PR_SET_PTRACER_ANY (-1UL)
#endif

int main(int argc, char **argv) {
  if (argc < 4) {
    // A stage: it does at once what one can do against it.
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    char secret[32];
    return read(3, secret, sizeof secret) == sizeof secret && close(3) == 0 ? 0 : 1;
  }
  int own = open("/proc/self/exe", O_RDONLY), image = memfd_create("stage", 0), ends[2];
  struct stat status;
  if (fstat(own, &status) != 0 || sendfile(image, own, NULL, (size_t)status.st_size) != status.st_size) return 1;
  fchmod(image, 0755);
  uid_t user = (uid_t)atoi(argv[3]);
  for (int i = 0; i < atoi(argv[2]); i++) {
    if (pipe(ends) != 0 || write(ends[1], "thirty-two bytes of a secret!!!!", 32) != 32) return 1;
    pid_t stage = fork();
    if (stage == 0) {
      if (setresgid(user, user, user) != 0 || setresuid(user, user, user) != 0 || dup2(ends[0], 3) < 0) _exit(1);
      char *const arguments[] = {"weak stage", NULL}, *const environment[] = {NULL};
      syscall(SYS_execveat, image, "", arguments, environment, AT_EMPTY_PATH);
      _exit(1);
    }
    close(ends[0]);
    close(ends[1]);
    waitpid(stage, NULL, 0);
  }
  return 0;
}
