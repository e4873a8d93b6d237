import BootChain
import CBOR
import ErrorClass
import Foundation
import FormatFixtures
import HuskFormat
import SecretBytes
import TestSupport
import Testing

/// SPEC 7.1.
@Suite("Fuses")
struct FusesTests {
  private static let uds = bytes(named: "UDS")

  private func parse(_ state: BootState, _ edit: Edit = { $0 }) -> ErrorClass? {
    let encoded = Fuses.encodePublicPart(state)
    let bytes = Array(encoded[..<8]) + edit(Array(encoded[8...]))
    return outcome { () throws(ErrorClass) in _ = try Fuses.parse(bytes) }
  }

  @Test("are read as they were written")
  func roundTrip() throws {
    var state = try BootState.fixture()
    #expect(try Fuses.parse(Fuses.encodePublicPart(state)) == state)
    state.bootRoots = .of(.bootRoot, .stranger, .deviceRoot, TestKey("fourth"), revoked: 0xf5)
    state.floors = Floors(loader: .max, decryptor: 0, firmware: 1 << 63)
    state.keyEpoch = 1 << 63 - 1
    state.time = 1 << 63 - 1
    state.hasTrustedClock = true
    for lifecycle in Lifecycle.allCases {
      state.lifecycle = lifecycle
      #expect(try Fuses.parse(Fuses.encodePublicPart(state)) == state)
    }
  }

  @Test("have the form of SPEC 7.1")
  func form() throws {
    let state = try BootState.fixture()
    let expected =
      "d9d9f7da48757346" + "a8" + "01815820" + hex(TestKey.bootRoot.thumbprint) + "0200" + "03193000"
      + "0483010203" + "0502" + "061a6b49d200" + "07f4" + "08" + hex(state.silicon)
    #expect(hex(Fuses.encodePublicPart(state)) == expected)
  }

  static let breakages = Breakage.all(required: (1...8).map { $0 }) + Breakage.values(of: (1...8).map { $0 })

  @Test("are refused in any other form", arguments: breakages)
  func broken(_ breakage: Breakage) throws {
    let state = try BootState.fixture()
    #expect(parse(state, breakage.edit) == .malformed)
  }

  @Test("are refused with values that SPEC doesn't know")
  func values() throws {
    let state = try BootState.fixture()
    func outcome(_ label: Int64, _ value: [UInt8]) -> ErrorClass? { parse(state, editMap { $0.set(label, to: value) }) }
    let root = RawMap.item { $0.encode(bytes: bytes(named: "root")) }
    #expect(outcome(1, [0x84] + root + root + root + root) == nil)
    #expect(outcome(1, [0x85] + root + root + root + root + root) == .malformed)
    #expect(outcome(1, [0x81, 0x58, 31] + [UInt8](repeating: 0, count: 31)) == .malformed)
    #expect(outcome(2, [0x18, 0xff]) == nil)
    #expect(outcome(2, [0x19, 1, 0]) == .malformed)
    #expect(outcome(3, [0x19, 0x70, 0]) == .malformed)
    #expect(outcome(4, [0x82, 1, 2]) == .malformed)
    #expect(outcome(4, [0x84, 1, 2, 3, 4]) == .malformed)
    let huge: [UInt8] = [0x1b, 0x80, 0, 0, 0, 0, 0, 0, 0]
    #expect(outcome(5, huge) == .limitExceeded)
    #expect(outcome(6, huge) == .limitExceeded)
    #expect(outcome(8, try ChainFixture(root: .deviceRoot, []).encoded()) == .malformed)
    let seven = (0..<7).map { LinkFixture("\($0)", [.silicon]) }
    #expect(outcome(8, try ChainFixture(root: .deviceRoot, seven).encoded()) == .limitExceeded)
    var grant = Fuses.encodePublicPart(state)
    grant[7] = 0x47
    #expect(BootChainTests.outcome { () throws(ErrorClass) in _ = try Fuses.parse(grant) } == .malformed)
  }

  // MARK: The file

  private func read(_ path: String) -> ErrorClass? {
    outcome { () throws(ErrorClass) in
      let fuses = try Fuses(path: path)
      _ = fuses.uds.count
    }
  }

  @Test("come from a file, with the secret at its end")
  func file() throws {
    let folder = try TemporaryFolder()
    let state = try BootState.fixture()
    try folder.write(Fuses.encodePublicPart(state) + Self.uds, to: "fuses")
    let fuses = try Fuses(path: folder.path("fuses"))
    #expect(fuses.state == state)
    #expect(fuses.uds.bytes == Self.uds)
  }

  @Test("that aren't there, aren't a file, or are of another size are refused")
  func refused() throws {
    let folder = try TemporaryFolder()
    let file = Fuses.encodePublicPart(try BootState.fixture()) + Self.uds
    #expect(read(folder.path("missing")) == .io)
    #expect(read(folder.path("")) == .io, "a directory")
    let pipe = folder.path("pipe")
    #expect(mkfifo(pipe, 0o600) == 0)
    #expect(read(pipe) == .io, "a pipe, without waiting for a writer")
    for count in [0, 1, 32, 33, 40, file.count - 1] {
      try folder.write(Array(file[..<count]), to: "short")
      #expect(read(folder.path("short")) == .malformed, "\(count) bytes")
    }
    try folder.write(file + [0], to: "long")
    #expect(read(folder.path("long")) == .malformed)
    try folder.write([UInt8](repeating: 0, count: 32_769), to: "huge")
    #expect(read(folder.path("huge")) == .limitExceeded)
  }
}
