/*
 * husk.h - load a proprietary module from a signed, encrypted package straight into memory.
 *
 * libhusk is the normal-world half of Husk. It holds no key: it passes the package and the grant to the
 * decryptor (the secure world) over a socket, receives the module in a sealed memory file, checks the seals and
 * loads it with dlopen(3). SPEC.md, "The C interface", is the contract; this header is its text for C.
 *
 * Threads: every function may be called from any thread. Calls on the same husk_device are serialised inside.
 * A husk_device or husk_module must not be closed or unloaded while another thread uses it.
 *
 * Ownership: what husk_open and husk_load hand out belongs to the caller until husk_close and husk_unload.
 * File descriptors passed in stay the caller's. Strings handed out are owned by libhusk; do not free them.
 *
 * No function aborts, prints, or changes errno in a documented way; every failure is a distinct status.
 */
#ifndef HUSK_H
#define HUSK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define HUSK_EXPORT __attribute__((visibility("default")))
#else
#define HUSK_EXPORT
#endif

/* The version of this header. husk_version() tells the version of the library that is linked. */
#define HUSK_VERSION_MAJOR 0
#define HUSK_VERSION_MINOR 1
#define HUSK_VERSION_PATCH 0

/* The descriptor on which a booted firmware finds its socket to the decryptor (SPEC.md, "The boot handoff"). */
#define HUSK_INHERITED_SOCKET 3

/*
 * What a call came to. The numbers are stable and the same as the error classes of SPEC.md: 0 is success,
 * 1..63 come from the decryptor or the boot chain, 64.. arise inside libhusk.
 */
typedef int32_t husk_status;

enum {
  HUSK_OK = 0,
  HUSK_E_MALFORMED = 1,             /* not a well-formed object of the expected kind */
  HUSK_E_UNSUPPORTED_VERSION = 2,   /* well formed, but of a format version this device doesn't know */
  HUSK_E_LIMIT_EXCEEDED = 3,        /* larger, deeper or more numerous than SPEC.md allows */
  HUSK_E_UNTRUSTED_ROOT = 4,        /* the chain begins at a root this device doesn't know */
  HUSK_E_REVOKED_ROOT = 5,          /* the chain begins at a root whose fuse is blown */
  HUSK_E_SIGNATURE_INVALID = 6,     /* a signature doesn't verify */
  HUSK_E_ROLE_MISMATCH = 7,         /* signed by a key that may not sign this, or an object of another role */
  HUSK_E_SCOPE_VIOLATION = 8,       /* a name outside the scope that the certificates give */
  HUSK_E_CHAIN_INVALID = 9,         /* a certificate chain that widens, is too long, or certifies too deep */
  HUSK_E_EXPIRED = 10,              /* its not-after time has passed */
  HUSK_E_NOT_YET_VALID = 11,        /* its not-before time hasn't come */
  HUSK_E_ROLLBACK = 12,             /* below a security-version floor, or superseded by a newer one */
  HUSK_E_WRONG_ARCHITECTURE = 13,   /* made for another processor */
  HUSK_E_WRONG_DEVICE = 14,         /* the grant is for another device */
  HUSK_E_WRONG_MODULE = 15,         /* the grant is for another module */
  HUSK_E_WRONG_EPOCH = 16,          /* the grant is for another key epoch of the module */
  HUSK_E_WRONG_LIFECYCLE = 17,      /* the grant isn't for the life-cycle state that this device is in */
  HUSK_E_VERSION_OUT_OF_RANGE = 18, /* the grant doesn't cover this version of the module */
  HUSK_E_WRONG_GRANT_KEY = 19,      /* the grant is for a former key of this device: it was re-keyed since */
  HUSK_E_KEY_UNWRAP_FAILED = 20,    /* the content key doesn't unwrap with this device's key */
  HUSK_E_DIGEST_MISMATCH = 21,      /* payload bytes differ from what was signed */
  HUSK_E_DECRYPTION_FAILED = 22,    /* the payload doesn't open with the granted key */
  HUSK_E_DECOMPRESSION_FAILED = 23, /* the payload isn't the compressed module it claims to be */
  HUSK_E_SIZE_MISMATCH = 24,        /* payload or module is longer or shorter than declared */
  HUSK_E_SCOPE_CONFLICT = 25,       /* another vendor's module was already released to this client */
  HUSK_E_DEADLINE_EXCEEDED = 26,    /* the request took longer than allowed, such as a file that never answers */
  HUSK_E_OUT_OF_MEMORY = 27,        /* the device lacks the memory for it */
  HUSK_E_IO = 28,                   /* a file or descriptor could not be read */
  HUSK_E_INTERNAL = 29,             /* a fault on the secure side; nothing was released */
  HUSK_E_STATUS_REQUIRED = 30,      /* needs a newer status list, or one that was not shown since the start */
  HUSK_E_REVOKED = 31,              /* a status list refuses this package, a key that signed it, or its version */

  HUSK_E_INVALID_ARGUMENT = 64,     /* a null pointer, a bad descriptor, an unknown option */
  HUSK_E_NOT_FOUND = 65,            /* no such file, or no such symbol */
  HUSK_E_NO_DECRYPTOR = 66,         /* the secure world can't be reached, or went away */
  HUSK_E_PROTOCOL = 67,             /* the secure world answered something that makes no sense */
  HUSK_E_NOT_SEALED = 68,           /* the memory file received isn't sealed as it must be */
  HUSK_E_SONAME_CONFLICT = 69,      /* the module names itself as a loaded or system library; see husk_load_options */
  HUSK_E_LOAD_FAILED = 70,          /* dlopen refused it, such as for a missing needed library */
  HUSK_E_NOT_A_MODULE = 71          /* the decrypted bytes aren't a shared object for this processor */
};

/* A session with the decryptor. Opaque. */
typedef struct husk_device husk_device;

/* A loaded module. Opaque. */
typedef struct husk_module husk_module;

/* How to load. Zero-initialise, set `size` to sizeof(husk_load_options), then set what is wanted. */
typedef struct husk_load_options {
  size_t size; /* sizeof(husk_load_options) as the caller was compiled */
  /*
   * The one SONAME (such as "libcrypto.so.3") that the module may carry although a loaded or system library has
   * the same. Null: such a module is refused with HUSK_E_SONAME_CONFLICT, since the dynamic linker would
   * satisfy later libraries' needs with it.
   */
  const char *allow_soname;
} husk_load_options;

/* What is known of a loaded module. Set `size` to sizeof(husk_module_info) before the call. */
typedef struct husk_module_info {
  size_t size;               /* sizeof(husk_module_info) as the caller was compiled */
  const char *name;          /* such as "com.acme.adpcm"; valid until husk_unload */
  uint32_t version[3];       /* major, minor, patch */
  uint64_t security_version; /* the manifest's security version */
  uint64_t epoch;            /* the key epoch of the module */
  uint64_t module_size;      /* size of the module in bytes */
  uint64_t grant_sequence;   /* the grant's sequence number */
  int64_t not_before;        /* seconds since 1970-01-01 UTC; 0: no limit */
  int64_t not_after;         /* seconds since 1970-01-01 UTC; 0: no limit */
  const uint8_t *features;   /* the grant's feature bytes, for the module; valid until husk_unload; may be null */
  size_t features_size;      /* number of feature bytes */
} husk_module_info;

/*
 * Opens a session on a connected SOCK_SEQPACKET socket to the decryptor; pass HUSK_INHERITED_SOCKET in a booted
 * firmware. The descriptor stays the caller's and must stay open until husk_close.
 *
 * socket_fd  the connected socket
 * out        receives the session; null on failure
 *
 * Returns HUSK_OK, HUSK_E_INVALID_ARGUMENT, HUSK_E_NO_DECRYPTOR, HUSK_E_PROTOCOL, HUSK_E_UNSUPPORTED_VERSION or
 * HUSK_E_OUT_OF_MEMORY.
 */
HUSK_EXPORT husk_status husk_open(int socket_fd, husk_device **out);

/* Closes a session. Modules that were loaded through it stay loaded. Null is ignored. */
HUSK_EXPORT void husk_close(husk_device *device);

/*
 * Loads a module from a package with a grant, both given by path.
 *
 * device        the session
 * package_path  path of the package (.husk), a regular file
 * grant_path    path of the grant (.grant), a regular file
 * options       null for the defaults
 * out           receives the module; null on failure
 *
 * The module's constructors run before this returns. Its symbols are local (RTLD_LOCAL) and bound (RTLD_NOW).
 * Returns HUSK_OK or any status above.
 */
HUSK_EXPORT husk_status husk_load(husk_device *device, const char *package_path, const char *grant_path,
                                  const husk_load_options *options, husk_module **out);

/* As husk_load, from two descriptors of regular files, open for reading; they stay the caller's. */
HUSK_EXPORT husk_status husk_load_fd(husk_device *device, int package_fd, int grant_fd,
                                     const husk_load_options *options, husk_module **out);

/*
 * Finds a symbol of the module, and of the module only.
 *
 * out  receives the address, valid until husk_unload; null on failure
 *
 * Returns HUSK_OK, HUSK_E_INVALID_ARGUMENT or HUSK_E_NOT_FOUND.
 */
HUSK_EXPORT husk_status husk_symbol(husk_module *module, const char *name, void **out);

/*
 * Tells what is known of a module: fills as much of *info as info->size covers.
 * Returns HUSK_OK or HUSK_E_INVALID_ARGUMENT.
 */
HUSK_EXPORT husk_status husk_module_get_info(const husk_module *module, husk_module_info *info);

/* Unloads a module; its destructors run. Its symbols must not be used any more. Null is ignored. */
HUSK_EXPORT void husk_unload(husk_module *module);

/*
 * Asks the decryptor for the device's identity (SPEC.md, "Identity"): public, to be sent to vendors.
 *
 * buffer    receives the encoded identity; may be null when capacity is 0
 * capacity  its size in bytes
 * length    receives the identity's length in bytes; when that exceeds capacity nothing is written to buffer
 *           and HUSK_E_LIMIT_EXCEEDED is returned
 */
HUSK_EXPORT husk_status husk_identity(husk_device *device, uint8_t *buffer, size_t capacity, size_t *length);

/* The status in a few English words, never null, valid for ever; "unknown status" for a number not listed above. */
HUSK_EXPORT const char *husk_status_string(husk_status status);

/* The version of the linked library, such as "0.1.0"; valid for ever. */
HUSK_EXPORT const char *husk_version(void);

#ifdef __cplusplus
}
#endif
#endif
