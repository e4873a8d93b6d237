import BootChain
import ErrorClass
import HuskFormat
import SecureStorage

/// What loads and checks are decided against, beside the device's own state.
struct DecisionContext {
  /// This processor's e_machine.
  let machine: UInt16
  /// Roots, floors and time as the boot chain handed them over.
  let boot: BootState
  /// What the provider said of the trusted clock; nil if it wasn't asked, or said nothing.
  let clock: ProviderAnswer?
  /// What is remembered across boots; nil if it can't be.
  let memory: SecureState?
  /// What was released before, and to whom.
  let bindings: ScopeBindings
  let lists: StatusShelf
  /// Who asks.
  let user: UInt32

  /// What is known of the present before anything is read. Throws `internal` if there is a trusted clock that can't be
  /// read.
  func present() throws(ErrorClass) -> TimeBasis {
    guard boot.hasTrustedClock else { return TimeBasis(lowerBound: boot.time, trustedClock: nil) }
    guard let clock, let time = try? clock.value() else { throw .internal }
    return TimeBasis(lowerBound: boot.time, trustedClock: time)
  }
}

extension SecureState {
  func memory(of module: Name) -> ModuleMemory {
    ModuleMemory(sequence: highestSequence(of: module), floor: floor(of: module))
  }
}
