// The part of OpenSSL's libcrypto that Husk uses. Imported by the module Cryptography only.
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/params.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

// Macros that Swift cannot import.
enum {
  LIBCRYPTO_PUBLIC_KEY = EVP_PKEY_PUBLIC_KEY,
  LIBCRYPTO_KEY_PAIR = EVP_PKEY_KEYPAIR,
};
