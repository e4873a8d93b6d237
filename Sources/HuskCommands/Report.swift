/// What a verb tells about a thing, once for people and once for programs: both come from the same fields.
struct Report: Encodable {
  let fields: [Field]

  struct Field {
    /// In camelCase, as JSON has it; people see the words apart.
    let name: String
    let value: Value

    init(_ name: String, _ value: Value) {
      self.name = name
      self.value = value
    }
  }

  enum Value {
    case text(String)
    case number(UInt64)
    /// People see the words, if there are any, instead of yes or no.
    case flag(Bool, words: String? = nil)
    case list([Value])
    case group([Field])
    /// People see these lines instead of the value.
    indirect case told(Value, lines: [String])
  }

  init(_ fields: [Field?]) {
    self.fields = fields.compactMap(\.self)
  }

  func encode(to encoder: any Encoder) throws {
    try Value.group(fields).encode(to: encoder)
  }

  /// For people: a line per field, groups indented below their name.
  var lines: [String] { Self.lines(fields, indent: "") }

  /// Prints it in the form that was asked for.
  func print(asJSON: Bool) throws {
    if asJSON { try printJSON(self) } else { printLines(lines) }
  }
}

extension Report.Field {
  /// Nil for a value that isn't there, which then isn't shown.
  init?(_ name: String, time seconds: UInt64?) {
    guard let seconds else { return nil }
    self.init(name, .time(seconds))
  }

  init?(_ name: String, number: UInt64?) {
    guard let number else { return nil }
    self.init(name, .number(number))
  }
}

extension Report.Value: Encodable {
  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  func encode(to encoder: any Encoder) throws {
    switch self {
    case .text(let text):
      var container = encoder.singleValueContainer()
      try container.encode(text)
    case .number(let number):
      var container = encoder.singleValueContainer()
      try container.encode(number)
    case .flag(let flag, _):
      var container = encoder.singleValueContainer()
      try container.encode(flag)
    case .list(let values):
      var container = encoder.unkeyedContainer()
      for value in values { try container.encode(value) }
    case .told(let value, _): try value.encode(to: encoder)
    case .group(let fields):
      var container = encoder.container(keyedBy: Key.self)
      for field in fields { try container.encode(field.value, forKey: Key(stringValue: field.name)) }
    }
  }
}

extension Report {
  private static func lines(_ fields: [Field], indent: String) -> [String] {
    let width = fields.map { words($0.name).count }.max() ?? 0
    return fields.flatMap { field -> [String] in
      let title = words(field.name)
      let padding = String(repeating: " ", count: width - title.count + 2)
      switch field.value {
      case .text(let text): return [indent + title + padding + text]
      case .number(let number): return [indent + title + padding + String(number)]
      case .flag(let flag, let words): return [indent + title + padding + (words ?? (flag ? "yes" : "no"))]
      case .list(let values) where values.isEmpty: return [indent + title + padding + "none"]
      case .list(let values):
        if let texts = plainTexts(values) { return [indent + title + padding + texts.joined(separator: ", ")] }
        return values.enumerated().flatMap { index, value in
          [indent + "\(title) \(index + 1)"] + lines(of: value, indent: indent + "  ")
        }
      case .told(_, let lines): return lines.isEmpty ? [] : [indent + title] + lines.map { indent + "  " + $0 }
      case .group(let fields): return [indent + title] + lines(fields, indent: indent + "  ")
      }
    }
  }

  private static func lines(of value: Value, indent: String) -> [String] {
    if case .group(let fields) = value { return lines(fields, indent: indent) }
    return plainTexts([value]).map { $0.map { indent + $0 } } ?? []
  }

  private static func plainTexts(_ values: [Value]) -> [String]? {
    var texts: [String] = []
    for value in values {
      guard case .text(let text) = value else { return nil }
      texts.append(text)
    }
    return texts
  }

  /// `securityVersion` as `security version`.
  private static func words(_ name: String) -> String {
    var words = ""
    for character in name {
      if character.isUppercase { words += " " }
      words += character.lowercased()
    }
    return words
  }
}
