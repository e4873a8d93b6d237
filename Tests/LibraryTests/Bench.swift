import DeviceSupport
import Foundation

let needsDevice = "takes root and scripts/build-device.sh"

/// A device whose firmware is module_client.c, with the modules that it asks for.
enum Bench {
  static func device(_ modules: [String: URL]? = nil) throws -> Device {
    let device = try Device(firmware: Compiler.firmware("module_client", ["-pthread"]))
    try device.install(modules: modules ?? ["com.acme.counter": counter()])
    return device
  }

  /// module_counter.c as a shared object.
  static func counter(version: Int = 1, soname: String? = nil, _ flags: [String] = []) throws -> URL {
    try Compiler.sharedObject(
      "module_counter",
      ["-fvisibility=hidden", "-DVERSION=\(version)"] + (soname.map { ["-Wl,-soname,\($0)"] } ?? []) + flags)
  }
}

/// Where the compiler finds a library of the system.
func systemLibrary(_ name: String) throws -> URL {
  let path = try run("gcc", ["-print-file-name=\(name)"]).stdout.trimmingCharacters(in: .newlines)
  guard path.hasPrefix("/") else { throw ProgramFailure(description: "no \(name) on this machine") }
  return URL(filePath: path).resolvingSymlinksInPath()
}
