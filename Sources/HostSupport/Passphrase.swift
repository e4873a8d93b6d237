import CLinux
import Glibc
public import SecretBytes

/// Where the passphrases of private keys come from: the terminal, or a descriptor that was passed in. Never an argument
/// or the environment, which others can read.
public struct PassphraseSource: Sendable {
  /// One line per encrypted key is read from this descriptor; nil to ask on the terminal.
  public let descriptor: Int32?

  public enum Failure: MemoryShortage, Equatable, Sendable {
    /// There is no terminal to ask on.
    case noTerminal
    /// The descriptor isn't open, or has no further line.
    case nothingToRead(Int32)
    /// Ctrl-C or Ctrl-D.
    case cancelled
    case empty
    case tooLong
    /// The second entry differs from the first.
    case mismatch
    case outOfMemory
  }

  static let longest = 1024

  public init(descriptor: Int32?) {
    self.descriptor = descriptor
  }

  /// The passphrase that decrypts a key.
  public func passphrase(for path: String) throws(Failure) -> SecretBytes {
    if let descriptor { return try readLine(descriptor) }
    return try Terminal().ask("Passphrase for \(visible(path)): ")
  }

  /// A passphrase to encrypt a new key under; asked for twice on a terminal.
  public func newPassphrase(for path: String) throws(Failure) -> SecretBytes {
    if let descriptor { return try readLine(descriptor) }
    let terminal = try Terminal()
    let first = try terminal.ask("New passphrase for \(visible(path)): ")
    let second = try terminal.ask("Once more: ")
    guard first.isEqual(to: second) else { throw .mismatch }
    return first
  }
}

/// Reads a line byte by byte, so that what follows stays in the descriptor for the next.
private func readLine(_ descriptor: Int32) throws(PassphraseSource.Failure) -> SecretBytes {
  try collect { (_) throws(PassphraseSource.Failure) in
    var byte: UInt8 = 0
    let count = linux_read_all(descriptor, &byte, 1)
    defer { withUnsafeMutableBytes(of: &byte) { wipe($0) } }
    if count < 0 { throw .nothingToRead(descriptor) }
    return count == 0 || byte == UInt8(ascii: "\n") ? .end(reachedInput: count > 0) : .byte(byte)
  } whenNothing: {
    .nothingToRead(descriptor)
  }
}

/// What one key press means.
private enum Entry {
  case byte(UInt8)
  case backspace
  case eraseAll
  case end(reachedInput: Bool)
}

/// Collects entries into protected memory.
private func collect(
  _ next: (Int) throws(PassphraseSource.Failure) -> Entry, whenNothing: () -> PassphraseSource.Failure
) throws(PassphraseSource.Failure) -> SecretBytes {
  var buffer: SecretBytes
  do throws(SecretBytesError) {
    buffer = try SecretBytes(count: PassphraseSource.longest)
  } catch {
    throw .outOfMemory
  }
  var count = 0
  reading: while true {
    switch try next(count) {
    case .byte(let byte):
      guard count < PassphraseSource.longest else { throw .tooLong }
      try buffer.withMutableBytes { (buffer) throws(PassphraseSource.Failure) in buffer[count] = byte }
      count += 1
    case .backspace:
      // A character of UTF-8 goes as a whole.
      while count > 0 {
        count -= 1
        let isContinuation = buffer.withBytes { $0.unsafeLoad(fromByteOffset: count, as: UInt8.self) & 0xc0 == 0x80 }
        if !isContinuation { break }
      }
    case .eraseAll: count = 0
    case .end(let reachedInput):
      // Lines that were written on Windows end in CR LF. On a terminal CR ends the entry, and is never part of it.
      let endsInReturn =
        count > 0
        && buffer.withBytes { $0.unsafeLoad(fromByteOffset: count - 1, as: UInt8.self) } == UInt8(ascii: "\r")
      if endsInReturn { count -= 1 }
      if count == 0 { throw reachedInput ? .empty : whenNothing() }
      break reading
    }
  }
  do throws(SecretBytesError) {
    return try buffer.withBytes { (bytes) throws(SecretBytesError) in
      try SecretBytes(copying: bytes.extracting(0..<count))
    }
  } catch {
    throw .outOfMemory
  }
}

/// The terminal that the user sits at, whatever standard input and output are.
private struct Terminal: ~Copyable {
  private let descriptor: Int32

  init() throws(PassphraseSource.Failure) {
    descriptor = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
    guard descriptor >= 0 else { throw .noTerminal }
  }

  deinit { close(descriptor) }

  /// Asks with the echo off. Signal keys arrive as bytes meanwhile, so that no signal can leave the echo off.
  borrowing func ask(_ question: String) throws(PassphraseSource.Failure) -> SecretBytes {
    var settings = termios()
    guard tcgetattr(descriptor, &settings) == 0 else { throw .noTerminal }
    var silent = settings
    silent.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG)
    guard tcsetattr(descriptor, TCSAFLUSH, &silent) == 0 else { throw .noTerminal }
    defer {
      tcsetattr(descriptor, TCSAFLUSH, &settings)
      _ = linux_write_all(descriptor, "\n", 1)
    }
    _ = linux_write_all(descriptor, question, question.utf8.count)
    let terminal = descriptor
    return try collect { (count) throws(PassphraseSource.Failure) in
      var byte: UInt8 = 0
      defer { withUnsafeMutableBytes(of: &byte) { wipe($0) } }
      guard linux_read_all(terminal, &byte, 1) == 1 else { throw .cancelled }
      switch byte {
      case 3: throw .cancelled  // Ctrl-C
      case 4 where count == 0: throw .cancelled  // Ctrl-D
      case 10, 13: return .end(reachedInput: true)
      case 8, 127: return .backspace
      case 21: return .eraseAll  // Ctrl-U
      default: return .byte(byte)
      }
    } whenNothing: {
      .cancelled
    }
  }
}
