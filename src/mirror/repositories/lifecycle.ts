import type { WantedImage } from '../../images/wanted.ts';

/** What a lifecycle policy can do to images in use. */
export interface LifecycleRisk {
  /** Images that it may expire, or archive so that they cannot be pulled. */
  readonly images: readonly WantedImage[];
  /** The rules that do so, as text: `rule 1 expires images 14 days after their push`. */
  readonly rules: readonly string[];
  /** Which rules are not understood, and why. */
  readonly unclear: readonly string[];
}

interface Rule {
  readonly priority: number;
  readonly name: string;
  readonly tagStatus: string;
  readonly prefixes: readonly string[];
  readonly patterns: readonly string[];
  readonly count: number;
  readonly countType: string;
  readonly effect: string;
}

const ruleKeys = ['rulePriority', 'description', 'selection', 'action'];
const selectionKeys = [
  ...['tagStatus', 'tagPrefixList', 'tagPatternList', 'storageClass'],
  ...['countType', 'countUnit', 'countNumber'],
];
const ages: Readonly<Record<string, string>> = {
  sinceImagePushed: 'after their push',
  sinceImagePulled: 'after their last pull',
};

/**
 * Finds what a policy can remove at any time: every image in use becomes old, and nodes do not pull images that they have
 * cached. An image that a rule selects is safe from later rules. A child of an index is safe while the index exists.
 * @param policy as ECR stores it (JSON text), or the parsed document
 */
export function lifecycleRisk(policy: unknown, images: readonly WantedImage[]): LifecycleRisk {
  const unclear: string[] = [];
  const rules = rulesIn(policy, unclear).sort((a, b) => a.priority - b.priority);
  const atRisk = new Set<WantedImage>();
  const blamed = new Set<Rule>();
  const isDecided = new Set<WantedImage>();
  for (const rule of rules) {
    const selected = images.filter((image) => !isDecided.has(image) && selects(rule, image) !== 'no');
    const isRisky = rule.countType !== 'imageCountMoreThan' || selected.length > rule.count;
    for (const image of selected) {
      if (selects(rule, image) === 'yes') isDecided.add(image);
      if (!isRisky) continue;
      atRisk.add(image);
      blamed.add(rule);
    }
  }
  return {
    images: images.filter((image) => atRisk.has(image)),
    rules: [...blamed].map(describeRule),
    unclear: [...new Set(unclear)],
  };
}

/** `maybe`: the image may have further tags that the policy selects. */
function selects({ tagStatus, prefixes, patterns }: Rule, { tag }: WantedImage): 'yes' | 'no' | 'maybe' {
  if (tagStatus === 'any') return 'yes';
  // An image with a digest in place of the tag is untagged.
  const isTagged = !tag.includes(':');
  if (tagStatus === 'untagged') return isTagged ? 'no' : 'yes';
  if (!isTagged) return 'no';
  const matches = [
    ...prefixes.map((prefix) => tag.startsWith(prefix)),
    ...patterns.map((pattern) => wildcard(pattern).test(tag)),
  ];
  if (matches.every(Boolean)) return 'yes';
  return matches.some(Boolean) ? 'maybe' : 'no';
}

const wildcard = (pattern: string): RegExp =>
  new RegExp(`^${pattern.split('*').map(escaped).join('.*')}$`, 's');

const escaped = (text: string): string => text.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&');

function describeRule({ name, effect, countType, count }: Rule): string {
  if (countType === 'imageCountMoreThan') return `${name} ${effect} all but ${count} images`;
  return `${name} ${effect} images ${count} days ${ages[countType] ?? ''}`.trimEnd();
}

/** @param unclear gets the reasons for rules that are skipped because they are not understood */
function rulesIn(policy: unknown, unclear: string[]): Rule[] {
  const document = typeof policy === 'string' ? parsed(policy) : policy;
  if (!isRecord(document) || !Array.isArray(document['rules'])) {
    unclear.push('it has no list of rules');
    return [];
  }
  return document['rules'].flatMap((rule: unknown, index) => {
    const priority = isRecord(rule) && typeof rule['rulePriority'] === 'number' && rule['rulePriority'];
    const name = `rule ${priority || index + 1}`;
    const found = ruleOf(rule, name);
    if (typeof found !== 'string') return found;
    unclear.push(`${name} ${found}`);
    return [];
  });
}

/** @returns the rule, an empty list for rules about archived images only, or why it is not understood */
function ruleOf(rule: unknown, name: string): Rule[] | string {
  if (!isRecord(rule)) return 'is not a mapping';
  const { selection, action, rulePriority: priority } = rule;
  if (typeof priority !== 'number') return 'has no rulePriority';
  if (!isRecord(selection) || !isRecord(action)) return 'has no selection or no action';
  const unknown = [
    ...Object.keys(rule).filter((key) => !ruleKeys.includes(key)),
    ...Object.keys(selection).filter((key) => !selectionKeys.includes(key)),
    ...Object.keys(action).filter((key) => !['type', 'targetStorageClass'].includes(key)),
  ];
  if (unknown.length > 0) return `has the unknown field ${unknown[0] ?? ''}`;
  const { tagStatus, countType, countNumber: count, countUnit, storageClass = 'standard' } = selection;
  const { type } = action;
  if (type !== 'expire' && type !== 'transition' && type !== 'archive') return value('action', type);
  if (storageClass === 'archive') return [];
  if (storageClass !== 'standard') return value('storageClass', storageClass);
  if (tagStatus !== 'any' && tagStatus !== 'untagged' && tagStatus !== 'tagged') {
    return value('tagStatus', tagStatus);
  }
  if (typeof countType !== 'string' || (countType !== 'imageCountMoreThan' && !ages[countType])) {
    return value('countType', countType);
  }
  if (typeof count !== 'number') return value('countNumber', count);
  if (countType !== 'imageCountMoreThan' && countUnit !== 'days') return value('countUnit', countUnit);
  const [prefixes, patterns] = [selection['tagPrefixList'] ?? [], selection['tagPatternList'] ?? []];
  if (!isTextList(prefixes) || !isTextList(patterns)) return 'has a tag list that is not a list of strings';
  if (tagStatus === 'tagged' && prefixes.length + patterns.length === 0)
    return 'has no tag prefixes or patterns';
  const effect = type === 'expire' ? 'expires' : 'archives';
  return [{ priority, name, tagStatus, prefixes, patterns, count, countType, effect }];
}

const value = (field: string, found: unknown): string =>
  found === undefined ? `has no ${field}` : `has the unknown ${field} ${JSON.stringify(found)}`;

const isRecord = (found: unknown): found is Readonly<Record<string, unknown>> =>
  typeof found === 'object' && found !== null && !Array.isArray(found);

const isTextList = (found: unknown): found is readonly string[] =>
  Array.isArray(found) && found.every((one) => typeof one === 'string');

/** The parsed text; the text itself if it is not JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
