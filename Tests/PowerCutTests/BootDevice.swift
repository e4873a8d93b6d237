import CLinux
import DeviceStore
import DeviceSupport
import ErrorClass
import FormatFixtures
import HuskFormat
import StorageSimulation

@testable import BootChain

/// What a ROM and its bootloader do with slots and floors, on a simulated storage that holds flash and fuses: the real
/// code chooses, verifies and writes; only nothing is executed.
struct BootDevice {
  let storage: SimulatedStorage

  static let floors: StoragePath = "fuses/floors"

  var slots: BootSlots<SimulatedStorage> { BootSlots(on: storage) }

  /// A start that came as far as the bootloader.
  struct Boot {
    let slot: Slot
    let isTrial: Bool
    let needsRefresh: Bool
    /// What runs; nil if that is no set that was ever made.
    let set: StageFiles?
    /// What the stages are verified against.
    let state: BootState
  }

  func state() throws(ErrorClass) -> BootState {
    var state = BootState.fixture
    let register = try FloorsRegister(StoredFile(Self.floors, .reading, on: storage))
    state.floors.raise(to: try register.floors())
    return state
  }

  /// As `BootROM` does.
  func powerOn() throws(ErrorClass) -> Boot {
    var state = try state()
    do throws(StageRefusal) {
      var decision = try slots.choose(state)
      var needsRefresh = false
      if !decision.isTrial {
        let wanted = slots.floors(after: &decision, state)
        needsRefresh = wanted.needsRefresh
        if wanted.floors != state.floors { try raise(to: wanted.floors) }
        state.floors.raise(to: wanted.floors)
      }
      // Without power nothing starts.
      if storage.isDead { throw StageRefusal(.bootloader, .io) }
      return Boot(
        slot: decision.slot, isTrial: decision.isTrial, needsRefresh: needsRefresh, set: contents(of: decision.slot),
        state: state)
    } catch {
      throw error.errorClass
    }
  }

  private func raise(to floors: Floors) throws(StageRefusal) {
    do throws(ErrorClass) {
      let register = try FloorsRegister(StoredFile(Self.floors, .writing, on: storage))
      try register.raise(to: floors)
    } catch {
      throw StageRefusal(.bootloader, error)
    }
  }

  /// Which set a slot holds, byte by byte.
  func contents(of slot: Slot) -> StageFiles? {
    let files = Stage.allCases.map { storage.content(BootPath.package($0, in: slot)) }
    return StageFiles.all.first { $0.files == files }
  }
}

/// The three packages of a version, signed as real ones are, but small.
struct StageFiles: Equatable {
  let name: String
  let floors: Floors
  let files: [[UInt8]?]

  static let old = StageFiles("old", version: 1, securityVersion: 3)
  static let new = StageFiles("new", version: 2, securityVersion: 4)
  static let all = [old, new]

  private init(_ name: String, version: UInt32, securityVersion: UInt64) {
    self.name = name
    floors = Floors(loader: securityVersion, decryptor: securityVersion, firmware: securityVersion)
    files = Stage.allCases.map { stage in
      var package = PackageFixture.stage(
        stage.role, machine: linux_machine(),
        payload: testBytes(stage == .firmware ? 16_900 : 6000).map { $0 ^ UInt8(version) })
      package.manifest.version = Version(version, 0, 0)
      package.manifest.securityVersion = securityVersion
      return try? package.file()
    }
  }

  /// Writes them durably into a folder.
  func put(_ storage: SimulatedStorage, _ folder: StoragePath) {
    for (stage, file) in zip(Stage.allCases, files) { storage.put(file ?? [], folder.appending(stage.fileName)) }
  }
}
