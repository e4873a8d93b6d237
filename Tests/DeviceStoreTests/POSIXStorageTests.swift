import CLinux
import DeviceStore
import DeviceSupport
import ErrorClass
import Foundation
import Testing

/// What only a real file system has.
@Suite("Storage in the file system", .serialized)
struct POSIXStorageTests {
  private let scratch: Scratch
  private let folder: Folder

  init() throws {
    scratch = try Scratch()
    folder = Folder(scratch.directory)
  }

  private func control(_ storage: POSIXStorage) -> ControlFiles<POSIXStorage> {
    ControlFiles("control", on: storage)
  }

  private func goThroughLink(_ number: Int, on storage: POSIXStorage) throws(ErrorClass) {
    switch number {
    case 0: _ = try storage.open("link/file", .reading)
    case 1: _ = try storage.open("link/new", .writing)
    case 2: _ = try storage.open("inside/link", .reading)
    case 3: _ = try storage.open("inside/link", .writing)
    case 4: _ = try storage.open("inside/dangling", .writing)
    case 5: try storage.rename("inside/file", to: "link/file")
    case 6: try storage.rename("link/file", to: "inside/file")
    case 7: try storage.remove("link/file")
    case 8: try storage.makeDirectory("link/folder")
    case 9: try storage.synchronizeDirectory("link")
    case 10: _ = try storage.names(in: "link")
    case 11: _ = try storage.lock("inside/link")
    default: try replace("link/file", with: [3], on: storage)
    }
  }

  @Test("reaches nothing through a symbolic link, in place of no name of a path")
  func links() throws {
    try folder.use { storage in
      for path in ["outside", "inside"] as [StoragePath] { try storage.makeDirectory(path) }
      try put([1], "outside/file", on: storage)
      #expect(symlink("outside", folder.path("link")) == 0)
      #expect(symlink("../outside/file", folder.path("inside/link")) == 0)
      #expect(symlink("../outside/new", folder.path("inside/dangling")) == 0)
      try put([2], "inside/file", on: storage)
      for number in 0..<13 {
        #expect(refusal { () throws(ErrorClass) in try goThroughLink(number, on: storage) } == .io, "\(number)")
      }
      #expect(try storage.names(in: "outside") == [Array("file".utf8)])
      #expect(try folder.content("outside/file") == [1])
      #expect(try folder.content("inside/file") == [2])
    }
  }

  @Test("replaces and removes a symbolic link itself, never what it leads to")
  func linksAsNames() throws {
    try folder.use { storage in
      try put([1], "file", on: storage)
      for link in ["one", "two", ".three"] { #expect(symlink("file", folder.path(link)) == 0) }
      try replace("one", with: [2], on: storage)
      try storage.remove("two")
      try replace("three", with: [3], on: storage)
      #expect(try folder.content("file") == [1])
      #expect(try folder.content("one") == [2])
      #expect(try folder.content("three") == [3])
      #expect(try storage.names(in: "") == ["file", "one", "three"].map { Array($0.utf8) })
    }
  }

  @Test("opens only regular files, without waiting for anybody")
  func kinds() throws {
    try folder.use { storage in
      #expect(mkfifo(folder.path("fifo"), 0o600) == 0)
      for mode in [StorageMode.reading, .writing] {
        #expect(refusal { () throws(ErrorClass) in _ = try storage.open("fifo", mode) } == .io)
      }
    }
  }

  @Test("refuses names that are too long for a file system")
  func longNames() throws {
    try folder.use { storage in
      let long = [UInt8](repeating: UInt8(ascii: "x"), count: 256)
      for path in [StoragePath("").appending(long), StoragePath("").appending(long).appending("file")] {
        #expect(refusal { () throws(ErrorClass) in _ = try storage.open(path, .writing) } == .io)
      }
    }
  }

  private func write(_ number: Int, on storage: POSIXStorage) throws(ErrorClass) {
    switch number {
    case 0: _ = try storage.open("file", .writing)
    case 1: _ = try storage.open("new", .writing)
    case 2: try storage.rename("file", to: "other")
    case 3: try storage.remove("file")
    case 4: try storage.makeDirectory("folder")
    case 5: try replace("file", with: [2], on: storage)
    default: try control(storage).write(UpdateState())
    }
  }

  @Test(
    "says read-only where files can't be written, and reads on",
    .enabled(if: Mount.isAvailable, "mounting a file system takes root"))
  func readOnly() throws {
    try Mount.with(scratch.directory, megabytes: 1) { mount in
      try Folder(mount.url).use { storage in
        try put([1], "file", on: storage)
        try mount.makeReadOnly()
        for number in 0..<7 {
          #expect(refusal { () throws(ErrorClass) in try write(number, on: storage) } == .readOnly, "\(number)")
        }
        #expect(try content("file", on: storage) == [1])
        #expect(try storage.names(in: "") == [Array("file".utf8)])
      }
    }
  }

  @Test(
    "says no-space where nothing more fits, tells how much does, and keeps what is there",
    .enabled(if: Mount.isAvailable, "mounting a file system takes root"))
  func full() throws {
    try Mount.with(scratch.directory, megabytes: 1) { mount in
      try Folder(mount.url).use { storage in
        try put([1], "file", on: storage)
        try control(storage).write(UpdateState())
        let free = try storage.freeSpace()
        #expect((500_000...1_048_576).contains(free))
        #expect(
          refusal { () throws(ErrorClass) in
            try replace("file", with: testBytes(Int(free) + 8192), on: storage)
          } == .noSpace)
        #expect(try storage.names(in: "") == ["control", "file"].map { Array($0.utf8) })
        #expect(try storage.freeSpace() == free)
        try put(testBytes(Int(free) - 8192), "filling", on: storage)
        let rest = try StoredFile("rest", .writing, on: storage)
        #expect(refusal { () throws(ErrorClass) in try rest.write(testBytes(65_536), at: 0) } == .noSpace)
        #expect(try storage.freeSpace() < 4096)
        var state = UpdateState()
        state.install(.b, version: nil)
        #expect(refusal { () throws(ErrorClass) in try control(storage).write(state) } == .noSpace)
        #expect(control(storage).read() == UpdateState())
        #expect(try content("file", on: storage) == [1])
        try storage.remove("filling")
        try control(storage).write(state)
        #expect(control(storage).read() == state)
      }
    }
  }

  @Test("keeps to the descriptors it was given: none is left open")
  func descriptors() throws {
    try folder.use { storage in
      func count() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }
      try storage.makeDirectory("folder")
      let before = try count()
      for _ in 0..<200 {
        try put([1], "folder/file", on: storage)
        _ = try StoredFile("folder/file", .reading, on: storage)
        try replace("folder/file", with: [1], on: storage)
        storage.discard("missing/file")
        _ = try storage.names(in: "folder")
        _ = refusal { () throws(ErrorClass) in try storage.rename("folder/file", to: "missing/file") }
      }
      // Other tests run meanwhile.
      #expect(try count() < before + 150)
    }
  }
}
