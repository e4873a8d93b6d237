#include "husk.h"

const char *husk_status_string(husk_status status) {
  switch (status) {
    case HUSK_OK: return "success";
    case HUSK_E_MALFORMED: return "not a well-formed object of the expected kind";
    case HUSK_E_UNSUPPORTED_VERSION: return "a format version that this device doesn't know";
    case HUSK_E_LIMIT_EXCEEDED: return "larger than allowed";
    case HUSK_E_UNTRUSTED_ROOT: return "signed under an unknown root";
    case HUSK_E_REVOKED_ROOT: return "signed under a revoked root";
    case HUSK_E_SIGNATURE_INVALID: return "a signature doesn't verify";
    case HUSK_E_ROLE_MISMATCH: return "signed by a key that may not sign this";
    case HUSK_E_SCOPE_VIOLATION: return "outside the signer's scope";
    case HUSK_E_CHAIN_INVALID: return "an invalid certificate chain";
    case HUSK_E_EXPIRED: return "expired";
    case HUSK_E_NOT_YET_VALID: return "not yet valid";
    case HUSK_E_ROLLBACK: return "superseded by a newer one";
    case HUSK_E_WRONG_ARCHITECTURE: return "made for another processor";
    case HUSK_E_WRONG_DEVICE: return "granted to another device";
    case HUSK_E_WRONG_MODULE: return "granted for another module";
    case HUSK_E_WRONG_EPOCH: return "granted for another key epoch";
    case HUSK_E_WRONG_LIFECYCLE: return "granted for another life-cycle state";
    case HUSK_E_VERSION_OUT_OF_RANGE: return "the grant doesn't cover this version";
    case HUSK_E_WRONG_GRANT_KEY: return "granted to a former key of this device";
    case HUSK_E_KEY_UNWRAP_FAILED: return "the content key doesn't unwrap";
    case HUSK_E_DIGEST_MISMATCH: return "altered: payload bytes differ from what was signed";
    case HUSK_E_DECRYPTION_FAILED: return "the payload doesn't decrypt";
    case HUSK_E_DECOMPRESSION_FAILED: return "the payload doesn't decompress";
    case HUSK_E_SIZE_MISMATCH: return "longer or shorter than declared";
    case HUSK_E_SCOPE_CONFLICT: return "another vendor's module was loaded before";
    case HUSK_E_DEADLINE_EXCEEDED: return "took longer than allowed";
    case HUSK_E_OUT_OF_MEMORY: return "out of memory";
    case HUSK_E_IO: return "a file can't be read";
    case HUSK_E_INTERNAL: return "a fault on the secure side";
    case HUSK_E_STATUS_REQUIRED: return "needs a newer status list, or to be shown the one it has seen";
    case HUSK_E_REVOKED: return "refused by a status list";
    case HUSK_E_NO_SPACE: return "not enough room in storage";
    case HUSK_E_READ_ONLY: return "the storage doesn't take writes";
    case HUSK_E_ON_TRIAL: return "an update is on trial";
    case HUSK_E_INVALID_ARGUMENT: return "invalid argument";
    case HUSK_E_NOT_FOUND: return "not found";
    case HUSK_E_NO_DECRYPTOR: return "the decryptor can't be reached";
    case HUSK_E_PROTOCOL: return "the decryptor's answer makes no sense";
    case HUSK_E_NOT_SEALED: return "the module's memory isn't sealed";
    case HUSK_E_SONAME_CONFLICT: return "the module names itself as a loaded or system library";
    case HUSK_E_LOAD_FAILED: return "the dynamic linker refused the module";
    case HUSK_E_NOT_A_MODULE: return "not a shared object for this processor";
    case HUSK_E_CANCELLED: return "cancelled";
    case HUSK_E_SELF_TEST_FAILED: return "the self-test failed";
    case HUSK_E_IN_USE: return "in use by another process";
    default: return "unknown status";
  }
}
