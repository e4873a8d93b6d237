import BootChain
import DeviceStore
import ErrorClass
import Foundation
import HuskFormat
import Testing

/// SPEC 7.1.
@Suite("The mock monotonic counter")
struct MonotonicCounterTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.write([], to: "counter")
  }

  private func size() throws -> Int { try Data(contentsOf: folder.url.appending(path: "counter")).count }

  @Test("counts the bytes of its file, one more each time, from 0")
  func counting() throws {
    for expected: UInt64 in 0..<5 {
      // Anew each time: what counts is the file.
      let counter = try MonotonicCounter(path: folder.path("counter"))
      #expect(try counter.value() == expected)
      #expect(try counter.increment() == expected + 1)
      #expect(try counter.value() == expected + 1)
      #expect(try size() == Int(expected) + 1)
    }
  }

  @Test("never falls, whatever is in the file")
  func contents() throws {
    try folder.write([0xff, 0, 7], to: "counter")
    let counter = try MonotonicCounter(path: folder.path("counter"))
    #expect(try counter.increment() == 4)
    #expect(try Data(contentsOf: folder.url.appending(path: "counter")).prefix(3) == Data([0xff, 0, 7]))
  }

  @Test("is durable before it is told: each step waits for the disk")
  func durability() throws {
    let file = Foundation.open(folder.path("counter"), O_RDWR | O_CLOEXEC)
    let storage = FaultyStorage(POSIXStorage(root: -1), .synchronize, .noSpace)
    let counter = MonotonicCounter(StoredFile(owning: file, on: storage))
    // The file takes the byte, but it can't be made durable: that is no success.
    #expect(outcome { () throws(ErrorClass) in _ = try counter.increment() } == .io)
    #expect(try size() == 1)
  }

  @Test("ends: then it says so, and stays")
  func end() throws {
    #expect(truncate(folder.path("counter"), Int(Limits.counter) - 1) == 0)
    let counter = try MonotonicCounter(path: folder.path("counter"))
    #expect(try counter.increment() == Limits.counter)
    #expect(outcome { () throws(ErrorClass) in _ = try counter.increment() } == .limitExceeded)
    #expect(try counter.value() == Limits.counter)
    #expect(try size() == Int(Limits.counter))
  }

  @Test("must be there, and be a file")
  func missing() throws {
    func open(_ path: String) -> ErrorClass? {
      outcome { () throws(ErrorClass) in
        let counter = try MonotonicCounter(path: path)
        _ = try counter.value()
      }
    }
    #expect(open(folder.path("missing")) == .io)
    #expect(open(folder.path("")) == .io)
    #expect(symlink("counter", folder.path("link")) == 0)
    #expect(open(folder.path("link")) == .io)
    #expect(mkfifo(folder.path("fifo"), 0o600) == 0)
    #expect(open(folder.path("fifo")) == .io)
    #expect(open(folder.path("counter")) == nil)
  }

  @Test("that can't be written to says so")
  func readOnly() throws {
    let file = Foundation.open(folder.path("counter"), O_RDONLY | O_CLOEXEC)
    let counter = MonotonicCounter(inherited: file)
    #expect(try counter.value() == 0)
    #expect(outcome { () throws(ErrorClass) in _ = try counter.increment() } == .io)
  }
}
