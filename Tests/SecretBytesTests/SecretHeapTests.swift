import CLinux
import Foundation
import Synchronization
import TestSupport
import Testing

/// The heap that libcrypto allocates from.
@Suite struct SecretHeapTests {
  /// One in each kind of slot, and some with pages of their own.
  private static let sizes = [1, 16, 17, 128, 129, 1000, 4095, 4096, 4097, 16384, 300_000]

  @Test("memory is zero, aligned, kept out of core dumps and in RAM", arguments: sizes)
  func memory(size: Int) throws {
    let bytes = try #require(secret_heap_allocate(size))
    defer { secret_heap_free(bytes) }
    #expect(Int(bitPattern: bytes) % 16 == 0)
    #expect(isFilled(bytes, size, with: 0))
    let mapping = try #require(try Mapping(at: UInt(bitPattern: bytes)))
    #expect(mapping.flags.isSuperset(of: ["dd", "lo"]))
    #expect(mapping.name == nil)
    let usage = secret_heap_get_usage()
    #expect(usage.mapped >= size && usage.locked == usage.mapped)
  }

  @Test("nothing is nothing: no bytes, no memory")
  func nothing() {
    #expect(secret_heap_allocate(0) == nil)
    secret_heap_free(nil)
    #expect(secret_heap_allocate(.max) == nil)
    #expect(secret_heap_allocate(.max / 2) == nil)
  }

  @Test("what is freed is zeros, also where slots of other sizes come to lie", arguments: sizes.filter { $0 <= 4096 })
  func wiped(size: Int) {
    let exit = inForkedChild {
      guard let neighbour = secret_heap_allocate(size), let bytes = secret_heap_allocate(size) else { return 1 }
      memset(bytes, 0xa5, size)
      secret_heap_free(bytes)
      guard isFilled(bytes, size, with: 0), let next = secret_heap_allocate(size), next == bytes else { return 2 }
      secret_heap_free(neighbour)
      memset(next, 0xa5, size)
      guard let moved = secret_heap_reallocate(next, 3 * size), moved != bytes || size < 6 else { return 3 }
      return moved == bytes || isFilled(bytes, size, with: 0) ? 0 : 4
    }
    #expect(exit == .status(0))
  }

  @Test("a larger or smaller one holds the same bytes")
  func resized() throws {
    var bytes = secret_heap_reallocate(nil, 1)
    var size = 1
    for next in Self.sizes + Self.sizes.reversed() {
      memset(try #require(bytes), 0x5a, size)
      bytes = secret_heap_reallocate(bytes, next)
      #expect(isFilled(try #require(bytes), min(size, next), with: 0x5a))
      size = next
    }
    #expect(secret_heap_reallocate(bytes, 0) == nil)
  }

  @Test("freeing twice, or what was never allocated, stops the process")
  func misuse() throws {
    let exit = inForkedChild {
      guard let bytes = secret_heap_allocate(100) else { return 1 }
      secret_heap_free(bytes)
      secret_heap_free(bytes)
      return 0
    }
    #expect(exit == .signal(SIGABRT))
    let inside = inForkedChild {
      guard let bytes = secret_heap_allocate(100) else { return 1 }
      secret_heap_free(bytes + 16)
      return 0
    }
    #expect(inside == .signal(SIGABRT))
  }

  @Test("beyond pages of its own lies a guard page")
  func guardPages() throws {
    let size = 3 * 4096
    let bytes = try #require(secret_heap_allocate(size))
    defer { secret_heap_free(bytes) }
    let exit = inForkedChild {
      signal(SIGSEGV, SIG_DFL)
      return Int32(bytes.load(fromByteOffset: size, as: UInt8.self))
    }
    #expect(exit == .signal(SIGSEGV))
  }

  @Test("parent and child go their own ways after a fork")
  func forked() throws {
    let bytes = try #require(secret_heap_allocate(64))
    defer { secret_heap_free(bytes) }
    memset(bytes, 0x11, 64)
    let exit = inForkedChild {
      memset(bytes, 0x22, 64)
      guard let own = secret_heap_allocate(64) else { return 1 }
      memset(own, 0x33, 64)
      secret_heap_free(bytes)
      return isFilled(own, 64, with: 0x33) ? 0 : 2
    }
    #expect(exit == .status(0))
    #expect(isFilled(bytes, 64, with: 0x11))
  }

  @Test("threads that allocate, grow and free all at once never get each other's bytes")
  func threads() {
    let mistakes = Atomic(0)
    DispatchQueue.concurrentPerform(iterations: 8) { thread in
      var random = UInt64(thread) &* 0x9e37_79b9_7f4a_7c15 | 1
      var held: [(bytes: UnsafeMutableRawPointer, size: Int, value: UInt8)] = []
      for round in 0..<4000 {
        random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let size = Int(random >> 33 % (random >> 60 == 0 ? 9000 : 600)) + 1
        if held.count > 40 {
          let last = held.remove(at: Int(random >> 40) % held.count)
          if !isFilled(last.bytes, last.size, with: last.value) { mistakes.add(1, ordering: .relaxed) }
          secret_heap_free(last.bytes)
        }
        guard let bytes = secret_heap_allocate(size), isFilled(bytes, size, with: 0) else {
          mistakes.add(1, ordering: .relaxed)
          continue
        }
        let value = UInt8(truncatingIfNeeded: thread * 31 + round) | 1
        memset(bytes, Int32(value), size)
        held.append((bytes, size, value))
      }
      for last in held {
        if !isFilled(last.bytes, last.size, with: last.value) { mistakes.add(1, ordering: .relaxed) }
        secret_heap_free(last.bytes)
      }
    }
    #expect(mistakes.load(ordering: .relaxed) == 0)
  }
}

private func isFilled(_ bytes: UnsafeRawPointer, _ size: Int, with value: UInt8) -> Bool {
  for offset in 0..<size where bytes.load(fromByteOffset: offset, as: UInt8.self) != value { return false }
  return true
}
