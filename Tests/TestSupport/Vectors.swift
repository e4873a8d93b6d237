// The public test vectors. They are not part of the tree: `HUSK_VECTORS` names their folder, else it is
// `../shared/vectors`, seen from the package's root.
public import Foundation

/// The root of this package.
public let packageRoot = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

/// Where the public test vectors are looked for.
public let vectorFolder: URL =
  if let path = ProcessInfo.processInfo.environment["HUSK_VECTORS"] {
    URL(filePath: path, directoryHint: .isDirectory)
  } else {
    packageRoot.appending(path: "../shared/vectors", directoryHint: .isDirectory).standardizedFileURL
  }

/// Whether tests that need the public vectors are to run:
///
///     @Test("…", .enabled(if: vectorsAvailable, "the public test vectors are not on this machine"))
///
/// True if their folder is there. In continuous integration (`CI=true`) it is true in any case, so that a missing
/// folder fails the tests instead of skipping them.
public let vectorsAvailable: Bool = {
  var isFolder: ObjCBool = false
  if FileManager.default.fileExists(atPath: vectorFolder.path, isDirectory: &isFolder), isFolder.boolValue {
    return true
  }
  printLine("vectors: MISSING, no folder \(vectorFolder.path) (set HUSK_VECTORS)")
  return ProcessInfo.processInfo.environment["CI"] == "true"
}()

/// Reads a vector file.
///
/// - Parameter path: relative to the vector folder, such as `hpke/rfc9180.json`.
public func vectorData(_ path: String) throws -> Data {
  try Data(contentsOf: vectorFolder.appending(path: path))
}

/// Reads a vector file as JSON.
///
/// - Parameters:
///   - path: relative to the vector folder, such as `hpke/rfc9180.json`.
///   - type: the shape of the whole file; members that it leaves out are ignored.
public func vectors<T: Decodable>(_ path: String, as type: T.Type) throws -> T {
  try JSONDecoder().decode(type, from: vectorData(path))
}

/// Reports how many vectors of a set were run, in one line for the test script to sum up. The difference to `total`
/// is what does not apply here (a key size that is not supported, say).
public func recordVectorCount(set: String, ran: Int, of total: Int) {
  recordFinding("\(set) \(ran) of \(total)")
}

/// Reports what was measured along the way, in one line for the test script to print.
public func recordFinding(_ text: String) {
  printLine("vectors: \(text)")
}

/// Writes a line in one piece: tests run in parallel.
private func printLine(_ line: String) {
  try? FileHandle.standardOutput.write(contentsOf: Data("\(line)\n".utf8))
}
