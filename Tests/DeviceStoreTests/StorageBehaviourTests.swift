import DeviceStore
import ErrorClass
import StorageSimulation
import TestSupport
import Testing

/// What the simulated storage and the real one have in common: what is proved with the one holds for the other.
@Suite("Storage", .serialized)
struct StorageBehaviourTests {
  @Test("keeps what is written, at any offset, and fills gaps with zeros", arguments: MediumKind.allCases)
  func contents(kind: MediumKind) throws {
    try kind.withStorage { storage in
      let file = try storage.open("file", .writing)
      defer { storage.close(file) }
      #expect(try storage.size(of: file) == 0)
      try storage.write(([1, 2, 3] as [UInt8]).span.bytes, to: file, at: 0)
      try storage.write(([9] as [UInt8]).span.bytes, to: file, at: 5)
      #expect(try storage.size(of: file) == 6)
      #expect(try storage.read(file, at: 0, count: 6) == [1, 2, 3, 0, 0, 9])
      #expect(try storage.read(file, at: 2, count: 2) == [3, 0])
      #expect(try storage.read(file, at: 6, count: 0) == [])
      try storage.resize(file, to: 2)
      try storage.resize(file, to: 4)
      #expect(try storage.read(file, at: 0, count: 4) == [1, 2, 0, 0])
      try storage.synchronize(file)
    }
  }

  @Test("gives a file that is locked to one at a time, until that closes it", arguments: MediumKind.allCases)
  func locks(kind: MediumKind) throws {
    try kind.withStorage { storage in
      let lock = { () throws(ErrorClass) -> Int32 in try storage.lock("lock") }
      let first = try lock()
      #expect(refusal { () throws(ErrorClass) in _ = try lock() } == .inUse)
      // It is a lock among those who ask for it, and of this file alone.
      storage.close(try storage.open("lock", .reading))
      storage.close(try storage.lock("other"))
      storage.close(first)
      storage.close(try lock())
    }
  }

  @Test("tells files from folders and from nothing, and makes way for either", arguments: MediumKind.allCases)
  func ways(kind: MediumKind) throws {
    try kind.withStorage { storage in
      try storage.makeDirectory("folder")
      try storage.makeDirectory("folder/folder")
      try put([1], "folder/folder/file", on: storage)
      #expect(try storage.kind(of: "folder/folder") == .directory)
      #expect(try storage.kind(of: "folder/folder/file") == .file)
      #expect(try storage.kind(of: "folder/none") == nil)
      #expect(try storage.kind(of: "none/none") == nil)
      #expect(refusal { () throws(ErrorClass) in _ = try storage.kind(of: "folder/folder/file/x") } == .io)
      // What is of the right kind stays.
      try storage.makeWay(at: "folder", for: .directory)
      try storage.makeWay(at: "folder/folder/file", for: .file)
      try storage.makeWay(at: "none", for: .file)
      #expect(try content("folder/folder/file", on: storage) == [1])
      try storage.makeWay(at: "folder", for: .file)
      #expect(try storage.kind(of: "folder") == nil)
      try put([1], "file", on: storage)
      try storage.makeWay(at: "file", for: .directory)
      #expect(try storage.kind(of: "file") == nil)
      // Nothing that a device makes is as deep as this.
      var deep: StoragePath = "deep"
      for _ in 0..<12 {
        try storage.makeDirectory(deep)
        deep = deep.appending("x")
      }
      #expect(refusal { () throws(ErrorClass) in try storage.removeAll("deep") } == .io)
    }
  }

  @Test("reads exactly what was asked for, or nothing: io", arguments: MediumKind.allCases)
  func shortReads(kind: MediumKind) throws {
    try kind.withStorage { storage in
      try put([1, 2, 3], "file", on: storage)
      let file = try storage.open("file", .reading)
      defer { storage.close(file) }
      for (offset, count) in [(0, 4), (3, 1), (4, 1), (1 << 40, 1)] as [(UInt64, Int)] {
        #expect(refusal { () throws(ErrorClass) in _ = try storage.read(file, at: offset, count: count) } == .io)
      }
    }
  }

  @Test("tells what isn't there from what is another kind of thing", arguments: MediumKind.allCases)
  func kinds(kind: MediumKind) throws {
    try kind.withStorage { storage in
      try storage.makeDirectory("folder")
      try put([1], "file", on: storage)
      let cases: [(ErrorClass, () throws(ErrorClass) -> Void)] = [
        (.notFound, { () throws(ErrorClass) in _ = try storage.open("missing", .reading) }),
        (.notFound, { () throws(ErrorClass) in _ = try storage.open("missing/file", .writing) }),
        (.notFound, { () throws(ErrorClass) in try storage.rename("missing", to: "other") }),
        (.notFound, { () throws(ErrorClass) in try storage.rename("file", to: "missing/file") }),
        (.notFound, { () throws(ErrorClass) in try storage.remove("missing") }),
        (.notFound, { () throws(ErrorClass) in try storage.makeDirectory("missing/folder") }),
        (.notFound, { () throws(ErrorClass) in try storage.synchronizeDirectory("missing") }),
        (.notFound, { () throws(ErrorClass) in _ = try storage.names(in: "missing") }),
        (.io, { () throws(ErrorClass) in _ = try storage.open("folder", .reading) }),
        (.io, { () throws(ErrorClass) in _ = try storage.open("folder", .writing) }),
        (.io, { () throws(ErrorClass) in _ = try storage.open("file/file", .writing) }),
        (.io, { () throws(ErrorClass) in _ = try storage.names(in: "file") }),
        (.io, { () throws(ErrorClass) in try storage.synchronizeDirectory("file") }),
        (.io, { () throws(ErrorClass) in try storage.rename("file", to: "folder") }),
        (.io, { () throws(ErrorClass) in try storage.rename("folder", to: "file") }),
      ]
      for (index, (expected, body)) in cases.enumerated() { #expect(refusal(body) == expected, "\(index)") }
      #expect(try storage.names(in: "") == [Array("file".utf8), Array("folder".utf8)])
    }
  }

  @Test("renames files and directories, over others of their kind", arguments: MediumKind.allCases)
  func renaming(kind: MediumKind) throws {
    try kind.withStorage { storage in
      for path in ["one", "two", "two/inside"] as [StoragePath] { try storage.makeDirectory(path) }
      try put([1], "one/file", on: storage)
      try put([2], "two/file", on: storage)
      // Whoever has a file open keeps it.
      let open = try storage.open("two/file", .reading)
      defer { storage.close(open) }
      try storage.rename("one/file", to: "two/file")
      #expect(try content("two/file", on: storage) == [1])
      #expect(try storage.read(open, at: 0, count: 1) == [2])
      #expect(try storage.names(in: "one") == [])
      try storage.rename("two/file", to: "two/file")
      #expect(refusal { () throws(ErrorClass) in try storage.rename("one", to: "two") } == .io)
      try storage.rename("two", to: "one")
      #expect(try content("one/file", on: storage) == [1])
      #expect(try storage.names(in: "") == [Array("one".utf8)])
    }
  }

  @Test("removes files, and directories with nothing in them", arguments: MediumKind.allCases)
  func removing(kind: MediumKind) throws {
    try kind.withStorage { storage in
      try storage.makeDirectory("folder")
      try storage.makeDirectory("folder")
      try put([1], "folder/file", on: storage)
      let open = try storage.open("folder/file", .writing)
      defer { storage.close(open) }
      #expect(refusal { () throws(ErrorClass) in try storage.remove("folder") } == .io)
      try storage.remove("folder/file")
      #expect(!storage.exists("folder/file"))
      try storage.write(([7] as [UInt8]).span.bytes, to: open, at: 0)
      #expect(try storage.read(open, at: 0, count: 1) == [7])
      try storage.remove("folder")
      #expect(try storage.names(in: "") == [])
      storage.discard("folder")
    }
  }

  @Test("tells the content of a file only up to a limit", arguments: MediumKind.allCases)
  func limit(kind: MediumKind) throws {
    try kind.withStorage { storage in
      try put(testBytes(100), "file", on: storage)
      #expect(try storage.content(of: "file", atMost: 100) == testBytes(100))
      #expect(refusal { () throws(ErrorClass) in _ = try storage.content(of: "file", atMost: 99) } == .limitExceeded)
      #expect(storage.exists("file"))
      #expect(!storage.exists("other"))
    }
  }

  @Test("replaces files, and leaves no trace of an attempt that failed", arguments: MediumKind.allCases)
  func replacing(kind: MediumKind) throws {
    try kind.withStorage { storage in
      try storage.makeDirectory("folder")
      try replace("folder/file", with: testBytes(10_000), on: storage)
      // What somebody left there is none of the new content.
      try put(testBytes(50_000), "folder/.file", on: storage)
      try replace("folder/file", with: [2], on: storage)
      #expect(try content("folder/file", on: storage) == [2])
      func fail(_ storage: some Storage) -> ErrorClass? {
        refusal { () throws(ErrorClass) in
          try storage.replace("folder/file") { (file) throws(ErrorClass) in
            try file.write([3], at: 0)
            throw .digestMismatch
          }
        }
      }
      #expect(fail(storage) == .digestMismatch)
      #expect(try content("folder/file", on: storage) == [2])
      // Where a file belongs, a folder is in the way; so is one in the place of what is to replace it.
      for path in ["folder/other", "folder/.other"] as [StoragePath] {
        try storage.makeDirectory(path)
        try put([1], path.appending("x"), on: storage)
      }
      try replace("folder/other", with: [1], on: storage)
      #expect(try content("folder/other", on: storage) == [1])
      #expect(try storage.names(in: "folder") == [Array("file".utf8), Array("other".utf8)])
    }
  }

  @Test("is the same in a thousand random operations, whichever of the two kinds it is", arguments: 0..<3)
  func alike(seed: Int) throws {
    try MediumKind.posix.withStorage { real in
      let simulated = SimulatedStorage()
      for path in ["a", "b", "b/b"] as [StoragePath] {
        try real.makeDirectory(path)
        try simulated.makeDirectory(path)
      }
      var generator = SeededGenerator(seed: UInt64(seed))
      var tellings = 0
      for step in 0..<400 {
        let operation = RandomOperation(using: &generator)
        let expected = operation.perform(on: real)
        try #require(operation.perform(on: simulated) == expected, "seed \(seed), step \(step): \(operation)")
        if case .success = expected { tellings += 1 }
      }
      #expect(tellings > 100)
      let trees = (simulated: try tree(of: simulated), real: try tree(of: real))
      #expect(trees.simulated == trees.real)
    }
  }

  /// Every path, and the content of what is a file.
  private func tree(of storage: any Storage) throws -> [[UInt8]: [UInt8]?] {
    var found: [[UInt8]: [UInt8]?] = [:]
    func walk(_ directory: StoragePath) throws {
      for name in try storage.names(in: directory) {
        let path = directory.appending(name)
        if storage.exists(path) {
          found[path.bytes] = try storage.content(of: path, atMost: 1 << 20)
        } else {
          found[path.bytes] = .some(nil)
          try walk(path)
        }
      }
    }
    try walk("")
    return found
  }
}
