import CLinux
import DeviceSupport
import ErrorClass
import FormatFixtures
import HuskFormat
import Testing

@Suite("A module's package", .enabled(if: devicesAvailable, needsDevices))
struct ContentTests {
  @Test("doesn't load when it was changed, wherever the change is")
  func changed() throws {
    let bench = try Bench()
    let package = try bench.module.sealed()
    let file = try package.file()
    let grant = try bench.grant.file()
    let world = try bench.device.startSecureWorld()
    for damage in try Damage.all(of: package) {
      #expect(
        try world.refusal(package: damage.apply(file), grant: grant) == damage.errorClass, "\(damage.description)")
    }
    for place in try package.front().indices {
      var changed = file
      changed[place] ^= 0x10
      #expect(try world.refusal(package: changed, grant: grant) != nil, "byte \(place)")
    }
    #expect(try world.refusal(package: file, grant: grant) == nil)
  }

  @Test("may be large; each of its segments counts, and their order")
  func segments() throws {
    var bench = try Bench()
    // What follows the ELF object is part of the module, and doesn't compress.
    bench.module.object += (0..<25_000).flatMap { bytes(named: "\($0)") }
    bench.module.package.manifest.sizeBound = padme(UInt64(bench.module.object.count))
    let package = try bench.module.sealed()
    let layout = package.manifest.segments
    #expect(layout.count == 4)
    let file = try package.file()
    let grant = try bench.grant.file()
    let payload = file.count - package.payload.count
    let world = try bench.device.startSecureWorld()
    for segment in 0..<layout.count {
      var changed = file
      changed[payload + Int(layout.range(of: segment).lowerBound)] ^= 1
      #expect(try world.refusal(package: changed, grant: grant) == .digestMismatch, "segment \(segment)")
    }
    var swapped = file
    for offset in 0..<Int(layout.segmentSize) {
      swapped.swapAt(
        payload + Int(layout.range(of: 1).lowerBound) + offset, payload + Int(layout.range(of: 2).lowerBound) + offset)
    }
    #expect(try world.refusal(package: swapped, grant: grant) == .digestMismatch)
    #expect(try bench.load([bench]) == ["answer 42"])
  }

  @Test("doesn't open with another content key")
  func contentKey() throws {
    let bench = try Bench()
    try bench.expect(.decryptionFailed) { $0.grant.contentKey = bytes(named: "another key") }
    try bench.expect(.decryptionFailed) { $0.module.contentKey = bytes(named: "another key") }
  }

  @Test("doesn't open when it was encrypted as something else")
  func context() throws {
    let bench = try Bench()
    let changes: [(inout Manifest) -> Void] = [
      { $0.name = testName("com.acme.other") }, { $0.epoch = 8 }, { $0.version = Version(1, 2, 4) },
      { $0.machine = $0.machine == 62 ? 183 : 62 },
    ]
    for change in changes {
      try bench.expect(.decryptionFailed) {
        var manifest = $0.module.package.manifest
        change(&manifest)
        $0.module.context = manifest.payloadContext
      }
    }
  }

  @Test("doesn't load when it doesn't hold one frame and its padding")
  func frame() throws {
    let bench = try Bench()
    let object = bench.module.object
    let edits: [(String, Edit)] = [
      ("no frame", { _ in testBytes(10_000) }),
      ("fewer bytes than a frame's header", { Array($0.prefix(5)) }),
      ("nothing", { _ in [] }),
      ("a frame that is cut off", { Array($0.prefix($0.count / 2)) }),
      ("a byte after the padding", { $0 + [0] }),
      ("padding twice", { $0 + [0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 0] }),
      ("padding that isn't zero", { $0.dropLast() + [1] }),
      ("padding that is cut off", { $0.dropLast() }),
      ("a module that isn't compressed", { _ in object }),
    ]
    for (what, edit) in edits {
      try bench.expect(.decompressionFailed, "\(what)") { $0.module.editPlaintext = edit }
    }
  }

  @Test("doesn't load when it is larger than it says")
  func sizeBound() throws {
    let size = UInt64(try Bench().module.object.count)
    try Bench().expect(.sizeMismatch, right: { $0.module.package.manifest.sizeBound = size }) {
      $0.module.package.manifest.sizeBound = size - 1
    }
  }

  @Test("doesn't load when its payload isn't as long as it says")
  func payloadSize() throws {
    let bench = try Bench()
    let size = try bench.module.sealed().manifest.payloadSize
    try bench.expect(.sizeMismatch, right: { $0.module.package.declaredPayloadSize = size }) {
      $0.module.package.declaredPayloadSize = size + 1
    }
    try bench.expect(.sizeMismatch) { $0.module.package.declaredPayloadSize = size - 1 }
    try bench.expect(.sizeMismatch) { $0.module.package.declaredPayloadSize = UInt64.max }
  }

  @Test("doesn't load when it is for another processor")
  func machine() throws {
    try Bench().expect(.wrongArchitecture) {
      $0.module.package.manifest.machine = $0.module.package.manifest.machine == 62 ? 183 : 62
    }
  }

  @Test("doesn't load when what it holds isn't a shared object for this processor")
  func notAModule() throws {
    let bench = try Bench()
    try bench.expect(.notAModule, "text") { $0.module.object = Array("not an ELF object".utf8) }
    try bench.expect(.notAModule, "another machine") { $0.module.object[18] = linux_machine() == 62 ? 183 : 62 }
    try bench.expect(.notAModule, "a relocatable object") { $0.module.object[16] = 1 }
    try bench.expect(.notAModule, "a 32-bit object") { $0.module.object[4] = 1 }
    try bench.expect(.notAModule, "a cut-off object") { $0.module.object = Array($0.module.object.prefix(40)) }
  }
}
