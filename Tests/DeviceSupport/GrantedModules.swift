import BootChain
import FormatFixtures
public import Foundation
import HuskFormat

extension Device {
  /// Packs shared objects and installs them with grants: `modules/NAME.husk` and `grants/NAME.grant`, where NAME begins
  /// with `com.acme.`.
  ///
  /// - Parameter edit: changes each module before it is packed.
  public func install(modules: [String: URL], _ edit: (inout ModuleFixture) -> Void = { _ in }) throws {
    let identity = try identity()
    for (name, object) in modules {
      var module = try ModuleFixture(object)
      module.name = testName(name)
      edit(&module)
      try install(module.file(), "modules/\(name).husk")
      var grant = GrantFixture(for: identity)
      grant.terms.module = module.name
      try install(grant.file(), "grants/\(name).grant")
    }
  }

  /// What starts the ROM, word by word: for tests that start it in some other way than ``boot(_:stdin:)`` does.
  public func romCommand(_ arguments: [String] = []) -> [String] {
    let user = "\(Platform.firmwareUser)"
    return [
      Release.host.stage("bootrom").path, fuses.path, counter.path, floors.path, flash.path, "60", "-", user, user,
    ] + arguments
  }
}
