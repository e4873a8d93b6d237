import Dispatch
import SecretBytes
import TestSupport
import Testing

@Suite struct SecretBytesTests {
  @Test("a new secret is all zeros, whatever its size", arguments: [0, 1, 127, 128, 129, 4096, 4097, 16384, 1_000_003])
  func isZeroed(count: Int) throws {
    let secret = try TestSecret(count: count)
    #expect(secret.count == count)
    #expect(secret.holds(count, of: 0))
    try secret.fill(0xa5)
    #expect(secret.holds(count, of: 0xa5))
  }

  @Test("a negative or absurd size is refused", arguments: [-1, Int.min, Int.max, Int.max / 2 + 1])
  func refusesAbsurdSizes(count: Int) {
    #expect(throws: SecretBytesError.outOfMemory) { _ = try SecretBytes(count: count) }
  }

  @Test("copies bytes, and leaves the original alone")
  func copies() throws {
    let original: [UInt8] = Array(0...255)
    var secret = try SecretBytes(copying: original.span.bytes)
    let copy = secret.withBytes { bytes in bytes.withUnsafeBytes { [UInt8]($0) } }
    #expect(copy == original)
    try secret.withMutableBytes { (bytes) throws(SecretBytesError) in wipe(bytes) }
    #expect(original == Array(0...255))
  }

  @Test("errors of the closures come out with their own type")
  func passesErrorsOn() throws {
    enum Mine: MemoryShortage, Equatable { case outOfMemory, other }
    var secret = try SecretBytes(count: 1)
    do throws(Mine) {
      try secret.withBytes { (_) throws(Mine) in throw .other }
    } catch {
      #expect(error == .other)
    }
    do throws(Mine) {
      try secret.withMutableBytes { (_) throws(Mine) in throw .other }
    } catch {
      #expect(error == .other)
    }
  }

  @Test("threads that allocate, write and release at once never share a byte")
  func isThreadSafe() throws {
    let wrong = Counter()
    DispatchQueue.concurrentPerform(iterations: 8) { thread in
      for round in 0..<3000 {
        let size = [1, 32, 128, 200, 1000, 4096, 5000][(thread + round) % 7]
        guard let first = try? TestSecret(count: size), let second = try? TestSecret(count: 32) else {
          wrong.increment()
          return
        }
        if !first.holds(size, of: 0) || !second.holds(32, of: 0) { wrong.increment() }
        try? first.fill(UInt8(thread + 1))
        try? second.fill(UInt8(thread + 101))
        if !first.holds(size, of: UInt8(thread + 1)) || !second.holds(32, of: UInt8(thread + 101)) {
          wrong.increment()
        }
      }
    }
    #expect(wrong.value == 0)
  }

  @Test("many secrets at once are distinct, and survive the release of their neighbours")
  func holdsMany() throws {
    var kept: [TestSecret] = []
    for i in 0..<1000 {
      let secret = try TestSecret(count: 1 + i % 300)
      try secret.fill(UInt8(i % 251))
      kept.append(secret)
    }
    kept = stride(from: 1, to: 1000, by: 2).map { kept[$0] }
    for (position, secret) in kept.enumerated() {
      let i = 2 * position + 1
      #expect(secret.holds(1 + i % 300, of: UInt8(i % 251)))
    }
  }
}

private final class Counter: Sendable {
  private let queue = DispatchQueue(label: "counter")
  nonisolated(unsafe) private var count = 0
  func increment() { queue.sync { count += 1 } }
  var value: Int { queue.sync { count } }
}
