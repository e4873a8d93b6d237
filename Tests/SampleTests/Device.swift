import Foundation

/// A device for the firmware to run on: a flash folder with both modules, and a data folder.
struct Device {
  let flash: URL
  let data: URL

  private let firmware: URL

  /// Calls `body` with a new device, whose firmware and modules are built with sanitizers.
  static func with(_ body: (Device) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      let built = try Samples.sanitized()
      let device = Device(
        flash: directory.appending(path: "flash"), data: directory.appending(path: "data"),
        firmware: built.appending(path: "firmware"))
      for folder in [device.flash.appending(path: "modules"), device.flash.appending(path: "grants"), device.data] {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      }
      for name in [Samples.codec, Samples.activity] {
        try FileManager.default.copyItem(at: built.appending(path: "\(name).so"), to: device.package(name))
        try device.grant(name, status: 0)
      }
      try body(device)
    }
  }

  func package(_ name: String) -> URL { flash.appending(path: "modules/\(name).husk") }

  func grantFile(_ name: String) -> URL { flash.appending(path: "grants/\(name).grant") }

  /// Makes loading a module come to a status of husk.h, 0 being success.
  func grant(_ name: String, status: Int) throws { try Data("\(status)\n".utf8).write(to: grantFile(name)) }

  /// Starts the firmware as the boot chain does: an empty environment, the data folder, descriptors 3 and 4.
  ///
  /// The one variable in the environment is for the sanitizers: memory that is held when the firmware fails is no leak.
  func run(_ arguments: [String], input: Data = Data(), hasSocket: Bool = true) throws -> Outcome {
    let script = "exec env -i ASAN_OPTIONS=detect_leaks=0 \"$0\" \"$@\" 3<\(hasSocket ? "/dev/null" : "&-") 4<../flash"
    return try SampleTests.run("sh", ["-c", script, firmware.path] + arguments, input: input, directory: data)
  }

  func run(_ arguments: String..., input: Data = Data(), hasSocket: Bool = true) throws -> Outcome {
    try run(arguments, input: input, hasSocket: hasSocket)
  }

  func write(_ name: String, _ contents: Data) throws { try contents.write(to: data.appending(path: name)) }

  func contents(_ name: String) throws -> Data { try Data(contentsOf: data.appending(path: name)) }

  func files() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: data.path).sorted() }
}
