/// Rounds sizes up so that they tell little (SPEC 4.2): padmé lets through O(log log n) bits of n, for at most 12 %.
public func padme(_ size: UInt64) -> UInt64 {
  guard size >= 2 else { return size }
  let exponent = UInt64(63 - size.leadingZeroBitCount)
  let kept = UInt64(64 - exponent.leadingZeroBitCount)
  guard exponent > kept else { return size }
  let mask = (UInt64(1) << (exponent - kept)) - 1
  let (sum, overflow) = size.addingReportingOverflow(mask)
  return overflow ? size : sum & ~mask
}
