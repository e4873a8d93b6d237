import Cryptography
public import ErrorClass
public import SecretBytes

/// What secure storage lies on: two files, and a counter that the platform only ever lets count up (SPEC 7.6, 7.8).
public protocol StorageMedium: ~Copyable {
  /// The whole content of file 0 or 1; throws `io`.
  mutating func read(_ file: Int) throws(ErrorClass) -> [UInt8]
  /// Replaces the content of file 0 or 1, and returns when it is durable; throws `io`.
  mutating func write(_ bytes: [UInt8], to file: Int) throws(ErrorClass)
  /// The monotonic counter.
  mutating func counter() throws(ErrorClass) -> UInt64
  /// Counts up by one and returns the new number, when it is durable.
  mutating func increment() throws(ErrorClass) -> UInt64
}

/// The decryptor's memory across boots (SPEC 7.8): a state that is only ever replaced as a whole, survives a power cut at
/// any instant, and can't be put back to an older one.
public struct SecureStorage: ~Copyable {
  /// The state in force.
  public private(set) var state: SecureState
  private let key: SecretBytes
  private var counter: UInt64
  /// The file that holds the state in force; a new device has none.
  private var file: Int?
  /// A file was written, but counting failed: whether that state will be in force shows at the next start, so nothing
  /// more may be written with the same number.
  private var isUndecided = false

  /// Starts: finds the state in force, and begins a new one if the storage was lost. That is written with its first change:
  /// until then a device that only starts under other circumstances, such as another life cycle, disturbs nothing.
  ///
  /// - Parameters:
  ///   - medium: the same one is to be given to ``update(on:_:)``.
  ///   - key: the storage key.
  /// - Throws: `io` if the files or the counter can't be read; `unsupportedVersion` if a newer decryptor wrote what is in
  ///   force. It stays as it is.
  public static func start<Medium: StorageMedium & ~Copyable>(
    on medium: inout Medium, key: consuming SecretBytes
  ) throws(ErrorClass) -> SecureStorage {
    let counter = try medium.counter()
    let found = try find(&medium, key, counter)
    let state = found?.state ?? SecureState(generation: counter == 0 ? 0 : counter &+ 1)
    var storage = SecureStorage(key: key, counter: counter, state: state, file: found?.file)
    if let found, found.counter != counter {
      // Whoever wrote it may have been ended before it was durable: then a power cut would take it back, and the counter
      // would say that the storage was lost.
      try medium.write(found.bytes, to: found.file)
      try storage.count(on: &medium)
    }
    return storage
  }

  private init(key: consuming SecretBytes, counter: UInt64, state: SecureState, file: Int?) {
    self.key = key
    self.counter = counter
    self.state = state
    self.file = file
  }

  /// Changes the state; when this returns the change is durable and in force. A state that stays the same costs nothing.
  ///
  /// - Throws: what `change` throws, or `io`; then the state in force is what it was.
  public mutating func update<Medium: StorageMedium & ~Copyable>(
    on medium: inout Medium, _ change: (inout SecureState) throws(ErrorClass) -> Void
  ) throws(ErrorClass) {
    var next = state
    try change(&next)
    if next != state { try replace(with: next, on: &medium) }
  }

  private mutating func replace<Medium: StorageMedium & ~Copyable>(
    with next: SecureState, on medium: inout Medium
  ) throws(ErrorClass) {
    let (number, overflow) = counter.addingReportingOverflow(1)
    guard !overflow else { throw .io }
    let bytes: [UInt8]
    do throws(CryptographyError) {
      bytes = try SealedState.seal(next, counter: number, key: key)
    } catch {
      throw .internal
    }
    guard !isUndecided else { throw .io }
    let target = file == 0 ? 1 : 0
    try medium.write(bytes, to: target)
    isUndecided = true
    try count(on: &medium)
    isUndecided = false
    state = next
    file = target
  }

  /// Another number than the next means that somebody else counts.
  private mutating func count<Medium: StorageMedium & ~Copyable>(on medium: inout Medium) throws(ErrorClass) {
    let number = try medium.increment()
    guard number == counter &+ 1 else { throw .io }
    counter = number
  }

  private struct Found {
    let state: SecureState
    let counter: UInt64
    let file: Int
    /// All of the file.
    let bytes: [UInt8]
  }

  /// The state that was written for the counter, or, which comes first, for the number that follows.
  private static func find<Medium: StorageMedium & ~Copyable>(
    _ medium: inout Medium, _ key: borrowing SecretBytes, _ counter: UInt64
  ) throws(ErrorClass) -> Found? {
    var current: Found?
    for file in 0..<2 {
      let bytes = try medium.read(file)
      guard let (state, number) = try open(bytes, key) else { continue }
      let isNext = number == counter &+ 1
      guard isNext || (number == counter && counter > 0) else { continue }
      guard let state else { throw .unsupportedVersion }
      let found = Found(state: state, counter: number, file: file, bytes: bytes)
      if isNext { return found }
      current = found
    }
    return current
  }

  private static func open(
    _ bytes: [UInt8], _ key: borrowing SecretBytes
  ) throws(ErrorClass) -> (state: SecureState?, counter: UInt64)? {
    do throws(CryptographyError) {
      return try SealedState.open(bytes, key: key)
    } catch {
      throw .internal
    }
  }
}
