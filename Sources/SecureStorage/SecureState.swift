import CBOR
public import ErrorClass
public import HuskFormat
import SecretBytes

/// What a decryptor remembers across boots (SPEC 7.8).
public struct SecureState: Equatable, Sendable {
  /// Part of the grant key's derivation: changes when the storage was lost.
  public let generation: UInt64
  private var modules: [Module] = []
  /// The highest status list seen per scope.
  public private(set) var statusMarks: [StatusMark] = []
  private var times: [SignedTime] = []

  private struct Module: Equatable, Sendable {
    let name: Name
    /// The highest sequence number seen in its grants.
    var sequence: UInt64
    /// The highest security version seen.
    var floor: UInt64
  }

  private struct SignedTime: Equatable, Sendable {
    let scope: Scope
    var time: UInt64
  }

  /// How many modules, list scopes and vendor scopes are remembered at most.
  public static let mostModules = 256
  public static let scopes = 64
  /// How many modules and list scopes of one vendor at most, so that others have room.
  public static let modulesOfVendor = mostModules / 4
  public static let listsOfVendor = scopes / 4

  /// A new device's, or one's that lost its storage.
  public init(generation: UInt64) {
    self.generation = generation
  }

  /// The highest sequence number seen in grants for a module; 0 for none.
  public func highestSequence(of module: Name) -> UInt64 {
    modules.first { $0.name == module }?.sequence ?? 0
  }

  /// The lowest security version that a module may have: the highest that was accepted; 0 for none.
  public func floor(of module: Name) -> UInt64 {
    modules.first { $0.name == module }?.floor ?? 0
  }

  /// The latest signed time seen in objects of a vendor scope; 0 for none.
  public func time(in vendorScope: Scope) -> UInt64 {
    times.first { $0.scope == vendorScope }?.time ?? 0
  }

  /// What a load leaves behind.
  public struct Load: Equatable, Sendable {
    let module: Name
    let sequence: UInt64
    let securityVersion: UInt64
    let vendorScope: Scope
    let time: UInt64
    let isOnTrial: Bool

    /// - Parameters:
    ///   - sequence: the grant's sequence number.
    ///   - time: the latest signed time seen.
    ///   - isOnTrial: then neither sequence number nor security version is raised (SPEC 9.3): a former version with its
    ///     former grant must still load.
    public init(
      _ module: Name, sequence: UInt64, securityVersion: UInt64, vendorScope: Scope, time: UInt64, isOnTrial: Bool
    ) {
      self.module = module
      self.sequence = sequence
      self.securityVersion = securityVersion
      self.vendorScope = vendorScope
      self.time = time
      self.isOnTrial = isOnTrial
    }
  }

  /// Takes notice of a module that is about to be released.
  ///
  /// - Throws: `limitExceeded` if there are too many modules or scopes, of all or of the vendor; `rollback` for a number or
  ///   a security version below the highest.
  public mutating func record(_ load: Load) throws(ErrorClass) {
    guard load.sequence >= highestSequence(of: load.module), load.securityVersion >= floor(of: load.module) else {
      throw .rollback
    }
    if let index = modules.firstIndex(where: { $0.name == load.module }) {
      if !load.isOnTrial {
        modules[index].sequence = load.sequence
        modules[index].floor = load.securityVersion
      }
    } else {
      // On trial too: what couldn't be loaded later isn't tried.
      guard modules.count < Self.mostModules,
        load.vendorScope == .everything
          || modules.count(where: { load.vendorScope.covers($0.name) }) < Self.modulesOfVendor
      else { throw .limitExceeded }
      if !load.isOnTrial {
        modules.append(Module(name: load.module, sequence: load.sequence, floor: load.securityVersion))
      }
    }
    try raise(load.vendorScope, to: load.time)
  }

  /// Takes notice of a status list that was verified.
  ///
  /// - Parameter vendorScope: that of the list's chain.
  /// - Throws: `rollback`, `limitExceeded` (SPEC 5.3).
  public mutating func record(_ mark: StatusMark, of vendorScope: Scope) throws(ErrorClass) {
    do throws(FormatError) {
      if let index = statusMarks.firstIndex(where: { $0.scope == mark.scope }) {
        try statusMarks[index].checkSuccessor(mark)
        statusMarks[index] = mark
      } else {
        try mark.checkFirst()
        guard statusMarks.count < Self.scopes,
          vendorScope == .everything
            || statusMarks.count(where: { vendorScope.contains($0.scope) }) < Self.listsOfVendor
        else { throw FormatError(.limitExceeded, in: .statusList) }
        statusMarks.append(mark)
      }
    } catch {
      throw error.errorClass
    }
  }

  private mutating func raise(_ vendorScope: Scope, to time: UInt64) throws(ErrorClass) {
    if let index = times.firstIndex(where: { $0.scope == vendorScope }) {
      times[index].time = max(times[index].time, time)
    } else {
      guard times.count < Self.scopes else { throw .limitExceeded }
      times.append(SignedTime(scope: vendorScope, time: time))
    }
  }
}

extension SecureState {
  private static let version: UInt64 = 1

  func encoded() -> [UInt8] {
    var encoder = CBOREncoder()
    encoder.encodeMap { map in
      map.set(1) { $0.encode(unsigned: Self.version) }
      map.set(2) { $0.encode(unsigned: generation) }
      map.set(3) { item in
        item.beginArray(modules.count)
        for module in modules {
          item.beginArray(3)
          item.encode(ascii: module.name.bytes)
          item.encode(unsigned: module.sequence)
          item.encode(unsigned: module.floor)
        }
      }
      map.set(4) { item in
        item.beginArray(statusMarks.count)
        for mark in statusMarks {
          item.beginArray(3)
          item.encode(ascii: mark.scope.bytes)
          item.encode(unsigned: mark.number)
          item.encode(bytes: mark.digest)
        }
      }
      map.set(5) { item in
        item.beginArray(times.count)
        for entry in times {
          item.beginArray(2)
          item.encode(ascii: entry.scope.bytes)
          item.encode(unsigned: entry.time)
        }
      }
    }
    return encoder.bytes
  }

  /// Reads what ``encoded()`` wrote, and zeros behind it. Nil for a state of another version: it is authentic, so another
  /// decryptor of this device wrote it.
  init?(padded bytes: [UInt8]) throws(CBORError) {
    var reader = CBORReader(bytes)
    var map = try reader.readMap()
    try reader.expectKey(1, &map)
    guard try reader.readUnsigned() == Self.version else { return nil }
    try reader.expectKey(2, &map)
    generation = try reader.readCount()
    try reader.expectKey(3, &map)
    for _ in 0..<(try reader.readArrayHeader(atMost: Self.mostModules)) {
      try reader.expectArray(of: 3)
      modules.append(
        Module(name: try reader.readName(), sequence: try reader.readCount(), floor: try reader.readUnsigned()))
    }
    try reader.expectKey(4, &map)
    for _ in 0..<(try reader.readArrayHeader(atMost: Self.scopes)) {
      try reader.expectArray(of: 3)
      statusMarks.append(
        StatusMark(
          scope: try reader.readScope(), number: try reader.readCount(), digest: try reader.readThumbprint()))
    }
    try reader.expectKey(5, &map)
    for _ in 0..<(try reader.readArrayHeader(atMost: Self.scopes)) {
      try reader.expectArray(of: 2)
      times.append(SignedTime(scope: try reader.readScope(), time: try reader.readCount()))
    }
    let end = reader.position
    guard try reader.nextIntegerKey(&map) == nil else { throw CBORError(.outOfRange, at: end) }
    // At once: byte by byte this is most of what starting costs where nothing is optimized, as in tests.
    let padding = Array(bytes[end...])
    let zeros = [UInt8](repeating: 0, count: padding.count)
    guard constantTimeEquals(padding.span.bytes, zeros.span.bytes) else {
      throw CBORError(.trailingBytes, at: end)
    }
  }
}

extension CBORReader {
  fileprivate mutating func readScope() throws(CBORError) -> Scope {
    let start = position
    guard let scope = Scope(try readText()) else { throw CBORError(.outOfRange, at: start) }
    return scope
  }
}
