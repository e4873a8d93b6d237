/// Something of Husk's that reads what others wrote, and what must hold whatever that is.
struct FuzzTarget: Sendable {
  let name: String
  /// Whether inputs are CBOR, and so changed by ``StructureMutator`` too.
  var isCBOR = true
  /// Runs one input. What must not be stops the process.
  ///
  /// - Returns: false for one that isn't of the form that the target takes, and needn't be kept.
  let run: @Sendable ([UInt8]) -> Bool
  /// The inputs to begin with that come of a vector (SPEC 13.3).
  let seeds: @Sendable (VectorFile) throws -> [[UInt8]]

  static let all = [
    cbor, chain, manifest, grant, bundle, identity, package, payload, statusList, requests, replies, install, handoff,
    elf, control, storage, export,
  ]

  static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }
}

/// Stops the process, as an input's fault, if something isn't as it must be.
func expect(_ condition: Bool, _ words: StaticString, file: StaticString = #fileID, line: UInt = #line) {
  if !condition { fatalError("\(words)", file: file, line: line) }
}

/// The value, or nil for whatever error.
@discardableResult
func attempt<Value: ~Copyable, Failure: Error>(_ body: () throws(Failure) -> Value) -> Value? {
  do throws(Failure) { return try body() } catch { return nil }
}

/// Whether to do what is done three times in four, so that both are tried. The same for the same input.
func chance(_ bytes: [UInt8]) -> Bool { bytes.reduce(0) { $0 &* 31 &+ $1 } % 4 != 0 }
