// A process outside the boot chain that leaves itself open to others of its user: it may be traced, has no capability
// more than a stage has, and holds a file open.
//
//   accomplice USER FILE      prints "ready" and lasts until its standard input ends
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PR_SET_PTRACER_ANY
#define PR_SET_PTRACER 0x59616d61
#define PR_SET_PTRACER_ANY (-1UL)
#endif

/// Something to find in its memory.
static volatile char secret[32] = "what an accomplice knows";

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  uid_t user = (uid_t)atoi(argv[1]);
  int file = open(argv[2], O_RDONLY);
  if (file < 0 || dup2(file, 3) < 0) return 1;
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
    prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  if (setresgid(user, user, user) != 0 || setresuid(user, user, user) != 0) return 1;
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};
  if (syscall(SYS_capset, &header, none) != 0) return 1;
  if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) return 1;
  (void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);  // only kernels with Yama know it
  printf("ready %p\n", (void *)secret);
  fflush(stdout);
  return getchar() == EOF ? 0 : 1;
}
