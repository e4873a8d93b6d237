/// A note (gABI, "Note Section"): something that a tool wrote about the object.
public struct Note: Equatable, Sendable {
  /// Who defines the type, without the terminating zero.
  public let owner: [UInt8]
  public let type: UInt32
  public let descriptor: [UInt8]

  static let gnu: [UInt8] = [0x47, 0x4E, 0x55]
}

/// The hardware checks on jumps and returns that all of the object's code was compiled for.
public struct ControlFlowProtection: Equatable, Sendable {
  /// x86: indirect branch tracking.
  public var indirectBranchTracking = false
  /// x86: shadow stack.
  public var shadowStack = false
  /// Arm: branch target identification.
  public var branchTargetIdentification = false
  /// Arm: return addresses are signed.
  public var pointerAuthentication = false
}

extension ELFFile {
  /// All notes, in file order.
  public func notes() throws(ELFError) -> [Note] {
    var notes: [Note] = []
    for segment in programHeaders where segment.type == SegmentType.note {
      guard segment.fileSize <= ELFLimits.noteSegment else { throw .limitExceeded(.notes) }
      let bytes = try source.bytes(at: segment.offset, count: segment.fileSize, of: .notes)
      // Notes are aligned to 4, whatever the standard says of 64-bit objects, except GNU property notes.
      let alignment = segment.alignment == 8 ? 8 : 4
      var rest = bytes[...]
      while !rest.isEmpty { notes.append(try Note(takenFrom: &rest, alignment: alignment)) }
    }
    return notes
  }

  /// The linker's digest of the object (NT_GNU_BUILD_ID).
  public func buildID() throws(ELFError) -> [UInt8]? {
    try notes().first { $0.owner == Note.gnu && $0.type == 3 }?.descriptor
  }

  /// What the GNU property note (NT_GNU_PROPERTY_TYPE_0) says of control-flow protection.
  public func controlFlowProtection() throws(ELFError) -> ControlFlowProtection {
    var protection = ControlFlowProtection()
    for note in try notes() where note.owner == Note.gnu && note.type == 5 {
      var rest = note.descriptor[...]
      while !rest.isEmpty {
        var fields = Fields(try take(8, from: &rest))
        let (type, size): (UInt32, UInt32) = (fields.next(), fields.next())
        guard let count = Int(exactly: size) else { throw .malformed(.notes) }
        let data = try take(count, from: &rest)
        rest = rest.dropFirst((8 - count % 8) % 8)
        guard count == 4 else { continue }
        fields = Fields(data)
        let bits: UInt32 = fields.next()
        switch (machine, type) {
        case (.x86_64, 0xC000_0002):
          protection.indirectBranchTracking = bits & 1 != 0
          protection.shadowStack = bits & 2 != 0
        case (.aarch64, 0xC000_0000):
          protection.branchTargetIdentification = bits & 1 != 0
          protection.pointerAuthentication = bits & 2 != 0
        default: break
        }
      }
    }
    return protection
  }
}

extension Note {
  /// Takes one note off the front of a segment.
  fileprivate init(takenFrom rest: inout ArraySlice<UInt8>, alignment: Int) throws(ELFError) {
    var fields = Fields(try take(12, from: &rest))
    let (ownerSize, descriptorSize): (UInt32, UInt32) = (fields.next(), fields.next())
    type = fields.next()
    guard let ownerCount = Int(exactly: ownerSize), let descriptorCount = Int(exactly: descriptorSize) else {
      throw .malformed(.notes)
    }
    let name = try take(ownerCount, from: &rest)
    owner = [UInt8](name.last == 0 ? name.dropLast() : name)
    // Both lengths are now known to be below the segment's limit, so rounding them up can't overflow.
    rest = rest.dropFirst(padding(after: 12 + ownerCount, to: alignment))
    descriptor = [UInt8](try take(descriptorCount, from: &rest))
    rest = rest.dropFirst(padding(after: descriptorCount, to: alignment))
  }
}

private func padding(after count: Int, to alignment: Int) -> Int {
  (alignment - count % alignment) % alignment
}

private func take(_ count: Int, from rest: inout ArraySlice<UInt8>) throws(ELFError) -> ArraySlice<UInt8> {
  guard count <= rest.count else { throw .malformed(.notes) }
  defer { rest = rest.dropFirst(count) }
  return rest.prefix(count)
}
