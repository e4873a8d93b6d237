import BootChain
import CLinux
import Cryptography
import ErrorClass
import HuskFormat
import Protections

/// The decryptor (SPEC 7.5, 8, 9.1): the secure world, which holds every secret.
public enum Decryptor {
  public static func run() -> Never {
    do throws(ErrorClass) {
      try startStage(binding: true)
      let handoff = try Handoff(draining: Platform.Descriptor.handoff)
      let notes = handoff.notes
      let keys = try DeviceKeys.derive(from: handoff)
      // The CDIs end here; what follows needs only what was derived from them.
      _ = consume handoff
      let protections = try enterSandbox()
      var server = Server(
        socket: Platform.Descriptor.socket, keys: keys, state: notes.state, protections: protections)
      server.run()
      exit(0)
    } catch {
      refuse("decryptor", "to start", error)
    }
  }

  /// Gives up everything that answering requests doesn't need (SPEC 7.5), and tells what is in force.
  private static func enterSandbox() throws(ErrorClass) -> [ProtectionFact] {
    guard linux_limit_resources(Limits.decryptorMemory, Limits.sizeBound, Limits.decryptorDescriptors) == 0 else {
      throw .internal
    }
    // Where the processor and the kernel can.
    _ = linux_isolate_branch_prediction()
    let facts = enterDecryptorSandbox(libcryptoHeap: try libcryptoHeap())
    guard isSandboxComplete(facts) else { throw .internal }
    return facts
  }

  private static func libcryptoHeap() throws(ErrorClass) -> ProtectionFact {
    do throws(CryptographyError) {
      let heap = try LibraryHeap.current()
      return ProtectionFact(.libcryptoHeap, heap.isProtected && heap.isLocked ? .active : .inactive)
    } catch {
      throw .internal
    }
  }
}
