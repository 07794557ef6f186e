import type { z } from 'zod';
import { findingCodes, type FindingDescription, findingLevels } from './finding-codes.ts';
import type { Finding } from './findings.ts';
import { groupBy } from './group-by.ts';
import { type Group, groups } from './groups.ts';
import type { StepStatus } from './inspect.ts';
import type { countsSchema } from './schemas.ts';
import type { Change } from './step.ts';
import { nameOf } from './target.ts';

type Level = Exclude<Finding['level'], 'ok'>;

/** Findings of one kind in one group: 7 namespaces without a pull secret. */
export interface Fact {
  readonly code: Finding['code'];
  readonly level: Level;
  readonly findings: readonly Finding[];
  /** For the code `drift`: the changes that `up` would make. */
  readonly drift: readonly Change[];
  /** The number of all members of which the findings are some, if it is known. */
  readonly total?: number;
}

/** Facts that have one fix, as `status` shows them. */
export interface Problem {
  /** The group, or the service that several groups need. */
  readonly title: string;
  readonly level: Level;
  /** What is wrong: the worst fact, and a symptom rather than its cause. */
  readonly fact: Fact;
  /** Causes, consequences, and other facts with the same fix. */
  readonly others: readonly Fact[];
  readonly fix: string;
  /** The steps that report it. */
  readonly steps: readonly string[];
  /** The position of the group on screens; 0 for a service. */
  readonly place: number;
}

export interface Health {
  /** The worst first. */
  readonly problems: readonly Problem[];
  /** The groups without a problem, with what their steps report about them. */
  readonly healthy: readonly HealthyGroup[];
  readonly counts: Counts;
}

export interface HealthyGroup {
  readonly group: Group;
  readonly title: string;
  readonly summaries: readonly string[];
  /** Seconds until each token expires. Only in the group of tokens. */
  readonly secondsLeft: readonly number[];
}

export type Counts = z.infer<typeof countsSchema>;

const groupNames = Object.keys(groups) as Group[];

/** More findings of one code than this become one fact, even if their reasons differ. */
const maxApart = 2;

/** Merges the findings of all steps into the problems to solve. */
export function healthOf(steps: readonly StepStatus[]): Health {
  const entries = steps.flatMap((step) => step.findings.map((finding) => ({ finding, step })));
  const isSetUp = !entries.some(isSetup);
  const relevant = entries.filter((entry) => isSetUp || isSetup(entry) || !isPartOfSetup(entry));
  const problems = problemsOf(relevant.flatMap(asProblem), steps);
  const affected = affectedGroups(entries);
  const count = (level: Finding['level']) => entries.filter(({ finding }) => finding.level === level).length;
  return {
    problems,
    healthy: isSetUp ? healthyGroups(entries, affected, steps) : [],
    counts: {
      checks: steps.length,
      notChecked: steps.filter(({ findings }) => findings.some(({ code }) => code === 'not-checked')).length,
      problems: problems.filter(({ level }) => level !== 'warning').length,
      warnings: problems.filter(({ level }) => level === 'warning').length,
      findings: {
        ok: count('ok'),
        warning: count('warning'),
        failed: count('failed'),
        unknown: count('unknown'),
      },
    },
  };
}

/**
 * The groups that are not healthy. A group is also affected if a problem of one of its steps is shown elsewhere.
 * An unreachable service affects a group only if none of its steps could be checked.
 */
function affectedGroups(entries: readonly Entry[]): ReadonlySet<Group> {
  const isUnreached = ({ finding }: Entry): boolean => finding.target.kind === 'service';
  const checked = new Set(entries.filter((entry) => !isUnreached(entry)).map(groupIn));
  return new Set(
    entries.flatMap((entry) => {
      const { finding, step } = entry;
      const group = groupIn(entry);
      if (isUnreached(entry)) return checked.has(group) ? [] : [group];
      if (finding.level === 'ok') return [];
      return finding.level === 'warning' ? [group] : [group, step.group];
    }),
  );
}

interface Entry {
  readonly finding: Finding;
  readonly step: StepStatus;
}

interface ProblemEntry extends Entry {
  readonly level: Level;
  readonly group: Group;
}

const asProblem = (entry: Entry): ProblemEntry[] => {
  const { level } = entry.finding;
  return level === 'ok' ? [] : [{ ...entry, level, group: groupIn(entry) }];
};

const isSetup = ({ finding }: Entry): boolean => finding.code === 'not-set-up';

/** What `up` resolves is not a problem of its own before the first one. */
const isPartOfSetup = ({ finding }: Entry): boolean =>
  /^(drift|internet-image)$/.test(finding.code) || fixIn(finding) === 'ecr-bootstrap up';

/** Findings that others cause are not problems of their own. */
function splitByCause(entries: readonly ProblemEntry[]) {
  const targets = entries.flatMap(({ finding: { causedBy, target } }) => (causedBy ? [] : [nameOf(target)]));
  const causes = new Set(targets);
  const isCaused = ({ finding: { causedBy } }: ProblemEntry): boolean =>
    causedBy !== undefined && causes.has(nameOf(causedBy));
  return {
    own: entries.filter((entry) => !isCaused(entry)),
    consequences: groupBy(entries.filter(isCaused), ({ finding: { causedBy } }) =>
      causedBy ? nameOf(causedBy) : '',
    ),
  };
}

/** A token has its own group, whichever step reports it. */
function groupIn({ finding, step }: Entry): Group {
  if (finding.secondsLeft !== undefined) return 'tokens';
  const { group } = descriptionOf(finding.code);
  return group ?? step.group;
}

const descriptionOf = (code: Finding['code']): FindingDescription => findingCodes[code];

function problemsOf(entries: readonly ProblemEntry[], steps: readonly StepStatus[]): Problem[] {
  const { own, consequences } = splitByCause(entries);
  const facts = [...groupBy(own, factKey).values()].flatMap((alike) => factsOf(alike, steps));
  const problems = [...groupBy(facts, ({ key }) => key).values()]
    .map(problemOf)
    .toSorted((a, b) => rankOf(a) - rankOf(b))
    .map((problem) => withConsequences(problem, consequences, steps))
    .toSorted((a, b) => rankOf(a) - rankOf(b));
  // Problems with one fix are neighbors.
  const fixes = problems.map(({ level, fix }) => `${level} ${fix}`);
  const first = ({ level, fix }: Problem): number => fixes.indexOf(`${level} ${fix}`);
  return problems.toSorted((a, b) => first(a) - first(b));
}

/** Moves what the findings of a problem cause to that problem. It is as bad as the worst of them. */
function withConsequences(
  problem: Problem,
  consequences: Map<string, readonly ProblemEntry[]>,
  steps: readonly StepStatus[],
): Problem {
  const targets = new Set(
    [problem.fact, ...problem.others].flatMap(({ findings }) => findings.map(({ target }) => nameOf(target))),
  );
  const caused = [...targets].flatMap((name) => consequences.get(name) ?? []);
  for (const name of targets) consequences.delete(name);
  const facts = [...groupBy(caused, factKey).values()].map((alike) => placed(alike, steps));
  return {
    ...problem,
    level: worstOf([problem.level, ...facts.map(({ level }) => level)]),
    others: [...problem.others, ...facts],
  };
}

const worstOf = (levels: readonly Level[]): Level =>
  levels.reduce((worst, level) =>
    findingLevels.indexOf(level) < findingLevels.indexOf(worst) ? level : worst,
  );

/** The worst first. A service that is unreachable comes before the groups. */
const rankOf = ({ level, place }: Problem): number => findingLevels.indexOf(level) * maxPlaces + place;
const maxPlaces = 100;

/** A service that is unreachable fails checks of several groups with equal reasons. */
const factKey = ({ finding: { code, what, why }, group, level }: ProblemEntry): string =>
  JSON.stringify(code === 'not-checked' ? [code, what, why] : [code, group, level]);

interface PlacedFact extends Fact {
  /** Facts with one key are one problem. */
  readonly key: string;
  readonly title: string;
  readonly fix: string;
  readonly steps: readonly string[];
  readonly place: number;
  /** Another group reports it: it is a consequence for that group. */
  readonly isConsequence: boolean;
}

/** One fact, or one for each finding if they are few and differ. */
function factsOf(alike: readonly ProblemEntry[], steps: readonly StepStatus[]): PlacedFact[] {
  const [first] = alike;
  if (!first) return [];
  const { code } = first.finding;
  if (code === 'drift')
    return [...groupBy(alike, ({ finding }) => fixIn(finding)).values()].map((same) => placed(same, steps));
  const apart = [...groupBy(alike, ({ finding: { why, hint } }) => JSON.stringify([why, hint])).values()];
  return apart.length > maxApart ? [placed(alike, steps)] : apart.map((same) => placed(same, steps));
}

function placed(entries: readonly ProblemEntry[], steps: readonly StepStatus[]): PlacedFact {
  const [{ finding, group, level, step } = noEntry()] = entries;
  const { code } = finding;
  const findings = entries.map((entry) => entry.finding);
  const service = findings.find(({ target }) => target.kind === 'service');
  const { many, title: general } = descriptionOf(code);
  const ids = [...new Set(entries.map((entry) => entry.step.step))];
  const hasOneFix = new Set(findings.map(fixIn)).size === 1;
  const fix = hasOneFix ? fixIn(finding) : (many?.fix ?? `ecr-bootstrap status -v --only ${ids.join(',')}`);
  const total =
    many && steps.find(({ summary }) => summary?.members?.of === many.of)?.summary?.members?.count;
  const targets = new Set(findings.map(({ target: { kind, name } }) => `${kind} ${name}`));
  return {
    code,
    level,
    findings,
    drift: code === 'drift' ? driftOf(entries) : [],
    ...(total !== undefined && total >= targets.size ? { total } : {}),
    title: service?.target.name ?? general ?? groups[group].title,
    place: service || general !== undefined ? 0 : groupNames.indexOf(group) + 1,
    fix,
    steps: ids,
    isConsequence: step.group !== group,
    key: JSON.stringify(code === 'not-checked' || !hasOneFix ? [code, group, finding.what] : [group, fix]),
  };
}

const noEntry = (): never => {
  throw new Error('a fact has at least one finding');
};

/** The changes of these findings: each finding of drift is about one change of its step. */
function driftOf(entries: readonly ProblemEntry[]): Change[] {
  const names = new Set(entries.map(({ finding: { target } }) => `${target.kind} ${target.name}`));
  const steps = new Set(entries.map(({ step }) => step));
  return [...steps].flatMap(({ drift }) =>
    drift.filter(({ target }) => names.has(`${target.kind} ${target.name}`)),
  );
}

function problemOf(facts: readonly PlacedFact[]): Problem {
  const [fact = noEntry(), ...others] = facts.toSorted((a, b) => rank(a) - rank(b));
  const { title, level, fix, place } = fact;
  const steps = [...new Set(facts.flatMap(({ steps: ids }) => ids))];
  return { title, level, fact, others, fix, steps, place };
}

/** The worst first. Drift explains the symptoms in its group, and comes before the consequences for others. */
const rank = ({ level, code, isConsequence }: PlacedFact): number =>
  findingLevels.indexOf(level) * 4 + (isConsequence ? 2 : 0) + (code === 'drift' ? 1 : 0);

/** `ecr-bootstrap up` for the hint "Run `ecr-bootstrap up`.", so that equal fixes are equal texts. */
export const fixIn = ({ hint }: Finding): string => /^Run `([^`]+)`\.$/.exec(hint)?.[1] ?? hint;

function healthyGroups(
  entries: readonly Entry[],
  affected: ReadonlySet<Group>,
  steps: readonly StepStatus[],
): HealthyGroup[] {
  const present = new Set([...entries.map(groupIn), ...steps.map(({ group }) => group)]);
  return groupNames
    .filter((group) => present.has(group) && !affected.has(group))
    .map((group) => ({
      group,
      title: groups[group].title,
      summaries: steps.flatMap(({ group: of, summary }) => (of === group && summary ? [summary.text] : [])),
      secondsLeft: entries.flatMap(({ finding }) =>
        group === 'tokens' && finding.secondsLeft !== undefined ? [finding.secondsLeft] : [],
      ),
    }));
}
