import CBOR
import COSE
import DeviceStore
import ErrorClass
import FormatFixtures
import HuskFormat
import SecureWorld
import StorageSimulation

extension FuzzTarget {
  /// The module store of libhusk, with files from a hostile network and answers from a hostile decryptor.
  ///
  /// An input is an array: first the answers, in an array, of which each is the body of a check-reply, or a number for a
  /// refusal; then the pieces of a file. A null begins another reception, which goes on with what an earlier one left.
  static let install = FuzzTarget(name: "install") { bytes in
    guard let script = InstallScript(bytes) else { return false }
    let storage = SimulatedStorage()
    let store = ModuleStore(on: storage)
    let decryptor = LyingDecryptor(script.answers)
    var resuming: [UInt8]?
    for pieces in script.receptions {
      attempt { () throws(ErrorClass) in
        var reception = try Reception(into: store, decryptor, resuming: resuming)
        do throws(ErrorClass) {
          for piece in pieces {
            try piece.withUnsafeBufferPointer { (bytes) throws(ErrorClass) in
              try reception.take(UnsafeRawBufferPointer(bytes))
            }
          }
          if let size = reception.size { expect(reception.position <= size, "more came than there is") }
          _ = try reception.finish()
        } catch {
          reception.close()
        }
      }
      resuming = script.name
    }
    for path in storage.paths {
      let size = storage.content(path)?.count ?? 0
      expect(size <= bytes.count, "a file is longer than what came")
    }
    return true
  } seeds: { vector in
    guard vector.kind == "load" || vector.kind == "grant" || vector.kind == "status-list" else { return [] }
    return InstallScript.seeds(vector)
  }
}

/// What comes, and what a decryptor says of it.
private struct InstallScript {
  var answers: [Result<CheckedFile, ErrorClass>] = []
  var receptions: [[[UInt8]]] = [[]]

  /// What the answers are about; a usual name if there are none.
  var name: [UInt8] {
    for case .success(let file) in answers { return file.name }
    return Array("com.acme.codec".utf8)
  }

  init?(_ bytes: [UInt8]) {
    do throws(CBORError) {
      var reader = CBORReader(bytes)
      let count = try reader.readArrayHeader(atMost: 64)
      guard count > 0 else { return nil }
      for _ in 0..<(try reader.readArrayHeader(atMost: 32)) {
        if try reader.peekType() == .map {
          answers.append(.success(try CheckedFile(&reader)))
        } else {
          guard let number = Int32(exactly: try reader.readInteger()), let refusal = ErrorClass(rawValue: number) else {
            return nil
          }
          answers.append(.failure(refusal))
        }
      }
      for _ in 1..<count {
        if reader.nextIsNull {
          try reader.readNull()
          receptions.append([])
        } else {
          receptions[receptions.count - 1].append(Array(try reader.readBytes()))
        }
      }
      try reader.finish()
    } catch {
      return nil
    }
  }

  /// A file in one piece and in two, with an end in between, and answers that are true of it.
  static func seeds(_ vector: VectorFile) -> [[UInt8]] {
    guard let file = truth(vector) else { return [] }
    let object = vector.object
    let half = object.count / 2
    var checked = CBOREncoder()
    file.encode(to: &checked)
    func script(_ answers: [[UInt8]], _ pieces: ArraySlice<UInt8>?...) -> [UInt8] {
      var encoder = CBOREncoder()
      encoder.beginArray(1 + pieces.count)
      encoder.beginArray(answers.count)
      for answer in answers { encoder.encode(encoded: answer) }
      for piece in pieces {
        if let piece { encoder.encode(bytes: piece) } else { encoder.encodeNull() }
      }
      return encoder.bytes
    }
    let mismatch = CBOREncoder.item(Int64(ErrorClass.digestMismatch.rawValue))
    return [
      script([checked.bytes], object[...]),
      script([checked.bytes], object[..<half], nil, object[half...]),
      script([checked.bytes, checked.bytes, mismatch], object[..<half], object[half...], nil, object[...]),
      script([], object[...]),
    ]
  }

  /// What an honest decryptor would say of a vector's object.
  private static func truth(_ vector: VectorFile) -> CheckedFile? {
    let digest = FormatFixtures.bytes(named: "digest")
    switch vector.kind {
    case "load":
      guard let front = attempt({ () throws(FormatError) in try PackageFront(vector.object) }),
        let manifest = attempt({ () throws(FormatError) in try Manifest(parsing: front.object.payload) }),
        !manifest.segments.range(of: 0).isEmpty
      else { return nil }
      return CheckedFile(
        role: manifest.role.bytes, name: manifest.name.bytes,
        version: [manifest.version.major, manifest.version.minor, manifest.version.patch],
        securityVersion: manifest.securityVersion, epoch: manifest.epoch ?? 0, payloadOffset: front.payloadOffset,
        payloadSize: manifest.payloadSize, firstSegment: manifest.segments.range(of: 0).upperBound,
        segment: manifest.segmentSize, digest: digest)
    case "grant":
      return CheckedFile(
        role: Array("grant".utf8), name: Array("com.acme.codec".utf8), epoch: 7, digest: digest, number: 5)
    default: return CheckedFile(role: Role.status.bytes, name: Array("com.acme.".utf8), digest: digest, number: 1)
    }
  }
}

extension CBOREncoder {
  fileprivate static func item(_ number: Int64) -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.encode(integer: number)
    return encoder.bytes
  }
}

/// Answers one thing after the other, whatever it is asked, and the last one for ever.
private final class LyingDecryptor: FileChecker {
  private var answers: [Result<CheckedFile, ErrorClass>]

  init(_ answers: [Result<CheckedFile, ErrorClass>]) {
    self.answers = answers.reversed()
  }

  func check(_ file: Int32, segments: Range<UInt64>) throws(ErrorClass) -> CheckedFile {
    guard let answer = answers.count > 1 ? answers.popLast() : answers.last else { throw .noDecryptor }
    return try answer.get()
  }

  func show(statusList file: Int32) throws(ErrorClass) {
    _ = try check(file, segments: 0..<0)
  }
}
