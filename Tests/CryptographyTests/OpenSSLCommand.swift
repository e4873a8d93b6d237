import Foundation

/// Runs the `openssl` command line, an independent reader and writer of key files.
///
/// - Returns: its output; nil if it exited with an error.
func openssl(arguments: [String], input: [UInt8] = []) throws -> [UInt8]? {
  let process = Process()
  process.executableURL = URL(filePath: "/usr/bin/env")
  process.arguments = ["openssl"] + arguments
  let toChild = Pipe()
  let fromChild = Pipe()
  process.standardInput = toChild
  process.standardOutput = fromChild
  process.standardError = FileHandle.nullDevice
  try process.run()
  try toChild.fileHandleForWriting.write(contentsOf: Data(input))
  try toChild.fileHandleForWriting.close()
  let output = try fromChild.fileHandleForReading.readToEnd() ?? Data()
  process.waitUntilExit()
  return process.terminationStatus == 0 ? [UInt8](output) : nil
}

func openssl(_ arguments: String..., input: [UInt8] = []) throws -> [UInt8]? {
  try openssl(arguments: arguments, input: input)
}
