// A firmware that uses a module store, and says what came of each of its words:
//
//   install FILE            from its first byte to its last
//   pieces SIZE FILE        in pieces of SIZE bytes
//   pipe FILE               through a pipe
//   break COUNT FILE        COUNT bytes of it, and no more
//   resume NAME FILE        from where it broke off; NAME is the module's or the stage's
//   check FILE              only asks
//   load NAME, test NAME RESULT
//                           with a self-test that returns RESULT
//   confirm                 the module that was loaded last
//   unload
//   modules, usage, history NAME
//   reopen                  the store
//   second                  opens it a second time
//   kill                    ends at once
#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "firmware.h"

static husk_device *device;
static husk_store *store;
static husk_module *module;

static void say_file(const char *what, husk_status status, const husk_file_info *info) {
  printf("%s: %d", what, (int)status);
  if (status == HUSK_OK)
    printf(" %s %s %u.%u.%u epoch %llu number %llu", info->role, info->name, info->version[0], info->version[1],
           info->version[2], (unsigned long long)info->epoch, (unsigned long long)info->number);
  printf("\n");
}

static int open_file(const char *path) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) fail("%s: %s", path, strerror(errno));
  return file;
}

static void command_install(const char *path) {
  husk_file_info info = HUSK_FILE_INFO_INIT;
  int file = open_file(path);
  say_file("install", husk_install_fd(store, file, NULL, &info), &info);
  close(file);
}

// Ends with the first failure, which is returned.
static husk_status give(husk_install *install, int file, size_t size, size_t most) {
  char *buffer = malloc(size);
  husk_status status = HUSK_OK;
  while (status == HUSK_OK && most > 0) {
    ssize_t count = read(file, buffer, size < most ? size : most);
    if (count <= 0) break;
    status = husk_install_write(install, buffer, (size_t)count);
    most -= (size_t)count;
  }
  free(buffer);
  return status;
}

static void command_pieces(const char *size, const char *path) {
  husk_file_info info = HUSK_FILE_INFO_INIT;
  husk_install *install;
  int file = open_file(path);
  husk_status status = husk_install_begin(store, NULL, NULL, &install);
  if (status == HUSK_OK) status = give(install, file, strtoul(size, NULL, 10), SIZE_MAX);
  if (status == HUSK_OK) status = husk_install_finish(install, &info);
  say_file("install", status, &info);
  husk_install_close(install);
  close(file);
}

static void command_pipe(const char *path) {
  int ends[2], file = open_file(path);
  if (pipe2(ends, O_CLOEXEC) != 0) fail("no pipe");
  pid_t writer = fork();
  if (writer == 0) {
    char buffer[777];
    for (ssize_t count; (count = read(file, buffer, sizeof buffer)) > 0;)
      if (write(ends[1], buffer, (size_t)count) != count) _exit(1);
    _exit(0);
  }
  close(ends[1]);
  close(file);
  husk_file_info info = HUSK_FILE_INFO_INIT;
  say_file("install", husk_install_fd(store, ends[0], NULL, &info), &info);
  close(ends[0]);
  waitpid(writer, NULL, 0);
}

static void command_break(const char *count, const char *path) {
  husk_install *install;
  int file = open_file(path);
  husk_status status = husk_install_begin(store, NULL, NULL, &install);
  if (status == HUSK_OK) status = give(install, file, 65536, strtoul(count, NULL, 10));
  printf("break: %d\n", (int)status);
  husk_install_close(install);
  close(file);
}

static int print_progress(void *user, uint64_t done, uint64_t total) {
  (void)user;
  if (done > total) fail("progress beyond the end");
  return 0;
}

static void command_resume(const char *name, const char *path) {
  husk_install_options options = HUSK_INSTALL_OPTIONS_INIT;
  options.resume = name;
  options.progress = print_progress;
  husk_file_info info = HUSK_FILE_INFO_INIT;
  husk_install *install;
  uint64_t offset = 77;
  int file = open_file(path);
  husk_status status = husk_install_begin(store, &options, &offset, &install);
  printf("from %llu\n", (unsigned long long)offset);
  if (lseek(file, (off_t)offset, SEEK_SET) < 0) fail("no such place");
  if (status == HUSK_OK) status = give(install, file, 65536, SIZE_MAX);
  if (status == HUSK_OK) status = husk_install_finish(install, &info);
  say_file("install", status, &info);
  husk_install_close(install);
  close(file);
}

static void command_check(const char *path) {
  husk_file_info info = HUSK_FILE_INFO_INIT;
  int file = open_file(path);
  say_file("check", husk_check_fd(device, file, print_progress, NULL, &info), &info);
  close(file);
}

static int self_test(void *user, husk_module *tested) {
  int (*function)(void);
  find(tested, "answer", &function);
  return function() > 0 ? atoi(user) : -1;
}

static void command_load(const char *name, char *result) {
  husk_load_options options = HUSK_LOAD_OPTIONS_INIT;
  if (result != NULL) options.self_test = self_test, options.self_test_user = result;
  husk_status status = husk_load_installed(store, name, &options, &module);
  printf("load: %d", (int)status);
  if (status == HUSK_OK) {
    husk_module_info info = HUSK_MODULE_INFO_INIT;
    if (husk_module_get_info(module, &info) != HUSK_OK) fail("no info");
    printf(" %u.%u.%u%s", info.version[0], info.version[1], info.version[2],
           info.flags & HUSK_MODULE_ON_TRIAL ? " on trial" : "");
  }
  printf("\n");
}

static void command_modules(void) {
  husk_stored_module modules[8] = {HUSK_STORED_MODULE_INIT};
  size_t count;
  husk_status status = husk_store_modules(store, modules, 8, &count);
  if (status != HUSK_OK) fail("modules: %d", (int)status);
  for (size_t i = 0; i < count; i++) {
    printf("%s", modules[i].name);
    if (modules[i].flags & HUSK_STORED_GOOD)
      printf(" good %u.%u.%u", modules[i].version[0], modules[i].version[1], modules[i].version[2]);
    if (modules[i].flags & HUSK_STORED_ON_TRIAL)
      printf(" trial %u.%u.%u, %u left", modules[i].trial_version[0], modules[i].trial_version[1],
             modules[i].trial_version[2], modules[i].tries_left);
    printf(" packages %llu received %llu\n", (unsigned long long)modules[i].packages,
           (unsigned long long)modules[i].received);
  }
}

static void command_usage(void) {
  husk_usage usage = HUSK_USAGE_INIT;
  husk_status status = husk_store_usage(store, &usage);
  printf("usage: %d modules %llu staged %llu received %llu records %llu, some free: %s\n", (int)status,
         (unsigned long long)usage.modules, (unsigned long long)usage.staged, (unsigned long long)usage.received,
         (unsigned long long)usage.records, usage.free > 0 ? "yes" : "no");
}

static void command_history(const char *name) {
  husk_event events[HUSK_HISTORY_MAX] = {HUSK_EVENT_INIT};
  size_t count;
  husk_status status = husk_store_history(store, name, events, HUSK_HISTORY_MAX, &count);
  if (status != HUSK_OK) fail("history: %d", (int)status);
  for (size_t i = 0; i < count; i++)
    printf("%llu: %u.%u.%u %s %llu\n", (unsigned long long)events[i].run, events[i].version[0], events[i].version[1],
           events[i].version[2], husk_event_string(events[i].kind), (unsigned long long)events[i].detail);
}

static void open_store(void) {
  husk_status status = husk_store_open(device, HUSK_INHERITED_FLASH, &store);
  if (status != HUSK_OK) fail("store: %d", (int)status);
}

static void print_message(void *user, int32_t level, const char *message) {
  (void)user;
  printf("%s: %s\n", level == HUSK_LOG_ERROR ? "error" : "warning", message);
}

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  husk_open_options options = HUSK_OPEN_OPTIONS_INIT;
  options.log = print_message;
  if (husk_open(HUSK_INHERITED_SOCKET, &options, &device) != HUSK_OK) fail("no decryptor");
  open_store();
  for (int i = 1; i < argc;) {
    const char *word = argv[i++];
#define NEXT (i < argc ? argv[i++] : (fail("%s needs more", word), (char *)NULL))
    if (strcmp(word, "install") == 0) command_install(NEXT);
    else if (strcmp(word, "pieces") == 0) { char *size = NEXT; command_pieces(size, NEXT); }
    else if (strcmp(word, "pipe") == 0) command_pipe(NEXT);
    else if (strcmp(word, "break") == 0) { char *count = NEXT; command_break(count, NEXT); }
    else if (strcmp(word, "resume") == 0) { char *name = NEXT; command_resume(name, NEXT); }
    else if (strcmp(word, "check") == 0) command_check(NEXT);
    else if (strcmp(word, "load") == 0) command_load(NEXT, NULL);
    else if (strcmp(word, "test") == 0) { char *name = NEXT; command_load(name, NEXT); }
    else if (strcmp(word, "confirm") == 0) printf("confirm: %d\n", (int)husk_module_confirm(store, module));
    else if (strcmp(word, "unload") == 0) { husk_unload(module); module = NULL; }
    else if (strcmp(word, "modules") == 0) command_modules();
    else if (strcmp(word, "usage") == 0) command_usage();
    else if (strcmp(word, "history") == 0) command_history(NEXT);
    else if (strcmp(word, "second") == 0) {
      husk_store *second;
      printf("second: %d\n", (int)husk_store_open(device, HUSK_INHERITED_FLASH, &second));
    }
    else if (strcmp(word, "kill") == 0) kill(getpid(), SIGKILL);
    else if (strcmp(word, "reopen") == 0) { husk_store_close(store); open_store(); }
    else fail("no command %s", word);
  }
  husk_unload(module);
  husk_store_close(store);
  husk_close(device);
  return 0;
}
