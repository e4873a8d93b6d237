import CBOR
import HuskFormat

// What SPEC 6.2 puts into the inputs of the DICE derivation.

/// The inline configuration value, 64 bytes.
func configurationValue(_ manifest: Manifest) -> [UInt8] {
  var value: [UInt8] = []
  for shift in stride(from: 56, through: 0, by: -8) {
    value.append(UInt8(truncatingIfNeeded: manifest.securityVersion >> UInt64(shift)))
  }
  for part in [manifest.version.major, manifest.version.minor, manifest.version.patch] {
    for shift in stride(from: 24, through: 0, by: -8) { value.append(UInt8(truncatingIfNeeded: part >> UInt32(shift))) }
  }
  value.append(contentsOf: [UInt8](repeating: 0, count: 64 - value.count))
  return value
}

/// What the hidden input is the hash of.
func hiddenInput(_ state: BootState) -> [UInt8] {
  var encoder = CBOREncoder()
  encoder.beginArray(3)
  encoder.encode(text: "husk-hidden")
  state.lifecycle.encode(to: &encoder)
  encoder.encode(unsigned: state.keyEpoch)
  return encoder.bytes
}
