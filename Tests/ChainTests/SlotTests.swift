import BootChain
import DeviceStore
import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import HuskFormat
import Testing

/// SPEC 7.10 and 7.11: what a device starts when not all is as it should be.
@Suite("The boot slots of a device", .enabled(if: devicesAvailable, needsDevices))
struct SlotTests {
  @Test("aren't written to by a start like any other")
  func steady() throws {
    let device = try updatableDevice()
    _ = try device.boot("say", "confirm")
    let before = try device.everything()
    for _ in 0..<2 { #expect(try device.boot("say", "confirm").stdout == "build 1\nconfirm: success\n") }
    _ = try device.identity()
    #expect(try device.everything() == before)
  }

  @Test("replace each other: when a stage rots, the other slot's set runs", arguments: Stage.allCases)
  func rot(stage: Stage) throws {
    let device = try updatableDevice()
    try device.rot(stage.file())
    let outcome = try device.boot("say")
    #expect(outcome.stdout == "build 1\n")
    #expect(outcome.stderr == "husk: bootrom: slot a: refused \(stage.name): digest-mismatch; running slot b\n")
    #expect(try device.history() == ["b fellBack \(ErrorClass.digestMismatch.rawValue)"])
    #expect(try device.slots().good == .b)
    // From then on it is the good one, and nothing more is said.
    expectSays(1, try device.boot("say"))
    try device.remove(stage.file(in: .b))
    let before = try device.everything()
    let last = try device.boot("say")
    #expect(last.stderr == "husk: bootrom: refused \(stage.name): not-found\n", "the class of the good one")
    #expect(last.stdout == "")
    #expect(last.status == bootRefusedStatus)
    #expect(try device.everything() == before)
  }

  @Test("are known from one control file when the other rots, one step back")
  func controlFile() throws {
    let device = try updatableDevice()
    try device.tryFirmware(build: 2)
    // The trial stands in one of the two.
    for file in ["0", "1"] {
      let copy = try device.contents("boot/control/\(file)")
      try device.rot("boot/control/\(file)")
      let state = try device.slots()
      #expect(state.good == .a)
      #expect(state.trial == nil || state.trial == UpdateState.Trial(.b))
      try device.install(copy, "boot/control/\(file)")
    }
    #expect(try device.slots().trial == UpdateState.Trial(.b))
  }

  @Test("are told apart anew when both control files are lost: one is tried, with the other to fall back to")
  func noControlFiles() throws {
    let device = try updatableDevice()
    try device.tryFirmware(build: 2)
    for file in ["0", "1"] { try device.install([1, 2, 3], "boot/control/\(file)") }
    expectSays(1, try device.boot("say"))
    #expect(try device.slots().good == .b)
    #expect(try device.slots().trial?.slot == .a)
    for _ in 0..<2 { expectSays(1, try device.boot("say")) }
    #expect(try device.boot("say").stdout == "build 2\n")
    #expect(try device.slots().trial == nil)
  }

  @Test("are a factory's: one slot is filled, starts, and is copied to the other")
  func factory() throws {
    let device = try updatableDevice()
    for stage in Stage.allCases { try device.remove(stage.file(in: .b)) }
    try device.remove("boot/control")
    try device.remove("boot/b")
    expectSays(1, try device.boot("say"))
    #expect(try device.slots().good == .a)
    for stage in Stage.allCases {
      #expect(try device.contents(stage.file(in: .b)) == device.contents(stage.file()))
    }
    #expect(try device.history() == ["b refreshed 0"])
    try device.rot(Stage.firmware.file())
    #expect(try device.boot("say").stdout == "build 1\n")
  }

  @Test("can't be changed by the firmware, nor can what chooses between them")
  func attack() throws {
    let device = try updatableDevice()
    _ = try device.boot("say")
    try device.install([1], "update/own")
    for path in ["update", "update/own"] {
      #expect(chown(device.flash.appending(path: path).path, Platform.firmwareUser, Platform.firmwareUser) == 0)
    }
    let before = try device.everything().filter { !$0.key.hasPrefix("flash/update") }
    let outcome = try device.boot("attack")
    #expect(outcome.stdout == "attacked\n")
    #expect(try device.everything().filter { !$0.key.hasPrefix("flash/update") } == before)
  }

  /// Runs the ROM where the flash directory can't be written to.
  private func makeReadOnly(_ device: Device) {
    device.launcher = [
      "unshare", "-m", "sh", "-ec",
      "mount --bind \"$0\" \"$0\"; mount -o remount,bind,ro \"$0\"; exec \"$@\"", device.flash.path,
    ]
  }

  @Test("that can't be written to start what is good, and nothing on trial")
  func readOnly() throws {
    let device = try updatableDevice()
    _ = try device.boot("say")
    makeReadOnly(device)
    expectSays(1, try device.boot("say"))
    #expect(try device.boot("try").stdout == "try: not found\n")
    try device.stage(firmwarePackage(build: 2), as: .firmware)
    #expect(try device.boot("try").stdout == "try: the storage doesn't take writes\n")
    device.launcher = []
    #expect(try device.boot("try").stdout == "try: success\n")
    let state = try device.slots()
    makeReadOnly(device)
    for _ in 0..<4 {
      let outcome = try device.boot("say")
      #expect(outcome.stdout == "build 1\n")
      #expect(outcome.stderr == "husk: bootrom: control files not written: read-only; running slot a\n")
    }
    #expect(try device.slots() == state)
    device.launcher = []
    expectSays(2, try device.boot("say"))
    // What falls back falls back every time.
    try device.rot(Stage.firmware.file(in: .b))
    try device.rot(Stage.firmware.file())
    #expect(try device.boot("say").status == bootRefusedStatus)
  }

  @Test("that are full take an update that fits where the last one was, and lose nothing by one that doesn't")
  func full() throws {
    let device = try updatableDevice()
    // As much room as there is, and a little; what a copy of the slots is then goes to standard error.
    device.launcher = [
      "unshare", "-m", "sh", "-ec",
      """
      cp -R "$0" "$0.saved"
      size=$(du -s --block-size=1 "$0.saved" | cut -f 1)
      mount -t tmpfs -o size=$((size + 1048576)) none "$0"
      cp -R "$0.saved/." "$0"
      rm -r "$0.saved"
      (cd "$0" && find boot -type f | sort | xargs sha256sum) >"$0.before"
      "$@" && status=0 || status=$?
      (cd "$0" && find boot -type f | sort | xargs sha256sum) >"$0.after"
      if cmp -s "$0.before" "$0.after"; then echo unchanged >&2; else echo changed >&2; fi
      exit $status
      """, device.flash.path,
    ]
    var package = try firmwarePackage(build: 2)
    try device.stage(package, as: .firmware)
    let fitting = try device.boot("try", "say", "exit=5")
    #expect(fitting.stdout == "try: success\nbuild 1\n")
    #expect(fitting.stderr == "changed\n")
    #expect(fitting.status == 5)
    package = try Stages.package(.firmware, image: package.payload + [UInt8](repeating: 0, count: 8 << 20))
    try device.stage(package, as: .firmware)
    let large = try device.boot("try", "say", "exit=5")
    #expect(large.stdout == "try: not enough room in storage\nbuild 1\n")
    #expect(large.stderr == "unchanged\n")
    #expect(large.status == 5)
  }
}
