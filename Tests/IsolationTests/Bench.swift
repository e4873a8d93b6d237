import DeviceSupport
import FormatFixtures
import Foundation

let needsDevice = "takes root and scripts/build-device.sh"

/// Lets everybody write to a directory: stages and firmware have users of their own.
func openToAll(_ directory: URL) throws {
  try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: directory.path)
}

func exists(_ file: URL) -> Bool { FileManager.default.fileExists(atPath: file.path) }

/// Waits for "ready" from a program that then runs until its input ends.
func startHelper(_ program: URL, _ arguments: [String]) throws -> Conversation {
  let helper = try Conversation(program.path, arguments)
  try helper.wait(for: "ready")
  return helper
}

extension Device {
  /// A device with module_client.c for a firmware, and the module `com.acme.counter`.
  static func withCounter() throws -> Device {
    let device = try Device(firmware: Compiler.firmware("module_client", ["-pthread"]))
    try device.install(modules: ["com.acme.counter": counter()])
    return device
  }

  static func counter() throws -> URL {
    try Compiler.sharedObject("module_counter", ["-fvisibility=hidden", "-DVERSION=1"])
  }
}
