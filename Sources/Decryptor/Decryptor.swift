import BootChain
import CLinux
import ErrorClass

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
      try enterSandbox()
      var server = Server(socket: Platform.Descriptor.socket, keys: keys, state: notes.state)
      server.run()
      exit(0)
    } catch {
      refuse("decryptor", "to start", error)
    }
  }

  /// Gives up everything that answering requests doesn't need (SPEC 7.5).
  private static func enterSandbox() throws(ErrorClass) {
    guard linux_forbid_core_files() == 0 else { throw .internal }
    // As far as the limit allows; where it doesn't, secrets still lie in memory of their own.
    _ = linux_lock_all_memory()
    guard linux_no_new_privileges() == 0, linux_landlock_deny_all() >= 0, linux_seccomp_decryptor() == 0 else {
      throw .internal
    }
  }
}
