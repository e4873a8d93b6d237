import BootChain
public import HuskFormat

/// What a new simulated device is made with.
public struct DeviceDesign: Sendable {
  /// The path of the boot ROM's executable.
  public var rom: String
  /// Thumbprints of the boot roots; the index is the slot.
  public var bootRoots: [[UInt8]]
  /// Seconds since 1970.
  public var buildTime: UInt64
  public var lifecycle = Lifecycle.secured
  public var keyEpoch: UInt64 = 1
  public var hasTrustedClock = true
  /// Floors and revocations that are blown at the factory already.
  public var change = FuseChange()

  public init(rom: String, bootRoots: [[UInt8]], buildTime: UInt64) {
    self.rom = rom
    self.bootRoots = bootRoots
    self.buildTime = buildTime
  }

  /// The fuses of a device with this silicon certificate chain (encoded).
  func fuses(silicon: [UInt8]) throws(SimulatorError) -> BootState {
    let blank = BootState(
      bootRoots: TrustAnchors(thumbprints: bootRoots), lifecycle: lifecycle,
      floors: Floors(loader: 0, decryptor: 0, firmware: 0), keyEpoch: keyEpoch, time: buildTime,
      hasTrustedClock: hasTrustedClock, silicon: silicon)
    return try change.applied(to: blank)
  }
}
