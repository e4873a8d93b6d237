import BootChain
import CLinux
import ErrorClass
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
    let facts = enterDecryptorSandbox(libcryptoHeap: ProtectionFact(.libcryptoHeap, .inactive)) {
      linux_lock_all_memory() == 0 ? 0 : linux_errno()
    }
    guard isSandboxComplete(facts) else { throw .internal }
    return facts
  }
}
