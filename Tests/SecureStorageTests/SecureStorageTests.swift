import Cryptography
import ErrorClass
import FormatFixtures
import HuskFormat
import SecretBytes
import SecureStorage
import Testing

private let codec = testName("com.acme.codec")
private let acme = testScope("com.acme.")

func start(
  _ platform: Platform, key: String = "storage key"
) throws(ErrorClass) -> SecureStorage {
  guard let key = try? secret(bytes(named: key)) else { throw .outOfMemory }
  var medium = platform.medium
  return try SecureStorage.start(on: &medium, key: key)
}

/// A change of state.
typealias Change = (inout SecureState) throws(ErrorClass) -> Void

/// - Parameter floor: the package's security version.
func load(
  _ name: Name = testName("com.acme.codec"), sequence: UInt64, floor: UInt64 = 4,
  scope: Scope = testScope("com.acme."), time: UInt64 = 0, isOnTrial: Bool = false
) -> SecureState.Load {
  SecureState.Load(
    name, sequence: sequence, securityVersion: floor, vendorScope: scope, time: time, isOnTrial: isOnTrial)
}

private func module(_ sequence: UInt64, floor: UInt64 = 4, isOnTrial: Bool = false) -> Change {
  { (state) throws(ErrorClass) in
    try state.record(load(sequence: sequence, floor: floor, time: sequence, isOnTrial: isOnTrial))
  }
}

/// Starts and changes the state; returns the error.
func outcome(_ platform: Platform, _ change: Change) -> ErrorClass? {
  do throws(ErrorClass) {
    var storage = try start(platform)
    return update(&storage, on: platform, change)
  } catch {
    return error
  }
}

private func record(_ sequence: UInt64, on platform: Platform) {
  #expect(outcome(platform, module(sequence)) == nil)
}

func state(of platform: Platform, key: String = "storage key") throws -> SecureState {
  let storage = try start(platform, key: key)
  return storage.state
}

/// SPEC 7.8.
@Suite("Secure storage")
struct SecureStorageTests {
  @Test("a new device's is empty, of generation 0, and writes nothing")
  func new() throws {
    let platform = Platform()
    #expect(try state(of: platform) == SecureState(generation: 0))
    #expect(platform.counter == 0)
    #expect(platform.files == [[], []])
  }

  @Test("remembers sequence numbers, times and status lists across starts")
  func remembers() throws {
    let platform = Platform()
    let mark = StatusMark(scope: acme, number: 3, digest: bytes(named: "list"))
    record(7, on: platform)
    #expect(outcome(platform) { (state) throws(ErrorClass) in try state.record(mark, of: acme) } == nil)
    let state = try state(of: platform)
    #expect(state.highestSequence(of: codec) == 7)
    #expect(state.highestSequence(of: testName("com.acme.other")) == 0)
    #expect(state.floor(of: codec) == 4)
    #expect(state.floor(of: testName("com.acme.other")) == 0)
    #expect(state.time(in: acme) == 7)
    #expect(state.time(in: testScope("org.other.")) == 0)
    #expect(state.statusMarks == [mark])
    #expect(state.generation == 0)
    #expect(platform.counter == 4)
  }

  @Test("what changes nothing is not written")
  func unchanged() throws {
    let platform = Platform()
    record(7, on: platform)
    let files = platform.files
    record(7, on: platform)
    #expect(platform.files == files)
    #expect(platform.counter == 2)
  }

  @Test("the first change of a run takes two steps of the counter, and each later one takes one")
  func steps() throws {
    let platform = Platform()
    var storage = try start(platform)
    #expect(update(&storage, on: platform, module(1)) == nil)
    #expect(platform.counter == 2)
    #expect(update(&storage, on: platform, module(2)) == nil)
    #expect(update(&storage, on: platform, module(2)) == nil)
    #expect(platform.counter == 3)
    record(3, on: platform)
    #expect(platform.counter == 5)
  }

  @Test("after a write that failed, the next change takes two steps again")
  func stepsAfterFailure() throws {
    let platform = Platform()
    var storage = try start(platform)
    #expect(update(&storage, on: platform, module(1)) == nil)
    platform.power = 0
    #expect(update(&storage, on: platform, module(2)) == .io)
    platform.power = nil
    #expect(update(&storage, on: platform, module(3)) == nil)
    #expect(platform.counter == 4)
    #expect(try state(of: platform).highestSequence(of: codec) == 3)
  }

  @Test("a change whose last write fails is in force; what is known costs the next run two steps, once")
  func unsettled() throws {
    let platform = Platform()
    var storage = try start(platform)
    platform.power = 4
    #expect(update(&storage, on: platform, module(1)) == nil)
    platform.power = nil
    #expect(platform.counter == 2)
    record(1, on: platform)
    #expect(platform.counter == 4)
    record(1, on: platform)
    #expect(platform.counter == 4)
  }

  @Test("what isn't known to be settled needs steps of the counter: none, no release")
  func unsettledWithoutCounter() throws {
    let platform = Platform()
    var storage = try start(platform)
    platform.power = 4
    #expect(update(&storage, on: platform, module(1)) == nil)
    platform.power = nil
    storage = try start(platform)
    platform.power = 0
    #expect(update(&storage, on: platform, module(1)) == .io)
    #expect(storage.state.highestSequence(of: codec) == 1)
  }

  @Test("a lower sequence number is refused as rollback")
  func lower() throws {
    let platform = Platform()
    record(7, on: platform)
    #expect(outcome(platform, module(6)) == .rollback)
    #expect(try state(of: platform).highestSequence(of: codec) == 7)
  }

  @Test("a lower security version is refused as rollback, and a higher one raises the floor")
  func floor() throws {
    let platform = Platform()
    #expect(outcome(platform, module(7, floor: 4)) == nil)
    #expect(outcome(platform, module(8, floor: 3)) == .rollback)
    #expect(try state(of: platform).highestSequence(of: codec) == 7)
    #expect(outcome(platform, module(7, floor: 9)) == nil)
    #expect(try state(of: platform).floor(of: codec) == 9)
    #expect(outcome(platform, module(7, floor: 8)) == .rollback)
    #expect(outcome(platform, module(7, floor: .max)) == nil)
    #expect(try state(of: platform).floor(of: codec) == .max)
  }

  @Test("a load on trial is refused like any other, and raises neither sequence number nor floor")
  func onTrial() throws {
    let platform = Platform()
    #expect(outcome(platform, module(7, floor: 4, isOnTrial: true)) == nil)
    let fresh = try state(of: platform)
    #expect((fresh.highestSequence(of: codec), fresh.floor(of: codec)) == (0, 0))
    #expect(fresh.time(in: acme) == 7)
    #expect(outcome(platform, module(6, floor: 3)) == nil)
    #expect(outcome(platform, module(9, floor: 5, isOnTrial: true)) == nil)
    let after = try state(of: platform)
    #expect((after.highestSequence(of: codec), after.floor(of: codec)) == (6, 3))
    #expect(after.time(in: acme) == 9)
    #expect(outcome(platform, module(5, floor: 5, isOnTrial: true)) == .rollback)
    #expect(outcome(platform, module(9, floor: 2, isOnTrial: true)) == .rollback)
  }

  @Test(
    "a power cut at any operation, torn writes included, leaves the old state or the new one", arguments: [false, true])
  func powerCuts(tears: Bool) throws {
    var points = 0
    for history in 0...3 {
      for cut in 0... {
        let platform = Platform()
        for number in 0..<history { record(UInt64(number) + 1, on: platform) }
        let before = UInt64(history)
        let counter = platform.counter
        platform.power = cut
        platform.tears = tears
        let outcome = outcome(platform, module(before + 1))
        #expect(outcome == nil || outcome == .io)
        points += 1
        // The cut can come again while the storage starts.
        for second in 0..<8 {
          platform.power = second
          _ = try? state(of: platform)
        }
        platform.power = nil
        let after = try state(of: platform)
        #expect(after.generation == 0)
        #expect([before, before + 1].contains(after.highestSequence(of: codec)))
        #expect(platform.counter >= counter)
        if outcome == nil {
          #expect(after.highestSequence(of: codec) == before + 1)
          break
        }
        record(before + 2, on: platform)
        #expect(try state(of: platform).highestSequence(of: codec) == before + 2)
      }
    }
    #expect(points > 16)
  }

  @Test("restoring an old copy of the files is noticed: a new generation begins, which no old copy can undo")
  func restoredCopy() throws {
    let platform = Platform()
    record(1, on: platform)
    let old = platform.files
    record(2, on: platform)
    record(3, on: platform)
    platform.files = old
    let fresh = try state(of: platform)
    #expect(fresh.generation == 7)
    #expect(fresh.highestSequence(of: codec) == 0)
    #expect(try state(of: platform) == fresh)
    record(1, on: platform)
    #expect(try state(of: platform).generation == 7)
    platform.files = old
    #expect(try state(of: platform).generation == 9)
  }

  @Test("the copy just before the last change is an old copy, too")
  func lastCopy() throws {
    let platform = Platform()
    record(1, on: platform)
    let old = platform.files
    record(2, on: platform)
    platform.files = old
    #expect(try state(of: platform).generation == 5)
  }

  @Test("erased and damaged files begin a new generation", arguments: [0, 1, 100, 61_000])
  func damage(at place: Int) throws {
    let platform = Platform()
    record(1, on: platform)
    if place == 0 {
      platform.files = [[], []]
    } else {
      for file in 0..<2 where !platform.files[file].isEmpty { platform.files[file][place] ^= 1 }
    }
    #expect(try state(of: platform).generation == 3)
  }

  @Test("damage to one of the files changes nothing after a change was completed", arguments: [0, 1])
  func damagedSpare(spare: Int) throws {
    let platform = Platform()
    record(1, on: platform)
    platform.files[spare] = [UInt8](repeating: 0xff, count: 61_500)
    #expect(try state(of: platform).highestSequence(of: codec) == 1)
  }

  @Test("a state of another shape isn't one, although this device sealed it", arguments: Shape.ofThisVersion)
  func shape(shape: Shape) throws {
    let platform = Platform()
    platform.counter = 1
    platform.files[0] = try sealed(shape.state, counter: 1)
    #expect(try state(of: platform).generation == (shape == .right ? 7 : 2))
  }

  @Test("a state that a newer decryptor wrote is left as it is, and none is begun in its place", arguments: [0, 1])
  func newerVersion(file: Int) throws {
    let platform = Platform()
    // In force, or written and not counted yet.
    for counted in [true, false] {
      platform.files = [[], []]
      platform.counter = 0
      record(1, on: platform)
      record(2, on: platform)
      platform.files[file] = try sealed(Shape.ofAnotherVersion.state, counter: 5)
      platform.counter = counted ? 5 : 4
      let (files, counter) = (platform.files, platform.counter)
      #expect(outcome(platform, module(3)) == .unsupportedVersion)
      #expect(platform.files == files)
      #expect(platform.counter == counter)
    }
  }

  @Test("a state of another version that isn't in force any more is written over like any other")
  func formerVersion() throws {
    let platform = Platform()
    record(1, on: platform)
    record(2, on: platform)
    platform.files[0] = try sealed(Shape.ofAnotherVersion.state, counter: 1)
    record(3, on: platform)
    #expect(try state(of: platform).highestSequence(of: codec) == 3)
  }

  @Test("another device's files mean nothing")
  func foreign() throws {
    let platform = Platform()
    record(1, on: platform)
    #expect(try state(of: platform, key: "another storage key").generation == 3)
  }

  @Test("after a write whose counting failed nothing more is written until the next start")
  func undecided() throws {
    let platform = Platform()
    var storage = try start(platform)
    platform.power = 3
    #expect(update(&storage, on: platform, module(1)) == .io)
    platform.power = nil
    let files = platform.files
    #expect(update(&storage, on: platform, module(2)) == .io)
    #expect(platform.files == files)
    #expect(try state(of: platform).highestSequence(of: codec) == 1)
  }

  @Test("files are of one size, and tell nothing of what is in them")
  func size() throws {
    let platform = Platform()
    record(1, on: platform)
    record(1 << 40, on: platform)
    #expect(Set(platform.files.map(\.count)).count == 1)
    for file in platform.files { #expect(file.firstRange(of: codec.bytes) == nil) }
  }

  @Test("as many modules and scopes as SPEC says are remembered, and one more is refused")
  func limits() throws {
    let platform = Platform()
    let long = String(repeating: "x", count: 110)
    let fill: Change = { (state) throws(ErrorClass) in
      for number in 0..<SecureState.mostModules {
        let scope = testScope("com.\(long)\(number % 64).")
        let name = testName("com.\(long)\(number).m")
        try state.record(load(name, sequence: 1 << 60, floor: .max, scope: scope, time: 1 << 60))
      }
      for number in 0..<SecureState.scopes {
        let scope = testScope("com.\(long)\(number).")
        try state.record(StatusMark(scope: scope, number: 1, digest: bytes(named: "x")), of: scope)
      }
    }
    #expect(outcome(platform, fill) == nil)
    let full = try state(of: platform)
    #expect(full.statusMarks.count == 64)
    let known = full.statusMarks[0].scope
    let oneModule: Change = { (state) throws(ErrorClass) in
      try state.record(load(sequence: 1, scope: known))
    }
    let oneTrial: Change = { (state) throws(ErrorClass) in
      try state.record(load(sequence: 1, scope: known, isOnTrial: true))
    }
    let oneList: Change = { (state) throws(ErrorClass) in
      try state.record(StatusMark(scope: acme, number: 1, digest: bytes(named: "x")), of: acme)
    }
    #expect(outcome(platform, oneModule) == .limitExceeded)
    #expect(outcome(platform, oneTrial) == .limitExceeded)
    #expect(outcome(platform, oneList) == .limitExceeded)
    #expect(try state(of: platform) == full)
  }
}

enum Shape {
  case right, followedByMore, withAnotherMember, ofAnotherVersion

  /// Those that say that they are of the one version that there is.
  static let ofThisVersion: [Shape] = [.right, .followedByMore, .withAnotherMember]

  /// The state of generation 7 with nothing in it (SPEC 7.8).
  var state: [UInt8] {
    let right: [UInt8] = [0xa5, 1, 1, 2, 7, 3, 0x80, 4, 0x80, 5, 0x80]
    var padded = right + [UInt8](repeating: 0, count: 61_440 - right.count)
    switch self {
    case .right: break
    case .followedByMore: padded[padded.count - 1] = 1
    case .withAnotherMember:
      padded[0] = 0xa6
      padded.replaceSubrange(right.count..<right.count + 2, with: [6, 0])
    case .ofAnotherVersion: padded[2] = 2
    }
    return padded
  }
}

/// A storage file as SPEC 7.8 has it, made without the code that is tested.
private func sealed(_ state: [UInt8], counter: UInt8) throws -> [UInt8] {
  let salt = bytes(named: "salt")
  let key = try HKDF.sha256.derive(
    salt: salt.span.bytes, inputKeyMaterial: secret(bytes(named: "storage key")),
    info: Array("husk storage file".utf8).span.bytes, byteCount: 32)
  let aad = [0x82, 0x6c] + Array("husk-storage".utf8) + [counter]
  let ciphertext = try AEAD.aes256GCM.seal(
    key: key, nonce: [UInt8](repeating: 0, count: 12).span.bytes, aad: aad.span.bytes, plaintext: state.span.bytes)
  return [0xd9, 0xd9, 0xf7, 0xda] + Array("HusT".utf8) + [0x83, counter, 0x58, 0x20] + salt + [0x59, 0xf0, 0x10]
    + ciphertext
}

func update(_ storage: inout SecureStorage, on platform: Platform, _ change: Change) -> ErrorClass? {
  do throws(ErrorClass) {
    var medium = platform.medium
    try storage.update(on: &medium, change)
    return nil
  } catch {
    return error
  }
}
