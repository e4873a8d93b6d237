public import CBOR
import ErrorClass

/// The labels by which Husk's files are known (SPEC 1.2, RFC 9277).
public enum FileLabel: UInt64, CaseIterable, Sendable {
  case package = 0x4875_7350  // HusP
  case grant = 0x4875_7347  // HusG
  case chain = 0x4875_7343  // HusC
  case bundle = 0x4875_7342  // HusB
  case identity = 0x4875_7349  // HusI
  case statusList = 0x4875_7353  // HusS
  case storage = 0x4875_7354  // HusT
  case control = 0x4875_7355  // HusU
  case fuses = 0x4875_7346  // HusF
  case logHead = 0x4875_734c  // HusL
  case export = 0x4875_7345  // HusE

  /// The size of the label of a sequence, which is a CBOR item of its own.
  public static let sequenceLabelSize = 12

  /// Whether the file is a CBOR sequence.
  private var isSequence: Bool { self == .package || self == .bundle || self == .export }

  private static let selfDescribedItem: UInt64 = 55799
  private static let selfDescribedSequence: UInt64 = 55800

  /// Writes the label; where the file isn't a sequence, the content item must follow.
  public func encode(to encoder: inout CBOREncoder) {
    if isSequence {
      encoder.tag(Self.selfDescribedSequence)
      encoder.tag(rawValue)
      encoder.encode(bytes: [0x42, 0x4f, 0x52])
    } else {
      encoder.tag(Self.selfDescribedItem)
      encoder.tag(rawValue)
    }
  }

  /// Reads past the label; throws `malformed` if it is another.
  public func read(_ reader: inout CBORReader) throws(FormatError) {
    guard Self.detect(&reader) == self else { throw FormatError(.malformed, in: .label, at: 0) }
  }

  /// Which label a file begins with; nil for none of Husk's.
  public static func detect(_ bytes: [UInt8]) -> FileLabel? {
    var reader = CBORReader(bytes)
    return detect(&reader)
  }

  private static func detect(_ reader: inout CBORReader) -> FileLabel? {
    do throws(CBORError) {
      let outer = try reader.readTag()
      guard let label = FileLabel(rawValue: try reader.readTag()) else { return nil }
      if label.isSequence {
        guard outer == selfDescribedSequence else { return nil }
        return try reader.readBytes(count: 3).elementsEqual([0x42, 0x4f, 0x52]) ? label : nil
      }
      return outer == selfDescribedItem ? label : nil
    } catch {
      return nil
    }
  }
}
