import BootChain
import CLinux
import ErrorClass
import Foundation
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
    let pipe = try TemporaryFolder()
    #expect(mkfifo(pipe.path("fifo"), 0o600) == 0)
    let fifo = open(pipe.path("fifo"), O_RDWR | O_CLOEXEC)
    defer { close(fifo) }
    // A pipe takes the byte, but can't make it durable: that is no success.
    #expect(linux_append_durably(fifo) == -1)
  }

  @Test("ends: then it says so, and stays")
  func end() throws {
    #expect(truncate(folder.path("counter"), Int(MonotonicCounter.end) - 1) == 0)
    let counter = try MonotonicCounter(path: folder.path("counter"))
    #expect(try counter.increment() == MonotonicCounter.end)
    #expect(outcome { () throws(ErrorClass) in _ = try counter.increment() } == .limitExceeded)
    #expect(try counter.value() == MonotonicCounter.end)
    #expect(try size() == Int(MonotonicCounter.end))
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
