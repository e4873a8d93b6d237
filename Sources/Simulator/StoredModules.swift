public import DeviceStore

extension DeviceDirectory {
  /// A module in flash, unverified.
  public struct StoredModule: Sendable {
    public let name: String
    public let state: UpdateState
    /// Of a package that was received in part, in bytes.
    public let received: UInt64

    /// Where the package of a slot lies, relative to flash.
    public func file(in slot: Slot) -> String {
      String(decoding: StorePaths.package(Array(name.utf8), slot).bytes, as: UTF8.self)
    }
  }

  /// The modules that are installed, or were, or are being received, by name.
  public func modules() throws(SimulatorError) -> [StoredModule] {
    try withStore { (store) throws(SimulatorError) in
      store.modules().map { name in
        StoredModule(
          name: String(decoding: name, as: UTF8.self), state: store.state(of: name),
          received: store.usage(of: name).parts)
      }
    }
  }
}
