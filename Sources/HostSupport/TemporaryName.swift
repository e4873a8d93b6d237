/// The pattern of a name beside a path for what is in the making, as mkstemp(3) and mkdtemp(3) take it: hidden, and told
/// from others by the six letters that they replace.
func temporaryNamePattern(beside path: String) -> [CChar] {
  let (directory, lastPart) = splitPath(path)
  // File systems count bytes, most of them up to 255; whole characters go, so that it stays text.
  var name = lastPart[...]
  while name.utf8.count > 200 { name.removeLast() }
  return Array("\(directory)/.\(name).XXXXXX".utf8CString)
}
