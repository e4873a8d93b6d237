// Firmware that looks around on a board, in one boot: each word of the command line is one thing to do, in order.
//
//   kernel        what the kernel offers
//   decryptor     how the decryptor's process is confined, as far as everybody may see
//   first         what may be done to the first process and to the serial lines
//   protections   what libhusk says of all protections
//   load=NAME     loads an installed module and says which status came of it
//   lz4=NAME      loads liblz4, which is installed, and compresses the file `input` of the working directory with it
//   exit=NUMBER   ends with that status
//   signal=NUMBER ends by that signal
#include <dirent.h>
#include <linux/landlock.h>
#include <lz4.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "firmware.h"

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

// One session for all: the decryptor ends with it.
static husk_device *device(void) {
  static husk_device *opened;
  if (opened == NULL) opened = open_device();
  return opened;
}

static husk_store *store(void) {
  static husk_store *opened;
  if (opened != NULL) return opened;
  husk_status status = husk_store_open(device(), HUSK_INHERITED_FLASH, &opened);
  if (status != HUSK_OK) fail("husk_store_open: %s", husk_status_string(status));
  return opened;
}

static const char *result(long outcome) { return outcome >= 0 ? "yes" : strerror(errno); }

static void tell_kernel(void) {
  struct utsname name;
  uname(&name);
  printf("kernel %.4s %s\n", name.release, name.machine);
  printf("memfd_secret: %s\n", result(syscall(SYS_memfd_secret, 0)));
  printf("MFD_NOEXEC_SEAL: %s\n", result(syscall(SYS_memfd_create, "test", 8)));
  printf("Landlock: %s\n", result(syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION)));
  printf("protection keys: %s\n", result(syscall(SYS_pkey_alloc, 0, 0)));
}

// Prints the lines of a process's status that tell how it is confined.
static void print_confinement(FILE *status) {
  static const char *const told[] = {"Uid:", "Gid:", "Groups:", "CapPrm:", "CapEff:", "CapBnd:", "NoNewPrivs:", "Seccomp:"};
  char line[256];
  while (fgets(line, sizeof line, status) != NULL)
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
      if (strncmp(line, told[i], strlen(told[i])) == 0) fputs(line, stdout);
}

static FILE *open_status(const char *process) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%.16s/status", process);
  return fopen(path, "r");
}

static void tell_decryptor(void) {
  device();  // once it answers, it is confined
  DIR *processes = opendir("/proc");
  struct dirent *entry;
  int found = 0;
  while (!found && (entry = readdir(processes)) != NULL) {
    FILE *status = open_status(entry->d_name);
    char text[4096] = "";
    if (status == NULL) continue;
    text[fread(text, 1, sizeof text - 1, status)] = '\0';
    rewind(status);
    found = strstr(text, "\nUid:\t64901\t") != NULL;
    if (found) print_confinement(status);
    fclose(status);
  }
  closedir(processes);
}

static void try_open(const char *path, int flags) { printf("open %s: %s\n", path, result(open(path, flags))); }

static void tell_first(void) {
  FILE *status = open_status("1");
  if (status == NULL) fail("/proc/1/status: %s", strerror(errno));
  print_confinement(status);
  fclose(status);
  printf("kill 1: %s\n", result(kill(1, SIGKILL)));
  try_open("/proc/1/mem", O_RDONLY);
  try_open("/proc/1/root/fuses/fuses", O_RDONLY);
  try_open("/fuses/fuses", O_RDONLY);
  try_open("/board/status", O_WRONLY);
  try_open("/board/stdout", O_WRONLY);
}

static void tell_protections(void) {
  static const char *const states[] = {"inactive", "active", "unknown"};
  husk_protection list[HUSK_PROTECTIONS_MAX] = {HUSK_PROTECTION_INIT};
  size_t count;
  husk_status status = husk_protections(device(), list, HUSK_PROTECTIONS_MAX, &count);
  if (status != HUSK_OK) fail("husk_protections: %s", husk_status_string(status));
  for (size_t i = 0; i < count; i++)
    printf("%u %s %s %llu%s%s\n", list[i].number, list[i].name, states[list[i].state],
           (unsigned long long)list[i].detail, *list[i].why ? ": " : "", list[i].why);
}

static void tell_load(const char *name) {
  husk_module *module;
  husk_status status = husk_load_installed(store(), name, NULL, &module);
  printf("load %s: %d\n", name, status);
}

// Whether the code at an address lies in a memory file.
static const char *origin(const void *code) {
  static char line[512];
  FILE *maps = fopen("/proc/self/maps", "r");
  while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
    unsigned long start, end;
    if (sscanf(line, "%lx-%lx", &start, &end) != 2) continue;
    if ((unsigned long)code < start || (unsigned long)code >= end) continue;
    return strstr(line, "/memfd:") != NULL ? "memory" : "a file";
  }
  return "nowhere";
}

static void use_lz4(const char *name) {
  husk_module *module;
  husk_status status = husk_load_installed(store(), name, NULL, &module);
  if (status != HUSK_OK) fail("loading %s: %s", name, husk_status_string(status));
  __typeof__(LZ4_versionString) *version;
  __typeof__(LZ4_compress_default) *compress;
  __typeof__(LZ4_decompress_safe) *decompress;
  find(module, "LZ4_versionString", &version);
  find(module, "LZ4_compress_default", &compress);
  find(module, "LZ4_decompress_safe", &decompress);
  static char input[1 << 20], compressed[LZ4_COMPRESSBOUND(sizeof input)], output[sizeof input];
  FILE *file = fopen("input", "rb");
  int count = file == NULL ? 0 : (int)fread(input, 1, sizeof input, file);
  int size = compress(input, compressed, count, sizeof compressed);
  if (decompress(compressed, output, size, sizeof output) != count || memcmp(input, output, (size_t)count) != 0)
    fail("it isn't what went in");
  printf("lz4 %s from %s: %d bytes, %d compressed, and back\n", version(), origin((void *)(uintptr_t)compress), count, size);
  husk_unload(module);
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*run)(void);
  } looks[] = {{"kernel", tell_kernel}, {"decryptor", tell_decryptor}, {"first", tell_first}, {"protections", tell_protections}};
  for (int i = 1; i < argc; i++) {
    char *word = strdup(argv[i]), *value = strchr(word, '=');
    if (value != NULL) *value++ = '\0';
    for (size_t k = 0; k < sizeof looks / sizeof looks[0]; k++)
      if (strcmp(word, looks[k].name) == 0) looks[k].run();
    if (value != NULL && strcmp(word, "load") == 0) tell_load(value);
    if (value != NULL && strcmp(word, "lz4") == 0) use_lz4(value);
    fflush(stdout);
    if (value != NULL && strcmp(word, "exit") == 0) return atoi(value);
    if (value != NULL && strcmp(word, "signal") == 0) raise(atoi(value));
    free(word);
  }
  return 0;
}
