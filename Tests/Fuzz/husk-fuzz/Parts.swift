import CBOR
import CLinux
import HuskFormat
import SecureWorld

/// Inputs of several parts.
enum Parts {
  /// The byte strings of an array.
  static func read(_ bytes: [UInt8]) -> [[UInt8]]? {
    attempt { () throws(CBORError) in
      var reader = CBORReader(bytes)
      var parts: [[UInt8]] = []
      for _ in 0..<(try reader.readArrayHeader(atMost: 16)) { parts.append(Array(try reader.readBytes())) }
      try reader.finish()
      return parts
    }
  }

  static func write(_ parts: [[UInt8]]) -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.beginArray(parts.count)
    for part in parts { encoder.encode(bytes: part) }
    return encoder.bytes
  }

  /// Sends a message with files; false if the socket doesn't take it.
  static func send(_ message: [UInt8], files: [[UInt8]], to socket: Int32, waits: Bool = false) -> Bool {
    let descriptors = files.map { makeMemoryFile($0) }
    defer { for descriptor in descriptors { close(descriptor) } }
    return attempt { () throws(Channel.Failure) in
      try Channel(socket: socket).send(message, descriptors: descriptors, waits: waits)
    } != nil
  }

  /// A package, grant or status list that is signed anew; others as they are.
  static func signedAnew(_ bytes: [UInt8]) -> [UInt8] {
    switch FileLabel.detect(bytes) {
    case .package:
      guard let file = attempt({ () throws(FormatError) in try PackageFront(bytes) }),
        let start = Int(exactly: file.payloadOffset), start <= bytes.count
      else { return bytes }
      return file.signedAnew(payload: bytes[start...])
    case .grant: return attempt { () throws(FormatError) in try GrantFile(bytes) }?.signedAnew() ?? bytes
    case .statusList: return attempt { () throws(FormatError) in try StatusListFile(bytes) }?.signedAnew() ?? bytes
    default: return bytes
    }
  }
}
