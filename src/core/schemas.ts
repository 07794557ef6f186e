import { z } from 'zod';
import { errorCodes } from './error-codes.ts';
import { findingCodes, findingLevels } from './finding-codes.ts';
import { groups, topics } from './groups.ts';
import type { Secret } from './secret.ts';

/*
 * What plans, results, findings and errors are in JSON. The types of the program are inferred from these schemas, so
 * that the documents of `-o json` cannot differ from schema/. The program never loads this file.
 */

export const object = <Shape extends z.core.$ZodShape>(shape: Shape) => z.strictObject(shape).readonly();

export const list = <Item extends z.ZodType>(item: Item) => z.array(item).readonly();

export const count = z.int().nonnegative();

const keysOf = <Key extends string>(table: Readonly<Record<Key, unknown>>) => Object.keys(table) as Key[];

/** A value of a resource, as a plan shows it. A {@link Secret} becomes a placeholder. */
export type Value =
  | string
  | number
  | boolean
  | null
  | undefined
  | Secret
  | readonly Value[]
  | { readonly [key: string]: Value };

const value = z.unknown() as z.ZodType<Value>;

export const errorCode = z.enum(keysOf(errorCodes)).meta({ id: 'ErrorCode' });
export const findingCode = z.enum(keysOf(findingCodes)).meta({ id: 'FindingCode' });
export const level = z
  .enum(findingLevels)
  .describe('The severity. `unknown` means that the check could not run.');
const group = z.enum(keysOf(groups)).describe('The part of a screen that shows the step.');

export const targetSchema = object({
  kind: z.string().describe('For example `Secret` or `IAM user`.'),
  name: z.string().describe('For example `external-secrets/puller`.'),
}).meta({ id: 'Target', description: 'What a change or a finding is about.' });

const errorShape = {
  code: errorCode,
  what: z.string().describe('What failed.'),
  why: z.string().describe('Why it failed.'),
  hint: z.string().describe('How to fix it.'),
};

export const errorSchema = object({
  ...errorShape,
  others: list(object(errorShape))
    .exactOptional()
    .describe('Further errors of the run, so that you can fix them together.'),
}).meta({ id: 'Error', description: 'Why a run, or one item of it, failed.' });

export const findingSchema = object({
  level,
  code: findingCode,
  target: targetSchema,
  what: z.string().describe('The problem.'),
  why: z.string().describe('Its reason.'),
  hint: z.string().describe('How to fix it.'),
  lines: list(z.string()).exactOptional().describe('Lines of a file that the hint refers to.'),
  blocking: z.boolean().exactOptional().describe('The finding ends a run before its first change.'),
  resolvedBy: targetSchema
    .exactOptional()
    .describe('A plan that changes this target resolves the finding, and does not report it.'),
  causedBy: targetSchema
    .exactOptional()
    .describe(
      'A finding about this target is the cause of this one, if there is one: screens show them together.',
    ),
  isTemporary: z
    .boolean()
    .exactOptional()
    .describe('The problem usually resolves itself within a minute, so `status --wait` waits for that.'),
  secondsLeft: z.number().exactOptional().describe('For a token: the seconds until it expires.'),
  ageSeconds: z.number().exactOptional().describe('For an access key: the seconds since it was created.'),
}).meta({ id: 'Finding', description: 'A fact that `up` does not change, with its reason and fix.' });

export const fieldSchema = object({
  path: z.string().describe('For example `spec.template.spec.containers[name=webhook].image`.'),
  from: value.exactOptional().describe('The present value. Missing if the field does not exist.'),
  to: value.exactOptional().describe('The new value. Missing if the change removes the field.'),
  statement: z
    .string()
    .exactOptional()
    .describe('The ID of the statement of an IAM policy that the field belongs to.'),
}).meta({ id: 'Field', description: 'One field that differs. Values of secrets are hidden.' });

const adoptionSchema = object({
  owner: z.string().describe('The owner according to the resource, for example `Helm`.'),
  optional: z
    .boolean()
    .exactOptional()
    .describe(
      'The run does not depend on this resource. Until it is adopted, the run uses it unchanged or skips it.',
    ),
});

export const changeSchema = object({
  action: z.enum(['create', 'update', 'replace', 'delete']),
  target: targetSchema,
  fields: list(fieldSchema),
  diff: list(z.string())
    .exactOptional()
    .describe('With `--diff`: the lines of a unified diff of the Kubernetes object or IAM policy.'),
  topic: z
    .enum(topics)
    .exactOptional()
    .describe('The line of a plan that shows the change, if it is not the line of its step.'),
  label: z
    .string()
    .exactOptional()
    .describe(
      'How the line of a plan counts the change, instead of by its kind, for example `docker.io`. Empty if another change of the line stands for it.',
    ),
  reason: z
    .string()
    .exactOptional()
    .describe('Shown after the target when the fields alone do not explain the change.'),
  warning: z
    .string()
    .exactOptional()
    .describe('What the change breaks. Every plan shows it, also a plan that only counts the change.'),
  sizeBytes: count.exactOptional().describe('The bytes that the change copies, if known.'),
  grants: z.boolean().exactOptional().describe('The change affects permissions.'),
  revokes: z
    .boolean()
    .exactOptional()
    .describe(
      'The change revokes access, as a deletion does. A revocation that was shown must be applied or reported as not needed.',
    ),
  fix: z
    .string()
    .exactOptional()
    .describe('The fix if not every caller can apply this change. The default is `ecr-bootstrap up`.'),
  postponable: z
    .boolean()
    .exactOptional()
    .describe('Cleanup that can wait. If it was not in the plan that was shown, the next run plans it.'),
  adopts: adoptionSchema
    .exactOptional()
    .describe('The target is unmanaged. The change adopts it and requires consent.'),
}).meta({ id: 'Change', description: 'One planned change.' });

export const memberFailureSchema = object({ target: targetSchema, error: errorSchema }).meta({
  id: 'Failure',
  description: 'One member of a set, for example a namespace or an image, that could not be completed.',
});

export const outcomeSchema = z
  .discriminatedUnion('result', [
    object({ change: changeSchema, result: z.literal('done'), detail: z.string().exactOptional() }),
    object({
      change: changeSchema,
      result: z.literal('failed'),
      error: errorSchema,
      tolerable: z
        .boolean()
        .exactOptional()
        .describe('Only this member of a set failed, so the later steps can run.'),
    }),
    object({ change: changeSchema, result: z.literal('skipped') }),
    object({
      change: changeSchema,
      result: z
        .literal('unknown')
        .describe(
          'The run ended while the change was in flight. It may have taken effect, or may still do so.',
        ),
    }),
  ])
  .meta({ id: 'Outcome', description: 'The result of one change.' });

export const stepResultSchema = object({
  step: z.string(),
  outcomes: list(outcomeSchema),
  failures: list(memberFailureSchema).describe(
    'The members that could not be completed: those with tolerable failures, and those that did not become ready.',
  ),
}).meta({ id: 'StepResult' });

export const summarySchema = object({
  text: z.string().describe('For example `9 repositories`.'),
  members: object({ of: z.string(), count })
    .exactOptional()
    .describe('The members of which findings name some, for example 307 namespaces.'),
});

/** The step as all documents name it. */
export const stepShape = {
  step: z.string().describe('The ID of the step, as in `--only`.'),
  title: z.string(),
  group,
};

export const stepStatusSchema = object({
  ...stepShape,
  findings: list(findingSchema),
  drift: list(changeSchema).describe('The changes that `up` would make.'),
  summary: summarySchema
    .exactOptional()
    .describe('What the step keeps working. Missing if the step could not be checked.'),
}).meta({ id: 'StepStatus', description: 'The state of one step.' });

export const countsSchema = object({
  checks: count.describe('The steps that were checked.'),
  notChecked: count.describe('The steps of which a check could not run.'),
  problems: count.describe(
    'Problems that make the cluster unhealthy. Findings with one fix are one problem.',
  ),
  warnings: count,
  findings: object({ ok: count, warning: count, failed: count, unknown: count }).describe(
    'All findings by level.',
  ),
});
