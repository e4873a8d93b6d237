#define _GNU_SOURCE
#include "linux_linker.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void linux_lock(void) { pthread_mutex_lock(&lock); }

void linux_unlock(void) { pthread_mutex_unlock(&lock); }

void *linux_dlopen(const char *path) { return dlopen(path, RTLD_NOW | RTLD_LOCAL); }

const char *linux_dlerror(void) {
  const char *text = dlerror();
  return text != NULL ? text : "no reason given";
}

void linux_dlclose(void *handle) { dlclose(handle); }

void *linux_dlsym(void *handle, const char *name) { return dlsym(handle, name); }

// The address of an object's link map serves as its number.
uintptr_t linux_object_number(void *handle) {
  struct link_map *map = NULL;
  return dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 ? (uintptr_t)map : 0;
}

uintptr_t linux_loaded_object(const char *soname) {
  void *handle = dlopen(soname, RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD);
  if (handle == NULL) return 0;
  uintptr_t number = linux_object_number(handle);
  dlclose(handle);
  return number;
}

static int exists(const char *directory, const char *soname) {
  char path[4096];
  int length = snprintf(path, sizeof path, "%s/%s", directory, soname);
  return length > 0 && (size_t)length < sizeof path && access(path, F_OK) == 0;
}

static int in_search_directories(const char *soname) {
  int found = 0;
  void *program = dlopen(NULL, RTLD_LAZY | RTLD_LOCAL);
  if (program == NULL) return 1;  // can't tell: assume the worst
  Dl_serinfo size;
  Dl_serinfo *directories = NULL;
  if (dlinfo(program, RTLD_DI_SERINFOSIZE, &size) == 0) directories = malloc(size.dls_size);
  if (directories != NULL) {
    directories->dls_size = size.dls_size;
    directories->dls_cnt = size.dls_cnt;
    if (dlinfo(program, RTLD_DI_SERINFO, directories) == 0) {
      for (unsigned int i = 0; i < directories->dls_cnt && !found; i++) {
        found = exists(directories->dls_serpath[i].dls_name, soname);
      }
    }
    free(directories);
  }
  dlclose(program);
  return found;
}

// The cache's strings end in NULs, and one that ends another is stored in that other: a name is nearly always the end of
// its library's path.
static int in_cache(const char *soname) {
  int found = 0;
  int fd = open("/etc/ld.so.cache", O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (fd < 0) return 0;
  if (fstat(fd, &status) == 0 && status.st_size > 0) {
    size_t size = (size_t)status.st_size;
    char *bytes = malloc(size);
    if (bytes != NULL && pread(fd, bytes, size, 0) == (ssize_t)size) {
      size_t length = strlen(soname);
      for (char *at = bytes; !found && (at = memmem(at, size - (size_t)(at - bytes), soname, length + 1)); at++) {
        found = at > bytes && (at[-1] == '\0' || at[-1] == '/');
      }
    }
    free(bytes);
  }
  close(fd);
  return found;
}

int linux_linker_would_find(const char *soname) {
  if (strchr(soname, '/') != NULL) return access(soname, F_OK) == 0;
  return in_search_directories(soname) || in_cache(soname);
}
