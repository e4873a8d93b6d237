// A client of the decryptor that wants to be in a core file as completely as it can: it makes itself dumpable, asks the
// kernel for every kind of memory, and loads one module plainly and one through Husk.
//
//   core_client abort MODULE PLAIN     then ends with a core
//   core_client wait MODULE PLAIN      then says "ready" and waits until its standard input ends
#include <dlfcn.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "firmware.h"

/// Memory of its own, to be found in the core.
static char own[64];

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
  printf("core limit: %s\n", setrlimit(RLIMIT_CORE, &limit) == 0 ? "raised" : "stays");
  if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) fail("not dumpable");
  int filter = open("/proc/self/coredump_filter", O_WRONLY);
  if (filter < 0 || write(filter, "0x7f", 4) != 4) fail("no filter: %s", strerror(errno));

  void *plain = dlopen(argv[3], RTLD_NOW | RTLD_LOCAL);
  if (plain == NULL) fail("%s", dlerror());
  husk_module *module = load(open_device(), argv[2], NULL);
  const char *(*say)(void);
  find(module, "canary", &say);
  if (say()[0] == '\0') fail("the module says nothing");
  snprintf(own, sizeof own, "%s-%s", "client's", "canary");
  printf("dumpable: %d\n", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
  if (strcmp(argv[1], "abort") == 0) {
    fflush(stdout);
    abort();
  }
  printf("ready\n");
  fflush(stdout);
  return getchar() == EOF ? 0 : 1;
}
