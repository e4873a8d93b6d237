import Foundation
import SecretBytes
import TestSupport
import Testing

/// What happens to the memory itself. The checks run in a forked child: it has the allocator to itself, so that what
/// lies at an address is certain.
@Suite struct WipingTests {
  @Test("releasing a secret leaves zeros behind, and the next one gets the same slot")
  func wipesOnRelease() {
    #expect(inForkedChild(checkWipeAndReuse) == .status(0))
  }

  @Test("without memfd_secret, ordinary pages serve and are wiped all the same")
  func fallsBackToOrdinaryPages() {
    let exit = inForkedChild {
      // With no descriptor to be had, memfd_secret fails.
      var none = rlimit(rlim_cur: 0, rlim_max: 0)
      guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &none) == 0 else { return 100 }
      return checkWipeAndReuse()
    }
    #expect(exit == .status(0))
  }

  @Test("reading past a page-filling secret hits a guard page", arguments: [-1, 65536])
  func hasGuardPages(offset: Int) throws {
    let secret = try TestSecret(count: 65536)
    defer { withExtendedLifetime(secret) {} }
    let address = try #require(secret.address)
    let exit = inForkedChild {
      signal(SIGSEGV, SIG_DFL)
      return Int32(address.load(fromByteOffset: offset, as: UInt8.self))
    }
    #expect(exit == .signal(SIGSEGV))
  }

  @Test("a secret is left out of core dumps", arguments: [32, 65536])
  func isNotDumped(count: Int) throws {
    let secret = try TestSecret(count: count)
    defer { withExtendedLifetime(secret) {} }
    let address = try #require(secret.address)
    let mapping = try #require(try Mapping(at: UInt(bitPattern: address)))
    #expect(mapping.flags.contains("dd"))
  }

  @Test(
    "a secret lies in memory that the kernel itself does not map",
    .enabled(if: kernelHasSecretMemory, "this kernel has no memfd_secret"), arguments: [32, 65536])
  func isSecretMemory(count: Int) throws {
    let secret = try TestSecret(count: count)
    defer { withExtendedLifetime(secret) {} }
    let address = try #require(secret.address)
    let mapping = try #require(try Mapping(at: UInt(bitPattern: address)))
    #expect(mapping.name == "/secretmem")
  }

  @Test("wipe overwrites the whole buffer")
  func wipesBuffers() {
    var bytes = [UInt8](repeating: 0xa5, count: 1000)
    bytes.withUnsafeMutableBytes { wipe($0) }
    #expect(bytes == [UInt8](repeating: 0, count: 1000))
    wipe(UnsafeMutableRawBufferPointer(start: nil, count: 0))
  }
}

/// 0 if all is well, else the number of the check that failed.
private func checkWipeAndReuse() -> Int32 {
  guard let neighbour = try? TestSecret(count: 32) else { return 1 }  // keeps the arena in place
  var old: UnsafeRawPointer?
  do {
    guard let secret = try? TestSecret(count: 300), (try? secret.fill(0xa5)) != nil else { return 2 }
    old = secret.address
  }
  guard let old else { return 3 }
  for i in 0..<300 where old.load(fromByteOffset: i, as: UInt8.self) != 0 { return 4 }
  guard let next = try? TestSecret(count: 300) else { return 5 }
  guard next.address == old else { return 6 }
  guard next.holds(300, of: 0), neighbour.holds(32, of: 0) else { return 7 }
  return 0
}

private let kernelHasSecretMemory: Bool = {
  typealias SystemCall = @convention(c) (Int, Int) -> Int
  let systemCall = unsafeBitCast(dlsym(nil, "syscall"), to: SystemCall.self)
  let descriptor = systemCall(447, 0)
  if descriptor >= 0 { close(Int32(descriptor)) }
  return descriptor >= 0
}()
