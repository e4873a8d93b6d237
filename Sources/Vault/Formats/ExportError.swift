/// Why nothing is taken from an export.
enum ExportError: Error {
  /// The file isn't what a vault exported, or isn't whole.
  case notAnExport
  /// It isn't signed by who was to vouch for it.
  case notSigned
}
