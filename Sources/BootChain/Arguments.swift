/// A decimal number of a command line or variable; nil if it isn't one, or doesn't fit.
func number(_ text: UnsafePointer<CChar>) -> UInt32? {
  var value: UInt32 = 0
  var position = 0
  while text[position] != 0 {
    let (digit, isBelow) = UInt8(bitPattern: text[position]).subtractingReportingOverflow(UInt8(ascii: "0"))
    guard !isBelow, digit < 10 else { return nil }
    let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
    let (sum, carry) = tens.addingReportingOverflow(UInt32(digit))
    guard !overflow, !carry else { return nil }
    value = sum
    position += 1
  }
  return position > 0 ? value : nil
}
