import DeviceStore
import ErrorClass

/// A name in a directory.
struct Place {
  let directory: Medium.Number
  let name: [UInt8]
}

extension Medium {
  /// Where a path ends; what is there may not exist.
  func place(_ path: StoragePath) throws(ErrorClass) -> Place {
    guard !path.bytes.isEmpty else { throw .io }
    return Place(directory: try directory(path.directory), name: path.name)
  }

  func directory(_ path: StoragePath) throws(ErrorClass) -> Number {
    var number = Self.root
    for name in path.bytes.split(separator: UInt8(ascii: "/")) {
      guard let found = directories[number]?[Array(name)] else { throw .notFound }
      guard directories[found] != nil else { throw .io }
      number = found
    }
    return number
  }

  /// Whether a directory is another one, or somewhere in it.
  func leads(_ path: StoragePath, through directory: Number) throws(ErrorClass) -> Bool {
    if try self.directory(path) == directory { return true }
    return path.bytes.isEmpty ? false : try leads(path.directory, through: directory)
  }

  subscript(_ place: Place) -> Number? {
    get { directories[place.directory]?[place.name] }
    set { directories[place.directory]?[place.name] = newValue }
  }

  /// All bytes of files that have a name.
  var size: Int {
    everyFile().reduce(0) { $0 + (files[$1.file]?.content.count ?? 0) }
  }

  /// The files that names lead to, with their paths, in order.
  func everyFile() -> [(path: [UInt8], file: Number)] {
    everything().filter { files[$0.number] != nil }.map { ($0.path, $0.number) }
  }

  /// The same of files and directories; each comes after the directory that it is in.
  func everything() -> [(path: [UInt8], number: Number)] {
    func walk(_ directory: Number, _ prefix: [UInt8]) -> [(path: [UInt8], number: Number)] {
      let names = (directories[directory]?.listed ?? []).sorted { $0.lexicographicallyPrecedes($1) }
      return names.flatMap { name -> [(path: [UInt8], number: Number)] in
        guard let number = directories[directory]?[name] else { return [] }
        return [(prefix + name, number)] + walk(number, prefix + name + [UInt8(ascii: "/")])
      }
    }
    return walk(Self.root, [])
  }
}
