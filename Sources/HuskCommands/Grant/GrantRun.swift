import CLinux
import Cryptography
import HostSupport
import HuskFormat
import Packager
import Vault

/// Grants on the same terms.
struct GrantTask {
  let terms: CommonGrantTerms
  /// Only for devices whose latest grant of the module is on these; nil for all.
  let former: GrantedTerms?
}

/// Issues the grants of a job, on all cores and step by step: every step is safely away before it is recorded, and
/// recorded before the next one counts.
struct GrantRun {
  let vault: Vault
  /// The vault's.
  let path: String
  let key: VaultKey
  let trust: TrustSet
  let signer: SigningIdentity
  let scope: GrantScope
  /// Whether a device that can't have a grant is an error.
  let requiresAll: Bool
  let occasion: Occasion

  /// How many devices go to a core at once.
  private static let together = 256
  /// How many grants are recorded at once.
  private static let step = 16_384
  /// However few there are, after so many milliseconds: a slow signer's work isn't lost.
  private static let longestStep: Int64 = 2000

  /// Does the tasks, in their order, as one job.
  ///
  /// - Parameter digest: of what was asked for.
  func perform(_ tasks: [GrantTask], digest: [UInt8], to output: any GrantOutput) throws -> GrantSummary {
    let total = try about(path) { try vault.deviceCount(scope) }
    if let limit = output.limit, total * UInt64(tasks.count) > limit { throw TooManyGrantsError() }
    if requiresAll { for task in tasks { try checkAll(task) } }
    var summary = GrantSummary()
    let issuers = try tasks.compactMap { try issuer(for: $0, ofMany: total > 1, &summary) }
    var (job, isResumed) = try begin(digest, output)
    summary.earlier = job.count
    let expected = total * UInt64(tasks.count)
    var progress = ProgressBar("grants")
    try Interruption.held {
      for (task, issuer) in remaining(issuers, of: job) {
        while try !perform(task, issuer, &job, output, &summary, expected, &progress) {}
        if Interruption.isRequested { break }
      }
      progress.clear()
      guard !Interruption.isRequested else { throw InterruptedGrantsError(count: job.count) }
      if job.count > 0 {
        try output.publish(job.series.map { ($0.series, $0.count) }, isResumed: isResumed)
      }
      try about(path) { try vault.finish(job, on: occasion) }
      output.close()
    }
    return summary
  }

  /// What issues a task's grants; nil where the terms of former grants have run out.
  private func issuer(
    for task: GrantTask, ofMany isMany: Bool, _ summary: inout GrantSummary
  ) throws -> (GrantTask, GrantIssuer)? {
    if task.former != nil, let notAfter = task.terms.notAfter, notAfter < occasion.now {
      summary.hasExpiredTerms = true
      return nil
    }
    let isDelegated = isMany && signer.mayCertifyJobKeys
    return try about(task.terms.module.text) {
      let issuer = try GrantIssuer(
        task.terms,
        contentKey: about(path) { try vault.contentKey(of: task.terms.module, epoch: task.terms.epoch, with: key) },
        signer: isDelegated ? signer.makeJobKey(for: task.terms, now: occasion.now) : signer, now: occasion.now)
      return (task, issuer)
    }
  }

  /// The job that the same command began and didn't finish, or a new one.
  private func begin(_ digest: [UInt8], _ output: any GrantOutput) throws -> (GrantJob, isResumed: Bool) {
    if let job = try about(path, { try vault.unfinishedJob(digest) }) {
      if try output.prepare(job) { return (job, true) }
      // What was issued so far is lost. It is issued anew: a grant with a higher number does no harm.
      try about(path) { try vault.finish(job, on: occasion) }
    }
    let job = GrantJob(digest)
    _ = try output.prepare(job)
    do {
      try output.checkNew()
    } catch {
      // What a job like this left when it was over, too.
      output.close()
      throw error
    }
    return (job, false)
  }

  /// The tasks that a job hasn't finished: the one that its latest series is of, and those behind it.
  private func remaining(
    _ tasks: [(task: GrantTask, issuer: GrantIssuer)], of job: GrantJob
  ) -> ArraySlice<(task: GrantTask, issuer: GrantIssuer)> {
    guard let latest = job.series.last?.series.terms,
      let index = tasks.firstIndex(where: { $0.task.terms.isEqual(to: latest) })
    else { return tasks[...] }
    return tasks[index...]
  }

  /// Every device that was named can have a grant: else the reason of the first that can't.
  private func checkAll(_ task: GrantTask) throws {
    var candidates = GrantCandidates(vault, scope, module: task.terms.module, after: 0)
    var check = try about(path) { try CandidateCheck(with: key, trust: trust) }
    while true {
      let page = try about(path) { try candidates.next(Self.together) }
      guard !page.isEmpty else { return }
      for candidate in page where task.concerns(candidate) {
        try about(hex(candidate.deviceID)) {
          let recipient = try check.recipient(of: candidate)
          guard recipient.lifecycle == task.terms.lifecycle else {
            throw PackagingError.wrongLifecycle(device: recipient.lifecycle, grant: task.terms.lifecycle)
          }
        }
      }
    }
  }

  /// Goes through the devices once; false if another process changed what a step rests on: then the rest is to be done
  /// anew.
  private func perform(
    _ task: GrantTask, _ issuer: GrantIssuer, _ job: inout GrantJob, _ output: any GrantOutput,
    _ summary: inout GrantSummary, _ expected: UInt64, _ progress: inout ProgressBar
  ) throws -> Bool {
    let isLatest = job.series.last?.series.terms.isEqual(to: task.terms) ?? false
    var candidates = GrantCandidates(
      vault, scope, module: task.terms.module, after: isLatest ? job.position : 0)
    var step: [GrantJob.Grant] = []
    var mark: Int64 = 0
    var stepBegan = linux_monotonic_milliseconds()
    let (key, trust) = (key, trust)

    func record() throws {
      guard !step.isEmpty else { return }
      try output.write(step.map(\.record), of: issuer.series, behind: job.count)
      let isDone = try about(path) {
        try vault.record(
          step, of: issuer.series, in: &job, keeps: output.isVault, since: mark, with: key, on: occasion)
      }
      guard isDone else { throw Overtaken() }
      try output.recorded()
      summary.issued += UInt64(step.count)
      step.removeAll(keepingCapacity: true)
      stepBegan = linux_monotonic_milliseconds()
    }

    do {
      try Pipeline.run(
        next: { () throws -> Page? in
          if Interruption.isRequested { return nil }
          let mark = try about(path) { try vault.changeMark() }
          let page = try about(path) { try candidates.next(Self.together) }
          return page.isEmpty ? nil : Page(candidates: page.filter { task.concerns($0) }, mark: mark)
        },
        work: { page in
          var check = try CandidateCheck(with: key, trust: trust)
          var sender = try HPKE.Sender()
          var outcomes: [GrantOutcome] = []
          outcomes.reserveCapacity(page.candidates.count)
          for candidate in page.candidates {
            outcomes.append(
              try about(hex(candidate.deviceID)) { try issuer.outcome(for: candidate, &check, &sender) })
          }
          return (page.mark, outcomes)
        },
        deliver: { (pageMark: Int64, outcomes: [GrantOutcome]) in
          for outcome in outcomes {
            switch outcome {
            case .issued(let grant):
              if step.isEmpty { mark = pageMark }
              step.append(grant)
              if step.count == Self.step { try record() }
            case .leftOut(let reason): summary.leftOut[reason, default: 0] += 1
            }
          }
          if linux_monotonic_milliseconds() - stepBegan > Self.longestStep { try record() }
          let done = job.count + UInt64(step.count)
          progress.update(done, done: done + summary.leftOutCount, of: expected)
        })
      try record()
      return true
    } catch is Overtaken {
      summary.leftOut = [:]
      return false
    }
  }

  private struct Page: Sendable {
    let candidates: [GrantCandidate]
    let mark: Int64
  }

  private struct Overtaken: Error {}
}

/// What became of a device.
private enum GrantOutcome: Sendable {
  case issued(GrantJob.Grant)
  case leftOut(GrantSummary.Reason)
}

extension GrantIssuer {
  fileprivate func outcome(
    for candidate: GrantCandidate, _ check: inout CandidateCheck, _ sender: inout HPKE.Sender
  ) throws -> GrantOutcome {
    do {
      let recipient = try check.recipient(of: candidate)
      let record = try issue(to: recipient, sequence: candidate.sequence, &sender)
      return .issued(try check.grant(to: candidate, record, on: series.terms))
    } catch VaultError.statusForbidsGrants(let status) {
      return .leftOut(.status(status))
    } catch VaultError.untrusted {
      return .leftOut(.untrusted)
    } catch PackagingError.wrongLifecycle(let device, _) {
      return .leftOut(.lifecycle(device))
    } catch PackagingError.unusableGrantKey {
      return .leftOut(.unusableGrantKey)
    }
  }
}

extension GrantTask {
  func concerns(_ candidate: GrantCandidate) -> Bool {
    former.map { candidate.hasGrant(on: $0) } ?? true
  }
}

extension CommonGrantTerms {
  /// Whether they are the same but for the time of issue.
  fileprivate func isEqual(to other: CommonGrantTerms) -> Bool {
    var own = self
    own.issuedAt = other.issuedAt
    return own == other
  }
}

/// `-o` was given, and more than one grant would be issued.
struct TooManyGrantsError: Error {}

/// Ctrl-C came; what is recorded is done.
struct InterruptedGrantsError: Error {
  let count: UInt64
}
