import BootChain
import CBOR
import CLinux
import DICE
import ErrorClass
import FormatFixtures
import HuskFormat
import SecretBytes
import SecureWorld

@testable import DeviceStore
@testable import SecureStorage

extension FuzzTarget {
  /// What stages hand to each other: handoff, fuses, messages of the secret provider.
  static let handoff = FuzzTarget(name: "handoff") { bytes in
    if let notes = attempt({ () throws(ErrorClass) in try HandoffNotes(bytes) }) {
      expect(notes.encoded() == bytes, "notes aren't written as they were read")
    }
    drain(bytes)
    receive(bytes)
    if let state = attempt({ () throws(ErrorClass) in try Fuses.parse(bytes) }) {
      expect(Fuses.encodePublicPart(state) == bytes, "fuses aren't written as they were read")
    }
    if let request = try? ProviderRequest(parsing: bytes[...]) {
      expect(request.encoded() == bytes, "a request isn't written as it was read")
    }
    if let reply = attempt({ () throws(CBORError) in try ProviderReply(parsing: bytes[...]) }) {
      expect(reply.encoded() == bytes, "a reply isn't written as it was read")
    }
    return true
  } seeds: { vector in
    guard vector.kind == "identity", let file = attempt({ () throws(FormatError) in try IdentityFile(vector.object) })
    else {
      return [
        ProviderRequest(id: 1, operation: .incrementCounter).encoded(),
        ProviderReply(id: 1, result: .value(7)).encoded(),
        ProviderReply(id: 1, result: .nothing).encoded(), ProviderReply(id: 1, result: .failed(.io)).encoded(),
      ]
    }
    var notes = notes(file)
    let both = notes.encoded()
    notes.certificates.removeLast()
    notes.boot = BootNotes(slot: .b, watchdog: 60, needsRefresh: true)
    return [both, notes.encoded(), Fuses.encodePublicPart(notes.state)]
  }

  /// The handoff of a device with a vector's identity.
  private static func notes(_ file: IdentityFile) -> HandoffNotes {
    HandoffNotes(
      state: BootState(
        bootRoots: .of(.bootRoot, .stranger, revoked: 2), lifecycle: .secured,
        floors: Floors(loader: 1, decryptor: 2, firmware: 3), keyEpoch: 4, time: Moment.issued, hasTrustedClock: false,
        silicon: CertificateChain.encode(
          root: file.silicon.root, certificates: file.silicon.certificates.map(\.encoded))),
      certificates: file.dice.map(\.object.encoded), firmwareUser: 64902, firmwareGroup: 64902,
      boot: BootNotes(slot: .a))
  }

  /// The bootloader's way: through a pipe, behind two secrets.
  private static func drain(_ bytes: [UInt8]) {
    var (readEnd, writeEnd): (Int32, Int32) = (-1, -1)
    expect(linux_pipe(&readEnd, &writeEnd) == 0, "there is no pipe to be had")
    // What doesn't fit the pipe would wait.
    let content = [UInt8](repeating: 7, count: 2 * DICE.secretSize) + bytes.prefix(60_000)
    _ = linux_write_all(writeEnd, content, content.count)
    close(writeEnd)
    _ = try? Handoff(draining: readEnd).notes
  }

  /// The decryptor's way: from its secret provider. Whatever that says to one request is said to all.
  private static func receive(_ bytes: [UInt8]) {
    let socket = SocketPair()
    let channel = Channel(socket: socket.far)
    let secrets = [UInt8](repeating: 7, count: 2 * DICE.secretSize)
    let message = bytes.count > 32 ? secrets + bytes : bytes
    guard attempt({ () throws(Channel.Failure) in try channel.send(message, waits: false) }) != nil else { return }
    _ = attempt { () throws(Channel.Failure) in try channel.send(bytes, waits: false) }
    shutdown(socket.far, Int32(SHUT_WR))
    var provider = ProviderClient(socket: socket.near)
    _ = try? provider.secrets().notes
    _ = try? provider.counter()
  }

  /// Control files, and the state in them behind a checksum that fits.
  static let control = FuzzTarget(name: "control") { bytes in
    guard bytes.count <= ControlRecord.maximumSize else { return false }
    if let record = ControlRecord(bytes) {
      expect(record.encoded() == bytes, "a record isn't written as it was read")
    }
    guard let anew = withFittingChecksum(bytes), let record = ControlRecord(anew) else { return true }
    expect(record.encoded() == anew, "a record isn't written as it was read")
    return true
  } seeds: {
    $0.kind == "control" ? [$0.object] : []
  }

  private static func withFittingChecksum(_ bytes: [UInt8]) -> [UInt8]? {
    attempt { () throws(CBORError) in
      var reader = CBORReader(bytes)
      _ = try reader.readTag()
      _ = try reader.readTag()
      _ = try reader.readArrayHeader()
      let sequence = try reader.readUnsigned()
      let state = Array(try reader.readBytes())
      var covered = CBOREncoder()
      covered.beginArray(2)
      covered.encode(unsigned: sequence)
      covered.encode(encoded: state)
      var encoder = CBOREncoder()
      encoder.tag(55799)
      encoder.tag(FileLabel.control.rawValue)
      encoder.beginArray(3)
      encoder.encode(unsigned: sequence)
      encoder.encode(bytes: state)
      encoder.encode(unsigned: UInt64(CRC32.checksum(covered.bytes)))
      return encoder.bytes
    }
  }

  /// Secure storage: the file, and the state in it as if it were authentic.
  static let storage = FuzzTarget(name: "storage") { bytes in
    if bytes.count > SealedState.paddedSize, let key = try? secret(named: "storage key") {
      do {
        _ = try SealedState.open(bytes, key: key)
      } catch {
        expect(false, "a storage file is an error instead of none")
      }
    }
    guard var state = attempt({ () throws(CBORError) in try SecureState(padded: bytes) }) ?? nil else { return true }
    let encoded = state.encoded()
    expect(bytes.starts(with: encoded), "a state isn't written as it was read")
    expect(
      attempt { () throws(CBORError) in try SecureState(padded: encoded) } == state,
      "a state isn't read as it was written")
    // It goes on from there.
    for name in ["com.acme.codec", "org.other"] {
      let load = SecureState.Load(
        testName(name), sequence: 5, securityVersion: 4, vendorScope: testScope("com.acme."), time: Moment.present,
        isOnTrial: false)
      _ = attempt { () throws(ErrorClass) in try state.record(load) }
    }
    let mark = StatusMark(scope: testScope("com.acme."), number: 7, digest: FormatFixtures.bytes(named: "list"))
    _ = attempt { () throws(ErrorClass) in try state.record(mark, of: testScope("com.acme.")) }
    let later = state.encoded()
    expect(later.count <= SealedState.paddedSize, "a state doesn't fit its file")
    expect(
      attempt { () throws(CBORError) in try SecureState(padded: later) } == state,
      "a state isn't read as it was written")
    return true
  } seeds: { vector in
    guard vector.kind == "storage" else { return [] }
    guard let key = try? secret(named: "storage key"),
      let state = try? SealedState.open(vector.object, key: key)?.state
    else { return [vector.object] }
    return [vector.object, state.encoded()]
  }
}
