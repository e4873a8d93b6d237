import BootChain
import CLinux
import Cryptography
import ErrorClass
import HuskFormat
import Protections
import SecretBytes
import SecureStorage

/// The decryptor (SPEC 7.5, 8, 9.1): the secure world, which holds every secret.
public enum Decryptor {
  public static func run() -> Never {
    do throws(ErrorClass) {
      try startStage(binding: true)
      LoadCheck.prepare()
      var platform = DecryptorPlatform(provider: ProviderClient(socket: Platform.Descriptor.provider))
      let handoff = try platform.provider.secrets()
      let notes = handoff.notes
      let origin = try origin(of: Platform.Descriptor.socket, notes)
      let storage = startStorage(&platform, key: try DeviceKeys.deriveStorageKey(from: handoff))
      let keys = try DeviceKeys.derive(from: handoff, generation: generation(of: storage))
      // The CDIs end here; what follows needs only what was derived from them.
      _ = consume handoff
      let protections = try enterSandbox()
      var server = Server(
        origin, keys: keys, state: notes.state, protections: protections, platform: platform, storage: storage)
      server.run()
      exit(0)
    } catch {
      refuse("decryptor", "to start", error)
    }
  }

  /// The secure storage; nil if it can't be used, which is said. Then the decryptor answers, but releases nothing (SPEC 7.8).
  private static func startStorage(
    _ platform: inout DecryptorPlatform, key: consuming SecretBytes
  ) -> SecureStorage? {
    do throws(ErrorClass) {
      return try SecureStorage.start(on: &platform, key: key)
    } catch {
      // Their numbers are taken by others from now on.
      for file in Platform.Descriptor.storage { close(file) }
      report("decryptor", ["secure storage not used: ", error.name])
      return nil
    }
  }

  private static func generation(of storage: borrowing SecureStorage?) -> UInt64 {
    switch storage {
    case .some(let storage): storage.state.generation
    case .none: 0
    }
  }

  /// Whether the socket to the normal world is a client, or one that clients connect to (SPEC 8).
  private static func origin(of socket: Int32, _ notes: HandoffNotes) throws(ErrorClass) -> Server.Origin {
    switch linux_is_listening(socket) {
    case 0: return .connected(socket)
    case 1:
      guard linux_never_wait(socket) == 0 else { throw .internal }
      let rule = AdmissionRule(user: notes.firmwareUser, group: notes.firmwareGroup, own: geteuid())
      return .entrance(Entrance(listener: socket, rule: rule))
    default: throw .invalidArgument
    }
  }

  /// Gives up everything that answering requests doesn't need (SPEC 7.5), and tells what is in force.
  private static func enterSandbox() throws(ErrorClass) -> [ProtectionFact] {
    guard linux_limit_resources(Limits.decryptorMemory, Limits.sizeBound, Limits.decryptorDescriptors) == 0 else {
      throw .internal
    }
    // Where the processor and the kernel can.
    _ = linux_isolate_branch_prediction()
    let facts = enterDecryptorSandbox(libcryptoHeap: try libcryptoHeap()) {
      linux_lock_all_memory() == 0 ? 0 : linux_errno()
    }
    guard isSandboxComplete(facts) else { throw .internal }
    return facts
  }

  private static func libcryptoHeap() throws(ErrorClass) -> ProtectionFact {
    do throws(CryptographyError) {
      let heap = try LibraryHeap.current()
      return ProtectionFact(
        .libcryptoHeap, heap.isProtected && heap.isLocked ? .active : .inactive, detail: heap.isProtected ? 1 : 0)
    } catch {
      throw .internal
    }
  }
}
