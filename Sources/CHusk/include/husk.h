/*
 * husk.h - load a proprietary module from a signed, encrypted package straight into memory.
 *
 * libhusk is the normal-world half of Husk. It holds no key: it passes package and grant to the decryptor (the secure
 * world) over a socket, receives the module in a sealed memory file, checks the seals, and loads it with dlopen(3).
 * For C11, C++11 and later, and Swift. SPEC.md, section 12, has the rules that this header keeps; README.md beside it
 * leads from nothing to a loaded module.
 *
 * Ownership. What husk_open, husk_connect, husk_load, husk_load_installed, husk_store_open and husk_install_begin hand
 * out is the caller's until husk_close, husk_unload, husk_store_close and husk_install_close.
 * Descriptors and memory that are passed in stay the caller's and aren't used after the call, except where said.
 * Strings that are handed out belong to libhusk: don't free them. Whatever fails hands out nothing.
 *
 * Threads. Every function may be called from any thread; calls on the same husk_device wait for each other, so do calls
 * on the same husk_store with its husk_installs, and loads and unloads of the whole process. Nothing must be closed or
 * unloaded while another thread uses it. libhusk makes no thread, installs no signal handler and raises no SIGPIPE.
 * After fork(2) the child may go on using modules, but not a device: it shares its socket with the parent.
 *
 * Callbacks (husk_log_callback, husk_progress_callback, husk_self_test) are called on the thread that called libhusk,
 * before that call returns. They may do what they like, except: call a function of libhusk other than
 * husk_status_string and husk_version (a husk_self_test also husk_symbol and husk_module_get_info), wait for another
 * thread that does, or leave in another way than by returning (no longjmp, no C++ exception). A module's constructors
 * and destructors run inside loads and husk_unload under the same terms.
 *
 * Memory. husk_open, husk_connect, husk_load, husk_show_status_list, their _fd forms, husk_identity, husk_confirm,
 * husk_update_try, husk_protections and what concerns a store call malloc(3): at most 256 KiB at a time, given back
 * before they return except for the session (under 1 KiB), a store (under 1 KiB) and the module's own record (under 4
 * KiB). A husk_install keeps up to 128 KiB until husk_install_close, and up to 2 MiB until the package's manifest has
 * arrived. HUSK_E_OUT_OF_MEMORY comes, before anything is begun, when that much isn't to be had. All other functions
 * allocate nothing.
 *
 * Structs that may grow begin with a member `size`: sizeof the struct as the caller was compiled. Initialise them with
 * the macro that goes with each, in C and C++ alike:
 *
 *     husk_load_options options = HUSK_LOAD_OPTIONS_INIT;
 *
 * So a program and a libhusk of different minor versions work together: members that the caller's header doesn't have
 * are at their defaults, and members that libhusk doesn't have must be zero (in what is passed in, else
 * HUSK_E_INVALID_ARGUMENT) or become zero (in what is filled in).
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

/* What libhusk-store.so has and libhusk.so hasn't: see "The module store". */
#define HUSK_STORE_EXPORT HUSK_EXPORT

/* ---- Version ----------------------------------------------------------------------------------------------------- */

/*
 * The version of this header. Within a major version the interface only grows: a program that was built with one minor
 * version runs with every later one. PATCH changes nothing here. The shared libraries are libhusk.so.MAJOR and
 * libhusk-store.so.MAJOR.
 */
#define HUSK_VERSION_MAJOR 0
#define HUSK_VERSION_MINOR 4
#define HUSK_VERSION_PATCH 0

/* All three in one number, to compare: 1.2.3 is 1002003. */
#define HUSK_VERSION (HUSK_VERSION_MAJOR * 1000000 + HUSK_VERSION_MINOR * 1000 + HUSK_VERSION_PATCH)

/* As text, such as "1.2.3". */
#define HUSK_VERSION_STRING HUSK_VERSION_TEXT_(HUSK_VERSION_MAJOR, HUSK_VERSION_MINOR, HUSK_VERSION_PATCH)
#define HUSK_VERSION_TEXT_(major, minor, patch) HUSK_VERSION_WORDS_(major, minor, patch)
#define HUSK_VERSION_WORDS_(major, minor, patch) #major "." #minor "." #patch

/* The version of the library that runs: HUSK_VERSION and HUSK_VERSION_STRING of its own header. Valid for ever. */
HUSK_EXPORT int husk_version_number(void);
HUSK_EXPORT const char *husk_version(void);

/* ---- Status ------------------------------------------------------------------------------------------------------ */

/*
 * What a call came to: 0 is success, 1 to 63 come from the decryptor or the boot chain and are the error classes of
 * SPEC.md, section 10; those from 64 arise in libhusk. A later minor version may add some: treat one that isn't listed
 * here as a failure.
 */
typedef int32_t husk_status;

enum {
  HUSK_OK = 0,
  HUSK_E_MALFORMED = 1,             /* not a well-formed object of the expected kind */
  HUSK_E_UNSUPPORTED_VERSION = 2,   /* well formed, but of a format version this device doesn't know */
  HUSK_E_LIMIT_EXCEEDED = 3,        /* larger, deeper or more numerous than allowed, or than the caller's buffer */
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
  HUSK_E_NO_SPACE = 32,             /* not enough room in storage */
  HUSK_E_READ_ONLY = 33,            /* the storage doesn't take writes */
  HUSK_E_ON_TRIAL = 34,             /* an update is on trial: it must be confirmed, or over, first */

  HUSK_E_INVALID_ARGUMENT = 64,     /* a null pointer, a bad descriptor, an option that this version doesn't know */
  HUSK_E_NOT_FOUND = 65,            /* no such file, or no such symbol */
  HUSK_E_NO_DECRYPTOR = 66,         /* the secure world can't be reached, went away, or doesn't answer */
  HUSK_E_PROTOCOL = 67,             /* the secure world answered something that makes no sense */
  HUSK_E_NOT_SEALED = 68,           /* the memory file received isn't sealed as it must be */
  HUSK_E_SONAME_CONFLICT = 69,      /* the module names itself as a loaded or system library; see allow_soname */
  HUSK_E_LOAD_FAILED = 70,          /* dlopen refused it, such as for a missing needed library; the log says why */
  HUSK_E_NOT_A_MODULE = 71,         /* the decrypted bytes aren't a shared object for this processor */
  HUSK_E_CANCELLED = 72,            /* the progress callback asked to stop */
  HUSK_E_SELF_TEST_FAILED = 73,     /* the firmware's test of a module didn't pass */
  HUSK_E_IN_USE = 74                /* another process has the store open, or another husk_store of this one */
};

/* The status in a few English words, never null, valid for ever; "unknown status" for a number not listed above. */
HUSK_EXPORT const char *husk_status_string(husk_status status);

/* ---- Sessions ---------------------------------------------------------------------------------------------------- */

/* A session with the decryptor. */
typedef struct husk_device husk_device;

enum {
  HUSK_LOG_ERROR = 1,  /* why a call fails, where libhusk knows more than the status tells */
  HUSK_LOG_WARNING = 2 /* a call succeeds, with less protection than it might */
};

/*
 * Receives what libhusk has to say: the reason of dlopen(3), the SONAME that conflicts, a protection that isn't to be
 * had. Never a secret, and nothing of a module but its SONAME and the names of symbols and libraries that it lacks.
 *
 * user     log_user of the options
 * level    HUSK_LOG_ERROR or HUSK_LOG_WARNING; treat a level that isn't listed above as a warning
 * message  one line of English without its end, at most 511 bytes; valid during the call only
 */
typedef void (*husk_log_callback)(void *user, int32_t level, const char *message);

typedef struct husk_open_options {
  size_t size;           /* sizeof(husk_open_options), set by HUSK_OPEN_OPTIONS_INIT */
  husk_log_callback log; /* called for this session until husk_close; null: libhusk says nothing */
  void *log_user;        /* passed to it, not used otherwise */
} husk_open_options;

#define HUSK_OPEN_OPTIONS_INIT {sizeof(husk_open_options), NULL, NULL}

/* The descriptor on which a firmware that the boot chain starts finds its socket to the decryptor (SPEC.md, 7.3). */
#define HUSK_INHERITED_SOCKET 3

/*
 * Opens a session on a socket that is connected to the decryptor.
 *
 * socket_fd  a connected SOCK_SEQPACKET socket, such as HUSK_INHERITED_SOCKET; it stays the caller's, who keeps it open
 *            until husk_close, uses it for nothing else, and opens one session on it at a time
 * options    null for the defaults; not used after the call, but for what its members say
 * out        receives the session, for husk_close; null on failure
 *
 * Returns HUSK_OK; HUSK_E_INVALID_ARGUMENT (null out, not an open socket, bad options); HUSK_E_NO_DECRYPTOR (nobody at
 * the other end, or no answer within 40 s); HUSK_E_PROTOCOL; HUSK_E_UNSUPPORTED_VERSION (the decryptor speaks another
 * version of the protocol); HUSK_E_OUT_OF_MEMORY; HUSK_E_DEADLINE_EXCEEDED or HUSK_E_INTERNAL (the decryptor's own).
 */
HUSK_EXPORT husk_status husk_open(int socket_fd, const husk_open_options *options, husk_device **out);

/*
 * Opens a session with a decryptor that runs as a service of the system, at a UNIX socket.
 *
 * socket_path  the socket's path, ending in a NUL, of any length that the kernel takes; symbolic links are followed.
 *              Whoever can replace it can give this process code to run: its folder must not be writable for others
 * options      as for husk_open
 * out          receives the session, for husk_close, which also closes the socket; null on failure. The socket is
 *              close-on-exec
 *
 * Returns what husk_open returns, and HUSK_E_NOT_FOUND (no such path); HUSK_E_IO (the path can't be looked up or
 * connected to, such as for want of permission); HUSK_E_INVALID_ARGUMENT also when the path isn't a socket;
 * HUSK_E_NO_DECRYPTOR also when nobody listens there.
 */
HUSK_EXPORT husk_status husk_connect(const char *socket_path, const husk_open_options *options, husk_device **out);

/* Closes a session. Modules that were loaded through it stay loaded. Null is ignored. */
HUSK_EXPORT void husk_close(husk_device *device);

/*
 * Asks the decryptor for the device's identity (SPEC.md, 6.5): public, to be sent to vendors.
 *
 * device    the session
 * buffer    receives the identity file's bytes; may be null when capacity is 0
 * capacity  its size in bytes; 65536 always suffice
 * length    receives the identity's length in bytes, 0 when it couldn't be had
 *
 * Returns HUSK_OK; HUSK_E_LIMIT_EXCEEDED (it is longer than capacity: *length tells how long, nothing was written to
 * buffer); HUSK_E_INVALID_ARGUMENT; HUSK_E_NO_DECRYPTOR; HUSK_E_PROTOCOL; HUSK_E_OUT_OF_MEMORY;
 * HUSK_E_DEADLINE_EXCEEDED; HUSK_E_INTERNAL.
 */
HUSK_EXPORT husk_status husk_identity(husk_device *device, uint8_t *buffer, size_t capacity, size_t *length);

/* ---- Modules ----------------------------------------------------------------------------------------------------- */

/* A loaded module. */
typedef struct husk_module husk_module;

/*
 * Is told how far a load has come: at most 64 times, never backwards, and perhaps not at all, nor at the very end. What
 * husk_load returns decides.
 *
 * user   progress_user of the options
 * done   bytes of the package's payload that are verified and decrypted
 * total  bytes that there are in all
 *
 * Return 0 to go on. Any other value cancels the load: husk_load returns HUSK_E_CANCELLED at once, and the session
 * stays usable. The decryptor finishes what it has begun before it takes the session's next request.
 */
typedef int (*husk_progress_callback)(void *user, uint64_t done, uint64_t total);

/*
 * Tells whether a module that was just loaded works, such as by calling it with an input whose output is known.
 *
 * user    self_test_user of the options
 * module  the module, for husk_symbol and husk_module_get_info; valid during the call only
 *
 * Return 0 if it works. Any other value unloads it: the load returns HUSK_E_SELF_TEST_FAILED, or, of an installed
 * module, goes on to the former version. To pass isn't to be confirmed: see husk_module_confirm.
 */
typedef int (*husk_self_test)(void *user, husk_module *module);

typedef struct husk_load_options {
  size_t size; /* sizeof(husk_load_options), set by HUSK_LOAD_OPTIONS_INIT */
  /*
   * The one SONAME (such as "libcrypto.so.3") that the module may carry although a loaded or system library has the
   * same. Null: such a module is refused with HUSK_E_SONAME_CONFLICT, since the dynamic linker would satisfy later
   * libraries' needs with it.
   */
  const char *allow_soname;
  husk_progress_callback progress; /* null: not told */
  void *progress_user;             /* passed to it, not used otherwise */
  husk_self_test self_test;        /* null: what loads works */
  void *self_test_user;            /* passed to it, not used otherwise */
} husk_load_options;

#define HUSK_LOAD_OPTIONS_INIT {sizeof(husk_load_options), NULL, NULL, NULL, NULL, NULL}

/*
 * Loads a module from a package with a grant, both given by path.
 *
 * device        the session
 * package_path  path of the package (.husk), a regular file
 * grant_path    path of the grant (.grant), a regular file
 * options       null for the defaults; not used after the call
 * out           receives the module, for husk_unload; null on failure
 *
 * The module's constructors run before this returns. Its symbols are local to it (RTLD_LOCAL) and all bound (RTLD_NOW).
 * Loading the same package again gives a second module with data of its own. While a load runs, this process is not
 * dumpable (prctl(2), PR_SET_DUMPABLE).
 *
 * Returns HUSK_OK; any status from 1 to 63 (the decryptor refuses: package and grant are not for this device, were
 * altered, or can't be read); HUSK_E_INVALID_ARGUMENT (null, bad options); HUSK_E_NOT_FOUND, HUSK_E_IO (a file can't
 * be opened); HUSK_E_NO_DECRYPTOR; HUSK_E_PROTOCOL; HUSK_E_NOT_SEALED; HUSK_E_NOT_A_MODULE; HUSK_E_SONAME_CONFLICT;
 * HUSK_E_LOAD_FAILED; HUSK_E_SELF_TEST_FAILED; HUSK_E_CANCELLED; HUSK_E_OUT_OF_MEMORY.
 */
HUSK_EXPORT husk_status husk_load(husk_device *device, const char *package_path, const char *grant_path,
                                  const husk_load_options *options, husk_module **out);

/*
 * As husk_load, from two descriptors of regular files, open for reading: they may lie where libhusk couldn't open them.
 * They stay the caller's, and their read positions don't matter and don't move.
 *
 * Returns what husk_load returns but HUSK_E_NOT_FOUND; HUSK_E_INVALID_ARGUMENT also for a descriptor that isn't open.
 */
HUSK_EXPORT husk_status husk_load_fd(husk_device *device, int package_fd, int grant_fd,
                                     const husk_load_options *options, husk_module **out);

/*
 * Shows the decryptor a status list, by path: what a vendor wants devices to refuse from now on. The device remembers
 * for good which list it has seen last, and after each start refuses the modules that the list speaks for until it is
 * shown it again: a firmware shows every list that it stores before it loads the first module. Showing one again
 * changes nothing. Holds for all sessions.
 *
 * device  the session
 * path    of the list (.status), a regular file of at most 61440 bytes
 *
 * Returns HUSK_OK; HUSK_E_ROLLBACK (older than the one seen last); HUSK_E_NOT_FOUND; HUSK_E_IO (can't be read, or the
 * device can't write down what it has seen); any other status from 1 to 63 (the list isn't one, or isn't trusted);
 * HUSK_E_INVALID_ARGUMENT; HUSK_E_NO_DECRYPTOR; HUSK_E_PROTOCOL.
 */
HUSK_EXPORT husk_status husk_show_status_list(husk_device *device, const char *path);

/*
 * As husk_show_status_list, from a descriptor of a regular file, open for reading; it stays the caller's. Returns the
 * same but HUSK_E_NOT_FOUND.
 */
HUSK_EXPORT husk_status husk_show_status_list_fd(husk_device *device, int fd);

/*
 * Finds a symbol of the module itself, not of what it needs.
 *
 * module  the module
 * name    the symbol's name, ending in a NUL
 * out     receives the address, valid until husk_unload; null on failure
 *
 * Returns HUSK_OK, HUSK_E_INVALID_ARGUMENT or HUSK_E_NOT_FOUND.
 */
HUSK_EXPORT husk_status husk_symbol(husk_module *module, const char *name, void **out);

/*
 * How the memory of a loaded module is protected: what was tried and found to hold; and whether it is on trial. Bits of
 * husk_module_info.flags.
 */
enum {
  HUSK_MODULE_LOCKED = 1,          /* all of it is locked in RAM: it is never written to swap */
  HUSK_MODULE_EXECUTE_ONLY = 2,    /* its code can be executed but not read */
  HUSK_MODULE_MAY_EXECUTE_ONLY = 4, /* the packager allows that: without it, it isn't tried */
  HUSK_MODULE_ON_TRIAL = 8         /* loaded from a store, and not confirmed yet: see husk_module_confirm */
};

/* What is known of a module. */
typedef struct husk_module_info {
  size_t size;               /* sizeof(husk_module_info), set by HUSK_MODULE_INFO_INIT; not changed */
  const char *name;          /* such as "com.example.adpcm"; valid until husk_unload */
  uint32_t version[3];       /* major, minor, patch */
  uint32_t reserved;         /* 0 */
  uint64_t security_version; /* the manifest's security version */
  uint64_t epoch;            /* the key epoch of the module */
  uint64_t module_size;      /* size of the module in bytes */
  uint64_t grant_sequence;   /* the grant's sequence number */
  int64_t not_before;        /* seconds since 1970-01-01 UTC; 0: no limit */
  int64_t not_after;         /* seconds since 1970-01-01 UTC; 0: no limit */
  const uint8_t *features;   /* the grant's feature bytes, for the module; valid until husk_unload; may be null */
  size_t features_size;      /* number of feature bytes */
  uint64_t flags;            /* HUSK_MODULE_ bits; a later minor version may add some */
} husk_module_info;

#define HUSK_MODULE_INFO_INIT {sizeof(husk_module_info), NULL, {0, 0, 0}, 0, 0, 0, 0, 0, 0, 0, NULL, 0, 0}

/*
 * Tells what is known of a module.
 *
 * module  the module
 * info    is filled as far as info->size reaches; what libhusk doesn't know becomes zero
 *
 * Returns HUSK_OK or HUSK_E_INVALID_ARGUMENT (null, or an absurd size).
 */
HUSK_EXPORT husk_status husk_module_get_info(const husk_module *module, husk_module_info *info);

/* Unloads a module; its destructors run. Its symbols must not be used any more. Null is ignored. */
HUSK_EXPORT void husk_unload(husk_module *module);

/* ---- The module store -------------------------------------------------------------------------------------------- */

/*
 * Keeps modules, their grants and status lists in the flash folder (SPEC.md, 9.3), so that no power cut, at any
 * instant, leaves the device without a version that works:
 *
 *     husk_install_fd      puts what arrives there: packages, grants, status lists, in any order, each checked by the
 *                          decryptor before it replaces anything
 *     husk_load_installed  loads a module: a new version on trial first, and if that fails the former one
 *     husk_module_confirm  ends the trial: the new version stays, and the former one is removed
 *
 * A new version gets three tries: a load of it, or a start of the firmware that didn't come as far as to confirm it, is
 * one. Then, or as soon as it is certain that it will never do, it is removed; husk_store_history tells why.
 *
 * The functions that are declared with HUSK_STORE_EXPORT are in libhusk.a, which gives a firmware what it calls, and of
 * the shared libraries in libhusk-store.so, which has all of libhusk. libhusk.so, for programs that keep their files
 * themselves, is without them. A program links one of the two.
 */
typedef struct husk_store husk_store;

/* The descriptor on which a firmware that the boot chain starts finds the flash folder (SPEC.md, 7.3). */
#define HUSK_INHERITED_FLASH 4

/*
 * Opens the store of a flash folder, removes what power cuts or crashes left in it, and shows the decryptor all status
 * lists in it. One that isn't taken is told to the log: what depends on it is refused.
 *
 * device    the session; it must be closed after the store
 * flash_fd  descriptor of the flash folder, such as HUSK_INHERITED_FLASH; it stays the caller's, who keeps it open
 *           until husk_store_close
 * out       receives the store, for husk_store_close; null on failure
 *
 * Folders that aren't there are made when something is installed. A folder that can't be written to can be loaded from.
 *
 * One store of a folder is open at a time, on the whole device. A process that ends has closed it, unless a child that it
 * forked and that executed nothing goes on.
 *
 * Returns HUSK_OK; HUSK_E_IN_USE; HUSK_E_INVALID_ARGUMENT; HUSK_E_OUT_OF_MEMORY.
 */
HUSK_STORE_EXPORT husk_status husk_store_open(husk_device *device, int flash_fd, husk_store **out);

/* Closes a store. Modules that were loaded from it stay loaded. Null is ignored. */
HUSK_STORE_EXPORT void husk_store_close(husk_store *store);

/*
 * Loads an installed module: the version on trial, if there is one that has tries left and nothing against it; else, or
 * if that fails, the one that was confirmed last. husk_module_get_info tells which version it is, and whether it is on
 * trial (HUSK_MODULE_ON_TRIAL); why a version on trial was passed over is told to the log, and kept in the history.
 *
 * store    the store
 * name     the module's name, such as "com.example.adpcm"
 * options  null for the defaults; not used after the call. Give a self_test: only the firmware knows what works
 * out      receives the module, for husk_unload; null on failure
 *
 * That a version is tried is written down before it is loaded: if its constructor crashes the process, or the power
 * goes, that was one of its tries. A trial that can't be written down isn't started. Whatever has nothing to do with
 * the version, such as a decryptor that can't be reached or a grant that isn't there yet, costs it no try.
 *
 * Returns what husk_load returns, of the version that comes last; HUSK_E_NOT_FOUND also if the module isn't installed,
 * or no grant for it.
 */
HUSK_STORE_EXPORT husk_status husk_load_installed(husk_store *store, const char *name, const husk_load_options *options,
                                                  husk_module **out);

/*
 * Confirms that a module that was loaded on trial does what it should: from now on it is the version that is loaded,
 * and the former one is removed with grants that only it needed. From the next load on, no lower security version and
 * no older grant is accepted: there is no way back. To be called when the firmware has seen it work. Without it the
 * trial ends after three tries with the former version.
 *
 * store   the store that it was loaded from
 * module  the module; it stays loaded. One that isn't on trial is confirmed already
 *
 * Durable when it returns. If the power goes meanwhile, it was confirmed or it wasn't.
 *
 * Returns HUSK_OK; HUSK_E_NOT_FOUND (another version was installed since it was loaded, or its trial is over);
 * HUSK_E_NO_SPACE, HUSK_E_READ_ONLY, HUSK_E_IO (can't be written; it is still on trial); HUSK_E_INVALID_ARGUMENT;
 * HUSK_E_OUT_OF_MEMORY.
 */
HUSK_STORE_EXPORT husk_status husk_module_confirm(husk_store *store, husk_module *module);

/* ---- Installing -------------------------------------------------------------------------------------------------- */

/* What a file is, as the decryptor verified it. Members that a kind of file doesn't have are 0. */
typedef struct husk_file_info {
  size_t size;               /* sizeof(husk_file_info), set by HUSK_FILE_INFO_INIT; not changed */
  uint32_t version[3];       /* of a package: major, minor, patch */
  uint32_t reserved;         /* 0 */
  uint64_t security_version; /* of a package */
  uint64_t epoch;            /* of a module's package and of a grant: the key epoch */
  uint64_t number;           /* of a grant: its sequence number; of a status list: its number */
  uint64_t file_size;        /* of a package, in bytes */
  uint8_t identity[32];      /* SHA-256 of what is signed: what status lists call a package by */
  char role[40];             /* "module", "boot.loader", "boot.decryptor", "boot.firmware", "grant" or "status" */
  char name[136];            /* of the module or stage; of a status list, its scope */
} husk_file_info;

#define HUSK_FILE_INFO_INIT {sizeof(husk_file_info), {0, 0, 0}, 0, 0, 0, 0, 0, {0}, {0}, {0}}

/*
 * Checks whether this device would take a file, and changes nothing: a package with its whole payload, against
 * signatures, processor, floors and status lists as when it is loaded or booted, but for its grant; a grant for this
 * device; or a status list.
 *
 * device    the session
 * fd        descriptor of a regular file, open for reading; it stays the caller's
 * progress  null: not told; else as for husk_install_begin
 * user      passed to it, not used otherwise
 * info      null, or is filled as far as info->size reaches if the check comes to HUSK_OK
 *
 * Returns HUSK_OK; the status from 1 to 63 that it would be refused with (HUSK_E_SIZE_MISMATCH: it is cut off or too
 * long; HUSK_E_DIGEST_MISMATCH: altered; HUSK_E_ROLLBACK: too old); HUSK_E_INVALID_ARGUMENT; HUSK_E_NO_DECRYPTOR;
 * HUSK_E_PROTOCOL; HUSK_E_CANCELLED; HUSK_E_OUT_OF_MEMORY.
 */
HUSK_EXPORT husk_status husk_check_fd(husk_device *device, int fd, husk_progress_callback progress, void *user,
                                      husk_file_info *info);

/* A file that is being received. */
typedef struct husk_install husk_install;

typedef struct husk_install_options {
  size_t size; /* sizeof(husk_install_options), set by HUSK_INSTALL_OPTIONS_INIT */
  /*
   * Null: the file comes from its first byte on. Else the module ("com.example.adpcm") or the boot stage ("bootloader",
   * "decryptor", "firmware") whose package was not received to its end: it goes on where that was cut off.
   */
  const char *resume;
  /*
   * Null: not told. Else `done` are the bytes that have arrived, those of an earlier time included, of the file's
   * `total` bytes: at most 65 times, and not before the package's manifest has arrived.
   */
  husk_progress_callback progress;
  void *progress_user; /* passed to it, not used otherwise */
} husk_install_options;

#define HUSK_INSTALL_OPTIONS_INIT {sizeof(husk_install_options), NULL, NULL, NULL}

/*
 * Begins to install a file that comes in pieces: a package, a grant or a status list.
 *
 * store    the store
 * options  null for the defaults; not used after the call, but for the progress callback
 * offset   null, or receives from which byte of the file on the pieces must come: 0, unless options->resume found what
 *          to go on with
 * out      receives the installation, for husk_install_close, which comes before husk_store_close; null on failure
 *
 * A package is checked as it arrives: its signed manifest before anything else of it is kept, each segment before the
 * next MiB. What has arrived is kept in one file, and is there, up to the last good segment, for another time: when the
 * connection breaks, the process ends, or the power goes. Whether the pieces come from the first byte or from *offset
 * on, what is there isn't written again. The same module or stage must not be received twice at the same time.
 *
 * Returns HUSK_OK; HUSK_E_INVALID_ARGUMENT; HUSK_E_ON_TRIAL, HUSK_E_NO_SPACE (of what is resumed, see
 * husk_install_write); HUSK_E_IO, HUSK_E_READ_ONLY, HUSK_E_NO_DECRYPTOR, HUSK_E_PROTOCOL, HUSK_E_OUT_OF_MEMORY.
 */
HUSK_STORE_EXPORT husk_status husk_install_begin(husk_store *store, const husk_install_options *options, uint64_t
                                                 *offset, husk_install **out);

/*
 * Takes the next bytes of the file, as many as there are at hand.
 *
 * install  the installation
 * bytes    where they are; they stay the caller's and aren't used after the call. May be null when count is 0
 * count    how many
 *
 * Returns HUSK_OK; HUSK_E_CANCELLED (the progress callback said so; the bytes were taken, and it can go on). With
 * anything else this installation is over: HUSK_E_NO_SPACE (there isn't room for the whole package: told before any of
 * its payload is written); the status that the decryptor refuses the file with (see husk_check_fd);
 * HUSK_E_DIGEST_MISMATCH (altered on the way: the segment is dropped, and another installation may go on before it);
 * HUSK_E_SIZE_MISMATCH (more bytes than the package has); HUSK_E_LIMIT_EXCEEDED; HUSK_E_ON_TRIAL; HUSK_E_IO,
 * HUSK_E_READ_ONLY (storage fails); HUSK_E_INVALID_ARGUMENT; HUSK_E_NO_DECRYPTOR; HUSK_E_PROTOCOL;
 * HUSK_E_OUT_OF_MEMORY.
 */
HUSK_STORE_EXPORT husk_status husk_install_write(husk_install *install, const void *bytes, size_t count);

/*
 * Installs the file, all of whose bytes have come. A module is on trial then: the next husk_load_installed tries it. A
 * boot stage lies ready to be tried with the device's next start. A grant or a status list is in force.
 *
 * install  the installation; husk_install_close is still to be called
 * info     null, or is filled as far as info->size reaches on success
 *
 * Durable when it returns. If the power goes meanwhile, the file is installed, or (a package) lies there as received,
 * or a small part of it comes again.
 *
 * Returns HUSK_OK; HUSK_E_SIZE_MISMATCH (bytes are missing: another installation may go on); HUSK_E_ROLLBACK (a grant:
 * there is a newer one); and what husk_install_write returns.
 */
HUSK_STORE_EXPORT husk_status husk_install_finish(husk_install *install, husk_file_info *info);

/*
 * Ends an installation, and gives back its memory. One that wasn't finished can be gone on with. Null is ignored.
 */
HUSK_STORE_EXPORT void husk_install_close(husk_install *install);

/*
 * Installs a file that a descriptor gives from its read position to its end: all of the above in one call. If it fails,
 * what arrived of a package is kept, and isn't written again when the same file comes another time.
 *
 * store    the store
 * fd       a file, pipe or socket, open for reading, that blocks; it stays the caller's
 * options  null for the defaults; resume must be null
 * info     null, or is filled as far as info->size reaches on success
 *
 * Returns what husk_install_begin, husk_install_write and husk_install_finish return; HUSK_E_IO also if fd can't be
 * read.
 */
HUSK_STORE_EXPORT husk_status husk_install_fd(husk_store *store, int fd, const husk_install_options *options,
                                              husk_file_info *info);

/* ---- What is in the store ---------------------------------------------------------------------------------------- */

/* What takes how much room, in bytes. */
typedef struct husk_usage {
  size_t size;       /* sizeof(husk_usage), set by HUSK_USAGE_INIT; not changed */
  uint64_t modules;  /* packages of modules */
  uint64_t staged;   /* packages of boot stages that are to be tried */
  uint64_t received; /* packages that have arrived in part */
  uint64_t records;  /* grants and status lists */
  uint64_t free;     /* what the file system has left for this process */
} husk_usage;

#define HUSK_USAGE_INIT {sizeof(husk_usage), 0, 0, 0, 0, 0}

/*
 * Tells what takes how much room.
 *
 * Returns HUSK_OK; HUSK_E_IO; HUSK_E_INVALID_ARGUMENT; HUSK_E_OUT_OF_MEMORY.
 */
HUSK_STORE_EXPORT husk_status husk_store_usage(husk_store *store, husk_usage *usage);

enum {
  HUSK_STORED_GOOD = 1,    /* there is a version that was confirmed */
  HUSK_STORED_ON_TRIAL = 2 /* there is a version on trial */
};

/* A module in a store. Nothing is verified for it. */
typedef struct husk_stored_module {
  size_t size;                /* sizeof(husk_stored_module), set by HUSK_STORED_MODULE_INIT; not changed */
  uint64_t flags;             /* HUSK_STORED_ bits; a later minor version may add some */
  uint32_t version[3];        /* of what was confirmed last; 0.0.0 if there is none, or if that was long ago */
  uint32_t reserved;          /* 0 */
  uint32_t trial_version[3];  /* of what is on trial; 0.0.0 likewise */
  uint32_t tries_left;        /* of what is on trial */
  uint64_t packages;          /* size of its packages in bytes */
  uint64_t received;          /* size of a package that has arrived in part */
  char name[136];             /* its name */
} husk_stored_module;

#define HUSK_STORED_MODULE_INIT {sizeof(husk_stored_module), 0, {0, 0, 0}, 0, {0, 0, 0}, 0, 0, 0, {0}}

/*
 * Lists the modules that are installed, or were, or are being received, by name.
 *
 * store     the store
 * modules   receives them; may be null when capacity is 0. The size in the first element holds for all
 * capacity  how many elements there are
 * count     receives how many modules there are
 *
 * Returns HUSK_OK; HUSK_E_LIMIT_EXCEEDED (more than capacity: *count tells how many, nothing was written);
 * HUSK_E_INVALID_ARGUMENT; HUSK_E_OUT_OF_MEMORY.
 */
HUSK_STORE_EXPORT husk_status husk_store_modules(husk_store *store, husk_stored_module *modules, size_t capacity, size_t
                                                 *count);

/* What happened to a version of a module. A later minor version may add some. */
enum {
  HUSK_EVENT_INSTALLED = 0,       /* it was installed, and is on trial */
  HUSK_EVENT_TRIED = 1,           /* it was loaded; detail: tries left. If nothing of the same run follows, that run
                                     ended without a word: a crash, a reset, a power cut */
  HUSK_EVENT_REFUSED = 4,         /* it was refused, or failed to load; detail: the husk_status */
  HUSK_EVENT_PERMANENT = 6,       /* it was confirmed */
  HUSK_EVENT_ABANDONED = 7,       /* its trial is over */
  HUSK_EVENT_FELL_BACK = 8,       /* it is used because the other one can't be; detail: the husk_status of that */
  HUSK_EVENT_SELF_TEST_FAILED = 9 /* detail: what the test returned */
};

typedef struct husk_event {
  size_t size;         /* sizeof(husk_event), set by HUSK_EVENT_INIT; not changed */
  uint64_t run;        /* counts the loads on trial */
  uint32_t kind;       /* HUSK_EVENT_ */
  uint32_t slot;       /* which of the two places in the store: 0 or 1 */
  uint64_t detail;     /* what it says depends on the kind; else 0 */
  uint32_t version[3]; /* major, minor, patch; 0.0.0 if it isn't known */
  uint32_t reserved;   /* 0 */
} husk_event;

#define HUSK_EVENT_INIT {sizeof(husk_event), 0, 0, 0, 0, {0, 0, 0}, 0}

/* As many elements always suffice for husk_store_history. */
#define HUSK_HISTORY_MAX 16

/*
 * Tells what happened to a module of late, the earliest first.
 *
 * store     the store
 * name      the module's name
 * events    receives them; may be null when capacity is 0. The size in the first element holds for all
 * capacity  how many elements there are
 * count     receives how many events there are
 *
 * Returns HUSK_OK; HUSK_E_LIMIT_EXCEEDED (more than capacity: *count tells how many, nothing was written);
 * HUSK_E_INVALID_ARGUMENT; HUSK_E_OUT_OF_MEMORY. A module that was never there has no events.
 */
HUSK_STORE_EXPORT husk_status husk_store_history(husk_store *store, const char *name, husk_event *events, size_t
                                                 capacity, size_t *count);

/* An event in a few English words, never null, valid for ever; "unknown event" for a kind that isn't listed above. */
HUSK_STORE_EXPORT const char *husk_event_string(uint32_t kind);
/* ---- Updates of the device --------------------------------------------------------------------------------------- */

/*
 * Says that this boot is healthy. To be called once the firmware knows that it works: that is all it can say of the
 * boot stages that it was started with, its own package among them. If they are an update on trial, the device keeps it
 * from its next boot on; a trial that isn't confirmed before the device's watchdog, or before the firmware ends, counts
 * as failed, and after three of these the device returns to what it had. If nothing is on trial, nothing happens; so a
 * firmware calls this at every start. Calling it again changes nothing.
 *
 * device  the session
 *
 * Returns HUSK_OK, when it is written down for good; HUSK_E_NO_SPACE, HUSK_E_READ_ONLY, HUSK_E_IO (it isn't: the trial
 * goes on, call again); HUSK_E_NOT_FOUND (on this device the system updates the boot stages, not Husk);
 * HUSK_E_INVALID_ARGUMENT; HUSK_E_NO_DECRYPTOR; HUSK_E_PROTOCOL; HUSK_E_OUT_OF_MEMORY; HUSK_E_DEADLINE_EXCEEDED;
 * HUSK_E_INTERNAL.
 */
HUSK_EXPORT husk_status husk_confirm(husk_device *device);

/*
 * Has an update of the boot stages put on trial: what lies in the folder `update` of the flash directory, under the
 * names bootloader.husk, decryptor.husk and firmware.husk. Each may be missing; then the one in use is kept. They must
 * be readable for everybody, and remain the caller's, to be removed when this has returned. The device verifies them,
 * copies them to the slot that isn't in use, and boots from there the next time: up to three times, until a boot says
 * husk_confirm. To restart the device is up to the caller. Takes as long as reading and writing three stages takes.
 *
 * If it is cut off by a power loss, or fails, the device boots what it has; the call can be repeated, from the start.
 *
 * device  the session
 *
 * Returns HUSK_OK, when it is on trial for good; HUSK_E_ON_TRIAL (an update is already on trial, or this boot is one:
 * it must be confirmed and the device restarted first, or have failed); HUSK_E_NOT_FOUND (nothing is staged, or the
 * system updates the boot stages of this device); HUSK_E_NO_SPACE (not enough room); HUSK_E_READ_ONLY; HUSK_E_IO; any
 * other status from 1 to 63 (a package is refused: it was altered, is older than the device allows, not signed for its
 * place); HUSK_E_INVALID_ARGUMENT; HUSK_E_NO_DECRYPTOR; HUSK_E_PROTOCOL; HUSK_E_OUT_OF_MEMORY.
 */
HUSK_STORE_EXPORT husk_status husk_update_try(husk_device *device);

/* ---- Protections ------------------------------------------------------------------------------------------------- */

enum {
  HUSK_PROTECTION_INACTIVE = 0, /* not in force */
  HUSK_PROTECTION_ACTIVE = 1,   /* in force: it was tried, or the kernel says so of this very process */
  HUSK_PROTECTION_UNKNOWN = 2   /* can't be told from here; never take it for active */
};

/* One protection of keys or modules (SPEC.md, 15.5). The texts are English, never null, and valid for ever. */
typedef struct husk_protection {
  size_t size;        /* sizeof(husk_protection), set by HUSK_PROTECTION_INIT; not changed */
  uint32_t number;    /* stable over all versions: 1.. the decryptor's, 101.. this process's, 201.. the platform's */
  int32_t state;      /* HUSK_PROTECTION_INACTIVE, _ACTIVE or _UNKNOWN */
  uint64_t detail;    /* what SPEC.md says for this number and state; 0: nothing */
  const char *name;   /* such as "secret-memory": stable too; "" for one that this libhusk doesn't know */
  const char *why;    /* why its state can't be told; "" when it can */
  const char *loss;   /* what can happen without it: a sentence; "" for one that this libhusk doesn't know */
  const char *advice; /* what to do to get it: a sentence; "" as above */
} husk_protection;

#define HUSK_PROTECTION_INIT {sizeof(husk_protection), 0, 0, 0, NULL, NULL, NULL, NULL}

/* As many elements always suffice for husk_protections. */
#define HUSK_PROTECTIONS_MAX 256

/*
 * Tells which protections are in force and which are not: in the decryptor, which is asked; in this process and for the
 * modules that are loaded into it, each of which was tried; and of the platform beneath, as far as this process may
 * look. Changes nothing. Call it when the modules are loaded, and report what isn't active.
 *
 *     husk_protection list[HUSK_PROTECTIONS_MAX] = {HUSK_PROTECTION_INIT};
 *     size_t count;
 *     husk_status status = husk_protections(device, list, HUSK_PROTECTIONS_MAX, &count);
 *
 * device       the session; null: the decryptor isn't asked, and what only it can tell is unknown
 * protections  receives them, in ascending order of their numbers; may be null when capacity is 0. The size in the
 *              first element holds for all
 * capacity     how many elements there are
 * count        receives how many protections there are
 *
 * Returns HUSK_OK; HUSK_E_LIMIT_EXCEEDED (more than capacity: *count tells how many, nothing was written);
 * HUSK_E_INVALID_ARGUMENT; HUSK_E_NO_DECRYPTOR; HUSK_E_PROTOCOL; HUSK_E_OUT_OF_MEMORY; HUSK_E_DEADLINE_EXCEEDED;
 * HUSK_E_INTERNAL.
 */
HUSK_EXPORT husk_status husk_protections(husk_device *device, husk_protection *protections, size_t capacity,
                                         size_t *count);

#ifdef __cplusplus
}
#endif
#endif
