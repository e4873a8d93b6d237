/// Measures the protections of the platform (numbers from 201 in SPEC 15.5) by what the kernel says of itself.
///
/// Changes nothing. What only root may see is ``ProtectionState/unknown`` for others.
public func measurePlatform() -> [ProtectionFact] {
  []
}
