/*
 * load.c - a firmware that measures loading (section "load" of scripts/bench.sh).
 *
 *   load boot                        prints the time of CLOCK_MONOTONIC at which its main began
 *   load times ROUNDS NAME           prints "ready", and when a line comes in loads the module so often
 *   load ROUNDS FOLDER NAME...
 *
 * In the last form, for each module NAME, FOLDER has what it is made of: NAME.so, the original, and NAME.lz4, its LZ4 frame. Loads it from
 * flash as any firmware does and, in turns with that, does what the load can't do without, one thing after the other:
 * read the package, SHA-256 of it, AES-256-GCM of as many bytes in chunks of 16 KiB, decode the frame, fill a memory
 * file, dlopen the original. Prints for each module, in seconds, the best of the rounds: others may be at work too.
 *
 *   NAME first warm plain read sha256 gcm lz4 fill
 *
 * "first" is the load of the first round, whose certificates the decryptor hasn't seen before.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <husk.h>
#include <lz4frame.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SOCKET = HUSK_INHERITED_SOCKET, FLASH = 4, CHUNK = 16384, TAG = 16, FILL = 262144 };

static void require(bool condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "load: %s failed\n", what);
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

typedef struct {
  unsigned char *bytes;
  size_t size;
} buffer;

static buffer read_file(int folder, const char *path) {
  const int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
  struct stat status;
  require(fd >= 0 && fstat(fd, &status) == 0, path);
  buffer file = {malloc((size_t)status.st_size), (size_t)status.st_size};
  require(file.bytes != NULL, "malloc");
  for (size_t done = 0; done < file.size;) {
    const ssize_t got = pread(fd, file.bytes + done, file.size - done, (off_t)done);
    require(got > 0, path);
    done += (size_t)got;
  }
  close(fd);
  return file;
}

static void hash(buffer file) {
  unsigned char digest[32];
  require(EVP_Digest(file.bytes, file.size, digest, NULL, EVP_sha256(), NULL) == 1, "SHA-256");
}

/* What opening costs doesn't depend on what is opened: the tags are wrong, and nobody looks. */
static void decrypt(buffer file) {
  static const unsigned char key[32], nonce[12];
  static unsigned char chunk[CHUNK];
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
  require(context != NULL && EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1, "AES-GCM");
  for (size_t start = 0; start < file.size; start += CHUNK + TAG) {
    const size_t left = file.size - start;
    const int size = (int)(left < CHUNK ? left : CHUNK);
    int written;
    require(EVP_DecryptInit_ex(context, NULL, NULL, NULL, nonce) == 1, "AES-GCM");
    require(EVP_DecryptUpdate(context, chunk, &written, file.bytes + start, size) == 1, "AES-GCM");
  }
  EVP_CIPHER_CTX_free(context);
}

static void decompress(buffer frame, buffer module) {
  LZ4F_dctx *context;
  require(!LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)), "LZ4");
  size_t in = frame.size, out = module.size;
  const size_t result = LZ4F_decompress(context, module.bytes, &out, frame.bytes, &in, NULL);
  require(result == 0 && out == module.size, "LZ4");
  LZ4F_freeDecompressionContext(context);
}

static void fill(buffer module) {
  const int fd = memfd_create("fill", MFD_CLOEXEC);
  require(fd >= 0, "memfd_create");
  for (size_t start = 0; start < module.size; start += FILL) {
    const size_t left = module.size - start, size = left < FILL ? left : FILL;
    require(write(fd, module.bytes + start, size) == (ssize_t)size, "write");
  }
  close(fd);
}

static void load_plainly(const char *path) {
  void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  require(module != NULL, "dlopen");
  dlclose(module);
}

static void load(husk_device *device, const char *name) {
  char path[256];
  snprintf(path, sizeof path, "modules/%s/1.husk", name);
  const int package = openat(FLASH, path, O_RDONLY | O_CLOEXEC);
  snprintf(path, sizeof path, "grants/%s/1.grant", name);
  const int grant = openat(FLASH, path, O_RDONLY | O_CLOEXEC);
  husk_module *module;
  const husk_status status = husk_load_fd(device, package, grant, NULL, &module);
  if (status != HUSK_OK) fprintf(stderr, "load: %s: %s\n", name, husk_status_string(status));
  require(status == HUSK_OK, "husk_load");
  husk_unload(module);
  close(package);
  close(grant);
}

enum { LOAD, PLAIN, READ, SHA256, GCM, LZ4, FILLING, PARTS };

static double best[PARTS];

static double note(int part, double start) {
  const double end = now();
  if (best[part] == 0 || end - start < best[part]) best[part] = end - start;
  return end;
}

static void measure(husk_device *device, int rounds, const char *folder, const char *name) {
  char original[512], path[512], package[256];
  snprintf(original, sizeof original, "%s/%s.so", folder, name);
  snprintf(path, sizeof path, "%s/%s.lz4", folder, name);
  snprintf(package, sizeof package, "modules/%s/1.husk", name);
  const buffer frame = read_file(AT_FDCWD, path), module = read_file(AT_FDCWD, original);
  memset(best, 0, sizeof best);
  double first = 0;
  for (int round = 0; round < rounds; round++) {
    double time = now();
    load(device, name);
    if (round == 0) first = now() - time;
    time = note(LOAD, time);
    load_plainly(original);
    time = note(PLAIN, time);
    const buffer file = read_file(FLASH, package);
    time = note(READ, time);
    hash(file);
    time = note(SHA256, time);
    decrypt(file);
    time = note(GCM, time);
    free(file.bytes);
    time = now();
    decompress(frame, module);
    time = note(LZ4, time);
    fill(module);
    note(FILLING, time);
  }
  printf("%s %.9f", name, first);
  for (int part = 0; part < PARTS; part++) printf(" %.9f", best[part]);
  printf("\n");
  free(frame.bytes);
  free(module.bytes);
}

static void load_when_told(husk_device *device, int rounds, const char *name) {
  char line[16];
  printf("ready\n");
  fflush(stdout);
  require(fgets(line, sizeof line, stdin) != NULL, "waiting");
  for (int round = 0; round < rounds; round++) load(device, name);
}

int main(int argc, char **argv) {
  const double began = now();
  if (argc == 2 && strcmp(argv[1], "boot") == 0) return printf("%.9f\n", began) < 0;
  require(argc >= 4, "the command line");
  husk_device *device;
  require(husk_open(SOCKET, NULL, &device) == HUSK_OK, "husk_open");
  if (strcmp(argv[1], "times") == 0) load_when_told(device, atoi(argv[2]), argv[3]);
  else
    for (int i = 3; i < argc; i++) measure(device, atoi(argv[1]), argv[2], argv[i]);
  husk_close(device);
  return 0;
}
