import CBOR
import CSecondCheck
import Cryptography
package import ErrorClass
import SecretBytes

/// The state in force, as a start finds it (SPEC 7.8).
struct StateInForce {
  let state: SecureState
  /// What it was written for: the platform's counter, or the number that follows.
  let counter: UInt64
  let isSettled: Bool
  /// The file that holds it; a new one has none.
  let file: Int?
  /// All of the file.
  let bytes: [UInt8]

  /// What two files of one number say: what the settled one does. The other one is kept longer: it was durable before
  /// the settled one was begun.
  private func joined(with other: StateInForce) -> StateInForce {
    let (settled, kept) = isSettled ? (self, other) : (other, self)
    return StateInForce(
      state: settled.state, counter: counter, isSettled: settled.isSettled, file: kept.file, bytes: kept.bytes)
  }

  /// The state that was written for the counter, a settled one if there is one, or, which comes first, for the number that
  /// follows; a new one if there is none.
  static func find(
    in files: [[UInt8]], _ key: borrowing SecretBytes, counter: UInt64
  ) throws(ErrorClass) -> StateInForce {
    var current: StateInForce?
    for (file, bytes) in files.enumerated() {
      guard let content = try open(bytes, key) else { continue }
      let number = content.counter
      let isNext = number == counter &+ 1
      guard isNext || (number == counter && counter > 0) else { continue }
      guard let state = content.state else { throw .unsupportedVersion }
      let found = StateInForce(state: state, counter: number, isSettled: content.isSettled, file: file, bytes: bytes)
      if isNext { return found }
      current = current?.joined(with: found) ?? found
    }
    let new = SecureState(generation: counter == 0 ? 0 : counter &+ 1)
    return current ?? StateInForce(state: new, counter: counter, isSettled: false, file: nil, bytes: [])
  }

  private static func open(
    _ bytes: [UInt8], _ key: borrowing SecretBytes
  ) throws(ErrorClass) -> SealedState.Content? {
    do throws(CryptographyError) {
      return try SealedState.open(bytes, key: key)
    } catch {
      throw .internal
    }
  }

  /// Of all that was decided.
  func digest() throws(ErrorClass) -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.encode(unsigned: counter)
    encoder.encode(bool: isSettled)
    encoder.encode(unsigned: UInt64(file ?? 2))
    encoder.encode(bytes: state.encoded())
    do throws(CryptographyError) {
      return try SHA256.hash(encoder.bytes.span.bytes)
    } catch {
      throw .internal
    }
  }
}

/// What the state in force is found from, to find it once more (SPEC 15.4).
package struct StorageCheck {
  /// What both hold.
  let files: [[UInt8]]
  let counter: UInt64
  /// The storage key.
  let key: UnsafePointer<SecretBytes>

  /// Finds it; returns the digest of what was decided.
  package func perform() throws(ErrorClass) -> [UInt8] {
    try StateInForce.find(in: files, key.pointee, counter: counter).digest()
  }

  /// The same by the second copy of this code, on a device.
  func performAgain() throws(ErrorClass) -> [UInt8] {
    #if hasFeature(Embedded)
      var digest = [UInt8](repeating: 0, count: SHA256.byteCount)
      let status = withUnsafePointer(to: self) { second_check_storage($0, &digest) }
      guard status == 0 else { throw ErrorClass(rawValue: status) ?? .internal }
      return digest
    #else
      return try perform()
    #endif
  }
}
