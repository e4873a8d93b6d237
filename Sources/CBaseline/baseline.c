#include "baseline.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

enum { RAW_KEY_SIZE = 32, SIGNATURE_SIZE = 64 };

/// Processor time of this thread: what others do meanwhile doesn't count.
static double thread_seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static EVP_PKEY *generate(const char *type) {
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
  EVP_PKEY *key = NULL;
  if (context == NULL || EVP_PKEY_keygen_init(context) != 1 || EVP_PKEY_generate(context, &key) != 1) key = NULL;
  EVP_PKEY_CTX_free(context);
  return key;
}

static bool derive(EVP_PKEY *own, const unsigned char *peer_bytes) {
  unsigned char secret[RAW_KEY_SIZE];
  size_t size = sizeof secret;
  EVP_PKEY *peer = EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, peer_bytes, RAW_KEY_SIZE);
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
  const bool done = peer != NULL && context != NULL && EVP_PKEY_derive_init(context) == 1 &&
                    EVP_PKEY_derive_set_peer(context, peer) == 1 && EVP_PKEY_derive(context, secret, &size) == 1;
  EVP_PKEY_CTX_free(context);
  EVP_PKEY_free(peer);
  return done;
}

static bool sign(EVP_PKEY *key, const unsigned char *message, size_t size, unsigned char *signature) {
  size_t signature_size = SIGNATURE_SIZE;
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  const bool done = context != NULL && EVP_DigestSignInit_ex(context, NULL, NULL, NULL, NULL, key, NULL) == 1 &&
                    EVP_DigestSign(context, signature, &signature_size, message, size) == 1;
  EVP_MD_CTX_free(context);
  return done;
}

static bool verify(const unsigned char *key_bytes, const unsigned char *message, size_t size,
                   const unsigned char *signature) {
  EVP_PKEY *key = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, key_bytes, RAW_KEY_SIZE);
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  const bool done = key != NULL && context != NULL &&
                    EVP_DigestVerifyInit_ex(context, NULL, NULL, NULL, NULL, key, NULL) == 1 &&
                    EVP_DigestVerify(context, signature, SIGNATURE_SIZE, message, size) == 1;
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(key);
  return done;
}

double baseline_x25519_keygen(size_t count) {
  const double start = thread_seconds();
  for (size_t i = 0; i < count; i++) {
    EVP_PKEY *key = generate("X25519");
    if (key == NULL) return -1;
    EVP_PKEY_free(key);
  }
  return (thread_seconds() - start) / (double)count;
}

double baseline_x25519_derive(size_t count) {
  unsigned char peer[RAW_KEY_SIZE];
  size_t size = sizeof peer;
  EVP_PKEY *own = generate("X25519");
  bool done = own != NULL && EVP_PKEY_get_raw_public_key(own, peer, &size) == 1;
  const double start = thread_seconds();
  for (size_t i = 0; done && i < count; i++) done = derive(own, peer);
  const double seconds = (thread_seconds() - start) / (double)count;
  EVP_PKEY_free(own);
  return done ? seconds : -1;
}

double baseline_ed25519_sign(size_t count, size_t size) {
  unsigned char signature[SIGNATURE_SIZE];
  unsigned char *message = calloc(1, size);
  EVP_PKEY *key = generate("ED25519");
  bool done = message != NULL && key != NULL;
  const double start = thread_seconds();
  for (size_t i = 0; done && i < count; i++) done = sign(key, message, size, signature);
  const double seconds = (thread_seconds() - start) / (double)count;
  EVP_PKEY_free(key);
  free(message);
  return done ? seconds : -1;
}

double baseline_ed25519_verify(size_t count, size_t size) {
  unsigned char signature[SIGNATURE_SIZE], public_key[RAW_KEY_SIZE];
  size_t key_size = sizeof public_key;
  unsigned char *message = calloc(1, size);
  EVP_PKEY *key = generate("ED25519");
  bool done = message != NULL && key != NULL && EVP_PKEY_get_raw_public_key(key, public_key, &key_size) == 1 &&
              sign(key, message, size, signature);
  const double start = thread_seconds();
  for (size_t i = 0; done && i < count; i++) done = verify(public_key, message, size, signature);
  const double seconds = (thread_seconds() - start) / (double)count;
  EVP_PKEY_free(key);
  free(message);
  return done ? seconds : -1;
}
