import CLinux
import Glibc
import SecretBytes
import TestSupport
import Testing

/// Secrets across `fork`, where parent and child share the pages.
@Suite struct ForkTests {
  @Test("a child reads the secrets it inherits", arguments: [32, 65536])
  func childReads(count: Int) throws {
    let secret = try TestSecret(count: count)
    try secret.fill(0x5a)
    let exit = inForkedChild { secret.holds(count, of: 0x5a) ? 0 : 1 }
    #expect(exit == .status(0))
  }

  @Test("what a child allocates and writes never shows in memory that its parent allocates later")
  func childUsesItsOwnArena() throws {
    let witness = try TestSecret(count: 32)  // an arena with free slots is there
    let exit = inForkedChild {
      guard fillAndKeep(200) else { return 1 }
      return 0
    }
    #expect(exit == .status(0))
    var later: [TestSecret] = []
    for _ in 0..<200 { later.append(try TestSecret(count: 128)) }
    #expect(later.allSatisfy { $0.holds(128, of: 0) })
    #expect(witness.holds(32, of: 0))
  }

  @Test("a child that releases an inherited secret leaves the parent's bytes", arguments: [32, 65536])
  func childReleases(count: Int) throws {
    let parent = try TestSecret(count: count)
    try parent.fill(0x5a)
    let exit = inForkedChild {
      parent.release()
      return fillAndKeep(10) ? 0 : 1
    }
    #expect(exit == .status(0))
    #expect(parent.holds(count, of: 0x5a))
  }

  @Test("a child that changes an inherited secret changes its own copy", arguments: [32, 65536])
  func childWrites(count: Int) throws {
    let parent = try TestSecret(count: count)
    try parent.fill(0x5a)
    let exit = inForkedChild {
      guard (try? parent.fill(0xff)) != nil else { return 2 }
      return parent.holds(count, of: 0xff) ? 0 : 1
    }
    #expect(exit == .status(0))
    #expect(parent.holds(count, of: 0x5a))
  }

  @Test("a child that has no memory for its own copy is told so, and changes nothing", arguments: [32, 65536])
  func noMemory(count: Int) throws {
    let parent = try TestSecret(count: count)
    try parent.fill(0x5a)
    let exit = inForkedChild {
      var nothing = rlimit()
      guard setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &nothing) == 0 else { return 1 }
      do throws(SecretBytesError) {
        try parent.fill(0xff)
        return 2
      } catch {
        return parent.holds(count, of: 0x5a) ? 0 : 3
      }
    }
    // Without memfd_secret(2) parent and child share no page, so nothing has to move.
    #expect(exit == .status(secret_memory_shortfall() == 0 ? 0 : 2))
    #expect(parent.holds(count, of: 0x5a))
  }

  @Test("a child can fork again")
  func grandchild() throws {
    let secret = try TestSecret(count: 32)
    try secret.fill(0x5a)
    let exit = inForkedChild {
      guard let own = try? TestSecret(count: 32), (try? own.fill(0x11)) != nil else { return 1 }
      guard
        inForkedChild({
          guard secret.holds(32, of: 0x5a), own.holds(32, of: 0x11) else { return 1 }
          guard (try? secret.fill(0x22)) != nil else { return 3 }
          return fillAndKeep(10) ? 0 : 2
        }) == .status(0)
      else { return 2 }
      return own.holds(32, of: 0x11) && secret.holds(32, of: 0x5a) ? 0 : 3
    }
    #expect(exit == .status(0))
    #expect(secret.holds(32, of: 0x5a))
  }
}

/// Allocates secrets, fills them, and keeps them while it allocates more.
private func fillAndKeep(_ count: Int) -> Bool {
  guard count > 0 else { return true }
  guard let secret = try? TestSecret(count: 128) else { return false }
  guard secret.holds(128, of: 0), (try? secret.fill(0xff)) != nil else { return false }
  return fillAndKeep(count - 1) && secret.holds(128, of: 0xff)
}
