// Uses one of three well-known libraries, and prints what came of it. The library comes through Husk, in a firmware, or
// by a plain dlopen of the original: the output must be the same.
//
//   use_library husk  MODULE ALLOWED-SONAME lz4|sqlite|crypto FOLDER
//   use_library plain PATH   -              lz4|sqlite|crypto FOLDER
//
// FOLDER holds the file `input`, and takes what the library writes.
#include <dlfcn.h>
#include <lz4.h>
#include <lz4hc.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sqlite3.h>

#include "firmware.h"

static husk_module *module;
static void *library;

static void *address_of(const char *name) {
  void *address = NULL;
  if (module != NULL) {
    find(module, name, &address);
  } else if ((address = dlsym(library, name)) == NULL) {
    fail("%s: %s", name, dlerror());
  }
  return address;
}

// Declares a pointer to a function of the library, by the type that the library's header gives it.
#define USE(function) __typeof__(function) *const function##_ = (__typeof__(function) *)address_of(#function)

static void print_hex(const char *what, const unsigned char *bytes, size_t count) {
  printf("%s: ", what);
  for (size_t i = 0; i < count; i++) printf("%02x", bytes[i]);
  printf("\n");
}

// Prints the FNV-1a hash of bytes: enough to see that they are the same ones.
static void print_hash(const char *what, const void *bytes, size_t count) {
  unsigned long long hash = 14695981039346656037ULL;
  for (size_t i = 0; i < count; i++) hash = (hash ^ ((const unsigned char *)bytes)[i]) * 1099511628211ULL;
  printf("%s: %zu bytes, %016llx\n", what, count, hash);
}

static char *read_input(const char *folder, size_t *count) {
  char path[4096];
  snprintf(path, sizeof path, "%s/input", folder);
  FILE *file = fopen(path, "rb");
  if (file == NULL) fail("%s: %s", path, strerror(errno));
  char *bytes = malloc(1 << 20);
  *count = fread(bytes, 1, 1 << 20, file);
  fclose(file);
  return bytes;
}

static void use_lz4(const char *folder) {
  USE(LZ4_versionString);
  USE(LZ4_compressBound);
  USE(LZ4_compress_default);
  USE(LZ4_compress_HC);
  USE(LZ4_decompress_safe);
  printf("lz4 %s\n", LZ4_versionString_());
  size_t count;
  char *input = read_input(folder, &count);
  int bound = LZ4_compressBound_((int)count);
  char *compressed = malloc((size_t)bound), *output = malloc(count);
  for (int level = 0; level <= 12; level += 12) {
    int size = level == 0 ? LZ4_compress_default_(input, compressed, (int)count, bound)
                          : LZ4_compress_HC_(input, compressed, (int)count, bound, level);
    print_hash("compressed", compressed, size > 0 ? (size_t)size : 0);
    int restored = LZ4_decompress_safe_(compressed, output, size, (int)count);
    if (restored < 0 || (size_t)restored != count || memcmp(output, input, count) != 0) fail("it isn't what went in");
    print_hash("restored", output, count);
  }
}

static int print_row(void *context, int count, char **values, char **names) {
  (void)context;
  for (int i = 0; i < count; i++) printf("%s=%s%c", names[i], values[i] ? values[i] : "null", i + 1 < count ? ' ' : '\n');
  return 0;
}

static void use_sqlite(const char *folder) {
  USE(sqlite3_libversion);
  USE(sqlite3_open);
  USE(sqlite3_exec);
  USE(sqlite3_errmsg);
  USE(sqlite3_close);
  printf("sqlite %s\n", sqlite3_libversion_());
  char path[4096];
  snprintf(path, sizeof path, "%s/database", folder);
  const char *places[] = {":memory:", path, path};
  for (int i = 0; i < 3; i++) {
    sqlite3 *database;
    if (sqlite3_open_(places[i], &database) != SQLITE_OK) fail("%s: %s", places[i], sqlite3_errmsg_(database));
    // The third time it is all there already.
    const char *statements =
        i == 2 ? "SELECT count(*) AS total, sum(weight) AS weight FROM kernels"
               : "CREATE TABLE kernels (name TEXT PRIMARY KEY, weight REAL);"
                 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)"
                 "  INSERT INTO kernels SELECT printf('kernel-%03d', i), round(sqrt(i), 3) FROM n;"
                 "SELECT name, weight FROM kernels WHERE name LIKE '%9' ORDER BY weight DESC LIMIT 3;"
                 "SELECT upper(hex('husk')) AS text, json_extract('{\"a\":[1,2]}', '$.a[1]') AS item;";
    char *message = NULL;
    if (sqlite3_exec_(database, statements, print_row, NULL, &message) != SQLITE_OK) fail("sqlite: %s", message);
    if (sqlite3_close_(database) != SQLITE_OK) fail("sqlite: busy");
  }
}

static void use_crypto(const char *folder) {
  USE(OpenSSL_version);
  USE(EVP_sha256);
  USE(EVP_Digest);
  USE(HMAC);
  USE(EVP_CIPHER_CTX_new);
  USE(EVP_CIPHER_CTX_free);
  USE(EVP_aes_256_gcm);
  USE(EVP_EncryptInit_ex);
  USE(EVP_EncryptUpdate);
  USE(EVP_EncryptFinal_ex);
  USE(EVP_CIPHER_CTX_ctrl);
  printf("%s\n", OpenSSL_version_(OPENSSL_VERSION));
  size_t count;
  unsigned char *input = (unsigned char *)read_input(folder, &count);
  unsigned char digest[EVP_MAX_MD_SIZE], key[32] = "thirty-two bytes make up the key", nonce[12] = "twelve bytes";
  unsigned int size = 0;
  if (EVP_Digest_(input, count, digest, &size, EVP_sha256_(), NULL) != 1) fail("no SHA-256");
  print_hex("SHA-256", digest, size);
  if (HMAC_(EVP_sha256_(), key, sizeof key, input, count, digest, &size) == NULL) fail("no HMAC");
  print_hex("HMAC", digest, size);
  unsigned char *output = malloc(count), tag[16];
  int written = 0, rest = 0;
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new_();
  if (EVP_EncryptInit_ex_(context, EVP_aes_256_gcm_(), NULL, key, nonce) != 1 ||
      EVP_EncryptUpdate_(context, output, &written, input, (int)count) != 1 ||
      EVP_EncryptFinal_ex_(context, output + written, &rest) != 1 ||
      EVP_CIPHER_CTX_ctrl_(context, EVP_CTRL_AEAD_GET_TAG, sizeof tag, tag) != 1)
    fail("no AES-256-GCM");
  EVP_CIPHER_CTX_free_(context);
  print_hash("AES-256-GCM", output, (size_t)(written + rest));
  print_hex("tag", tag, sizeof tag);
}

int main(int argc, char **argv) {
  if (argc != 6) fail("usage: see the source");
  const char *name = argv[2], *what = argv[4], *folder = argv[5];
  if (strcmp(argv[1], "husk") == 0) {
    module = load(open_device(), name, argv[3]);
  } else {
    library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) fail("%s", dlerror());
  }
  if (strcmp(what, "lz4") == 0) use_lz4(folder);
  if (strcmp(what, "sqlite") == 0) use_sqlite(folder);
  if (strcmp(what, "crypto") == 0) use_crypto(folder);
  return 0;
}
