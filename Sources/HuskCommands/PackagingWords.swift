import Compression
import ErrorClass
import HuskFormat
import ModuleELF
import ModuleLint
import Packager

extension ErrorReport {
  init(packaging error: PackagingError) {
    switch error {
    case .chain(let error): self.init(format: error)
    case .wrongSigningKey: self.init("the chain ends in another key than the one to sign with (chain-invalid)")
    case .scopeViolation(let scope):
      self.init("the chain's scope, \(scope.text), doesn't cover this name (scope-violation)")
    case .module(let error):
      self.init("\(error) (not-a-module)", hint: Self.hint(error))
    case .dangerous(let findings):
      self.init(
        "loading this module is dangerous: \(findings.map(\.title).joined(separator: "; "))",
        hint: "husk lint explains and tells how to mend it; --allow-danger packs it as it is")
    case .codeNotSeparate:
      self.init(
        "its code shares pages with tables that are read, so that it can't be execute-only",
        hint: "link the module with -Wl,-z,separate-code")
    case .tooLarge: self.init("larger than a package may be (limit-exceeded)")
    case .stage(let problem): self.init("\(problem.words)")
    case .compression(let error): self.init("compression failed: \(error)")
    case .certificate(let problem): self.init(certificate: problem)
    case .validityEndsBeforeItBegins: self.init("the validity would end before it begins")
    case .alreadyExpired: self.init("the validity would have ended already (expired)")
    case .wrongLifecycle(let device, let grant):
      self.init(
        "the device is in state \(device.name), the grant would be for \(grant.name) (wrong-lifecycle)",
        hint: "--lifecycle \(device.name) grants to a device in this state")
    case .statusList(.otherScope): self.init("the previous list speaks for another scope")
    case .statusList(.lastNumber): self.init("no number is left for another list")
    case .statusList(.entries(let error)) where error.errorClass == .limitExceeded:
      self.init("a status list holds at most \(Limits.statusEntries) entries of each kind (limit-exceeded)")
    case .statusList(.entries): self.init("a name is outside the list's scope (malformed)")
    case .unusableGrantKey: self.init("nobody can wrap a key to the device's grant key")
    case .cryptography(let error): self.init(cryptography: error)
    }
  }

  private static func hint(_ error: ELFError) -> String? {
    switch error {
    case .notSharedObject(.executable): "boot stages are packed with --role"
    case .notSharedObject(.relocatable): "link it first: cc -shared -o module.so object.o"
    default: nil
    }
  }

  private init(certificate problem: PackagingError.CertificateProblem) {
    switch problem {
    case .subject: self.init("a subject has 1 to 64 bytes")
    case .roles: self.init("a certificate has 1 to 16 roles")
    case .depth(0): self.init("the issuer may not certify further keys: its depth is 0 (chain-invalid)")
    case .depth(let issuer):
      self.init("the depth must be from 0 to \(issuer - 1): the issuer's is \(issuer) (chain-invalid)")
    case .roleNotHeld(let role):
      self.init("the issuer doesn't hold the role \(role.text) that it would give (chain-invalid)")
    case .scopeNotHeld(let scope): self.init("the scope isn't within the issuer's, \(scope.text) (chain-invalid)")
    case .sameKey: self.init("the key to certify is the issuer's own")
    }
  }
}

extension PackagingError.StageProblem {
  fileprivate var words: String {
    switch self {
    case .notExecutable(let error): "\(error)"
    case .sharedObject: "a shared object, not an executable"
    case .relocatable: "a relocatable object file, not an executable"
    case .dynamic: "needs a dynamic linker; a bootloader or decryptor must be static"
    }
  }
}
