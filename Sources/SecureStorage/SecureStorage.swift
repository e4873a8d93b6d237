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
/// any instant, and can't be put back to an older one, nor to one that was written and never came in force.
public struct SecureStorage: ~Copyable {
  /// The state in force.
  public private(set) var state: SecureState
  private let key: SecretBytes
  private var counter: UInt64
  /// The file that holds the state in force; a new device has none.
  private var file: Int?
  /// Whether whatever else can come in force without another step of the counter holds all that ``state`` does.
  private var isSettled: Bool
  /// Whether nobody can have written under the number after the counter: this run counted up to it, and wrote nothing since.
  private var ownsNext = false
  /// A file was written, but counting failed: whether that state will be in force shows at the next start.
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
    let files = [try medium.read(0), try medium.read(1)]
    let found = try StateInForce.find(in: files, key, counter: counter)
    // Once more: what can be put back is what was superseded (SPEC 15.4).
    let again = try withUnsafePointer(to: key) { (key) throws(ErrorClass) in
      try StorageCheck(files: files, counter: counter, key: key).performAgain()
    }
    guard try found.digest() == again else { throw .internal }
    var storage = SecureStorage(
      key: key, counter: counter, state: found.state, file: found.file, isSettled: found.isSettled)
    if let file = found.file, found.counter != counter {
      // Whoever wrote it may have been ended before it was durable: then a power cut would take it back, and the counter
      // would say that the storage was lost.
      try medium.write(found.bytes, to: file)
      try storage.count(on: &medium)
      storage.ownsNext = true
    }
    return storage
  }

  private init(key: consuming SecretBytes, counter: UInt64, state: SecureState, file: Int?, isSettled: Bool) {
    self.key = key
    self.isSettled = isSettled
    self.counter = counter
    self.state = state
    self.file = file
  }

  /// Changes the state; when this returns the change is durable and in force, and nothing that lacks it can come in force
  /// again. A state that stays the same costs nothing once it is settled.
  ///
  /// - Throws: what `change` throws, `io`, or what counting throws; then the state in force is what it was.
  public mutating func update<Medium: StorageMedium & ~Copyable>(
    on medium: inout Medium, _ change: (inout SecureState) throws(ErrorClass) -> Void
  ) throws(ErrorClass) {
    var next = state
    try change(&next)
    guard next != state || !isSettled else { return }
    guard !isUndecided else { throw .io }
    // An earlier run may have written another change under the next number, and somebody hidden it: it could come back
    // in the place of this one. In the place of the state as it is it takes nothing back.
    if !ownsNext { try step(to: state, on: &medium) }
    try step(to: next, on: &medium)
    isSettled = true
    noteSettled(on: &medium)
  }

  /// Puts a state in force.
  private mutating func step<Medium: StorageMedium & ~Copyable>(
    to next: SecureState, on medium: inout Medium
  ) throws(ErrorClass) {
    let (number, overflow) = counter.addingReportingOverflow(1)
    guard !overflow else { throw .io }
    let bytes = try sealed(next, counter: number, isSettled: isSettled && next == state)
    // Even a write that fails may have left something whole.
    ownsNext = false
    try medium.write(bytes, to: spare)
    isUndecided = true
    try count(on: &medium)
    isUndecided = false
    ownsNext = true
    file = spare
    state = next
  }

  /// Tells the next run that the state in force is settled. Without it that run takes the steps once more, no worse.
  private mutating func noteSettled<Medium: StorageMedium & ~Copyable>(on medium: inout Medium) {
    do throws(ErrorClass) {
      try medium.write(try sealed(state, counter: counter, isSettled: true), to: spare)
    } catch {
      // The state is in force all the same.
    }
  }

  /// The file that doesn't hold the state in force.
  private var spare: Int { file == 0 ? 1 : 0 }

  private func sealed(_ state: SecureState, counter: UInt64, isSettled: Bool) throws(ErrorClass) -> [UInt8] {
    do throws(CryptographyError) {
      return try SealedState.seal(state, counter: counter, isSettled: isSettled, key: key)
    } catch {
      throw .internal
    }
  }

  /// Another number than the next means that somebody else counts.
  private mutating func count<Medium: StorageMedium & ~Copyable>(on medium: inout Medium) throws(ErrorClass) {
    let number = try medium.increment()
    guard number == counter &+ 1 else { throw .io }
    counter = number
  }
}
