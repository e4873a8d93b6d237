import ErrorClass
import HuskFormat

/// The status lists that were shown since the start, one per scope (SPEC 5.3). They were verified; what they say is parsed by
/// workers, each time it is needed.
struct StatusShelf {
  private var lists: [(mark: StatusMark, payload: [UInt8])] = []

  /// Takes a verified list, in the place of the one of the same scope.
  mutating func put(_ mark: StatusMark, payload: [UInt8]) {
    lists.removeAll { $0.mark.scope == mark.scope }
    lists.append((mark, payload))
  }

  /// What a load is decided against.
  func knowledge(_ marks: [StatusMark]) throws(FormatError) -> StatusKnowledge {
    var knowledge = StatusKnowledge(marks: marks)
    for list in lists { knowledge.lists.append(try StatusList(parsing: list.payload[...])) }
    return knowledge
  }
}
