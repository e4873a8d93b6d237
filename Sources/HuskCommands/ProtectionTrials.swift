import BootChain
import CBOR
import CLinux
import Protections

// What this machine offers to the processes of a device: each protection is really taken on, by a process that ends
// right after, so that this one stays as it is.

/// What a decryptor would report if it were started here. Where this process isn't root, it has no user of its own.
func tryDecryptorProtections() -> [ProtectionFact] {
  tryInChild { protections(as: Platform.decryptorUser) { enterSandbox() } } ?? unknown(.decryptor)
}

/// What a process that runs modules could have here.
func tryProcessProtections() -> [ProtectionFact] {
  tryInChild {
    protections(as: Platform.firmwareUser) {
      _ = linux_no_new_privileges()
      return measureProcess()
    }
  } ?? unknown(.process)
}

private func enterSandbox() -> [ProtectionFact] {
  enterDecryptorSandbox(libcryptoHeap: ProtectionFact(.libcryptoHeap, unknown: .notTried)) {
    // This program is far larger than a decryptor, which takes less than this.
    linux_try_lock(8 << 20)
  }
}

/// Becomes a stage's user as the boot chain would, and measures.
private func protections(as user: UInt32, _ measure: () -> [ProtectionFact]) -> [ProtectionFact] {
  linux_raise_memory_lock_limit()
  let isRoot = geteuid() == 0
  if isRoot, linux_become(user, user) != 0 { return [] }
  _ = linux_set_dumpable(0)
  _ = linux_refuse_new_code(1)
  return measure().map { fact in
    // Without root, it isn't another user's process that was tried.
    switch fact.protection {
    case .unprivilegedUser, .processUnprivileged: isRoot ? fact : unknown(fact)
    default: fact
    }
  }
}

private func unknown(_ fact: ProtectionFact) -> ProtectionFact {
  ProtectionFact(number: fact.number, state: .unknown, detail: UnknownReason.noPermission.rawValue)
}

private func unknown(_ reporter: Protection.Reporter) -> [ProtectionFact] {
  Protection.allCases.filter { $0.reporter == reporter }.map { ProtectionFact($0, unknown: .notTried) }
}

/// Runs a measurement in a process of its own; nil if that doesn't come back with one.
private func tryInChild(_ measure: () -> [ProtectionFact]) -> [ProtectionFact]? {
  var readEnd: Int32 = -1
  var writeEnd: Int32 = -1
  guard linux_pipe(&readEnd, &writeEnd) == 0 else { return nil }
  defer { close(readEnd) }
  let child = linux_fork()
  if child == 0 {
    var encoder = CBOREncoder()
    encoder.encode(measure())
    // Within what a pipe holds.
    _exit(linux_write_all(writeEnd, encoder.bytes, encoder.bytes.count) == 0 ? 0 : 1)
  }
  close(writeEnd)
  guard child > 0 else { return nil }
  defer { _ = linux_wait(child) }
  let report = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
    count = max(0, linux_read_all(readEnd, buffer.baseAddress, buffer.count))
  }
  var reader = CBORReader(report)
  guard let facts = try? reader.readProtectionFacts(), !facts.isEmpty else { return nil }
  return facts
}
