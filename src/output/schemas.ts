import { z } from 'zod';
import {
  changeSchema,
  count,
  countsSchema,
  errorCode,
  errorSchema,
  findingCode,
  findingSchema,
  level,
  list,
  object,
  stepResultSchema,
  stepShape,
  stepStatusSchema,
} from '../core/schemas.ts';
import { topics } from '../core/groups.ts';
import { resultSchema } from '../mirror/schemas.ts';

/*
 * The documents of `-o json`. `npm run docs` writes schema/ from them, and the types of the views are inferred from
 * them. The program never loads this file.
 */

const text = z.string();
const anObject: z.ZodType<object> = z.record(z.string(), z.unknown());

export const headerSchema = object({
  sandbox: z.boolean().describe('The run uses the sandbox instead of real services.'),
  project: text.exactOptional(),
  caller: text.exactOptional().describe('The ARN of the caller in AWS.'),
  account: text.exactOptional(),
  region: text.exactOptional(),
  registry: text.exactOptional().describe('The host of the registry.'),
  context: text.exactOptional().describe('The kubeconfig context.'),
  server: text.exactOptional().describe('The address of the Kubernetes API.'),
  version: text.exactOptional().describe('The version of Kubernetes.'),
  config: text.exactOptional().describe('The absolute path of the configuration file.'),
  kubeconfig: list(text).describe('The absolute paths of the kubeconfig files that exist.'),
}).meta({ id: 'Header' });

export const plannedStepSchema = object({
  ...stepShape,
  topic: z.enum(topics).exactOptional().describe('The line of a plan that shows the changes.'),
  subject: text.exactOptional().describe('What a plan calls that which the step creates.'),
  changes: list(changeSchema),
  unmanaged: list(changeSchema)
    .exactOptional()
    .describe('Changes of unmanaged resources, withheld until you consent.'),
  findings: list(findingSchema),
}).meta({ id: 'PlannedStep' });

export const planSchema = object({
  steps: list(plannedStepSchema),
  dryRun: z.boolean(),
  digest: text.exactOptional().describe('For `up --expect-plan`.'),
  adoptBy: text
    .exactOptional()
    .describe(
      'The command that adopts every unmanaged resource. Present only if the run needs the adoption.',
    ),
}).describe('What the run changes.');

export const runResultSchema = object({
  steps: list(stepResultSchema),
  changed: count.describe('The number of changed targets.'),
  unplanned: count.describe(
    'The number of changed targets that were not in the plan, because they were created during the run.',
  ),
  made: object({
    create: count.exactOptional(),
    update: count.exactOptional(),
    replace: count.exactOptional(),
    delete: count.exactOptional(),
  }).describe('The number of changed targets by action.'),
  seconds: z.number().describe('How long the changes took.'),
  next: list(text).describe('What you can do next.'),
}).describe('What the run did. Missing if it ended before its first change.');

export const statusSchema = object({
  time: text.describe('When the checks ended, in ISO 8601.'),
  version: text.describe('The version of ecr-bootstrap.'),
  verdict: z.enum(['healthy', 'unhealthy']).describe('By `--fail-on`. It determines the exit code.'),
  counts: countsSchema,
  steps: list(stepStatusSchema),
}).describe('One look.');

export const mirrorRowSchema = object({
  source: text.describe('The normalized reference. An invalid reference stays as written.'),
  wantedBy: list(text).describe('Where the image is referenced.'),
  ...resultSchema.unwrap().shape,
  target: resultSchema.unwrap().shape.target.exactOptional(),
  engine: resultSchema.unwrap().shape.engine.exactOptional(),
}).meta({
  id: 'MirroredImage',
  description: 'The result for one image. An invalid reference has neither target nor engine.',
});

export const mirrorSchema = object({
  images: list(mirrorRowSchema),
  dryRun: z.boolean(),
  operatorYaml: object({ sha256: text })
    .exactOptional()
    .describe("The operator's YAML in the layout of --to."),
});

export const imageRowSchema = object({
  source: text.describe('The normalized reference of the image at its source.'),
  target: text.describe('The name of the image in ECR.'),
  present: z.union([z.boolean(), z.literal('unknown')]).describe('Whether ECR has the image.'),
  digest: text.exactOptional(),
  missingPlatforms: list(text)
    .exactOptional()
    .describe('Desired platforms that the tag in ECR lacks. The next `up` copies them.'),
  usedBy: list(text),
  outside: list(text).describe(
    'Workloads that pull it from the internet. Empty if the cluster cannot be read.',
  ),
  mirrored: z.boolean().describe('Nodes pull it from ECR under the name of its source too.'),
}).meta({ id: 'Image' });

export const imagesSchema = object({
  registry: text.describe('What the names in ECR begin with: `HOST/PROJECT`.'),
  images: list(imageRowSchema),
  only: z
    .enum(['missing', 'outside'])
    .exactOptional()
    .describe(
      'The list has only these images: those that ECR lacks, or those that workloads pull from the internet.',
    ),
  from: z.literal('manifests').exactOptional().describe('The images are those of manifests.'),
  platforms: list(text)
    .exactOptional()
    .describe('The platforms that every image is checked for, if they were chosen.'),
  alsoUsed: list(text)
    .exactOptional()
    .describe(
      'What the cluster uses and ECR has in addition to these images: earlier revisions, excluded images, and the digests that pods run. Only in the list of all images.',
    ),
  running: list(text)
    .exactOptional()
    .describe('What else containers run, as their runtimes report it. ECR may have it under another name.'),
  lacks: list(text)
    .exactOptional()
    .describe('Why images of the cluster are missing in the list. Present only if some may be.'),
});

const unusedImageSchema = object({
  repository: text,
  tags: list(text).describe('The tags that nothing uses. Empty for an image without tags.'),
  digest: text,
  tagOnly: z.boolean().describe('Another tag of the image is in use, so only these tags are deleted.'),
  sizeBytes: count.describe('Bytes of its images and artifacts. Other images may share layers with it.'),
  pushed: text.describe('When it was pushed, in ISO 8601.'),
}).meta({ id: 'UnusedImage' });

export const unusedSchema = object({
  registry: text.describe('What the names in ECR begin with: `HOST/PROJECT`.'),
  images: list(unusedImageSchema),
  sizeBytes: count.describe('The sum of the sizes.'),
  skipped: list(object({ repository: text, why: text })).describe(
    'Repositories of the project whose images are not listed.',
  ),
}).describe('Images in ECR that nothing uses.');

export const prunedSchema = object({
  deleted: count.describe('The number of deleted images, or tags of images in use.'),
  sizeBytes: count.describe('The sum of their sizes.'),
  kept: list(object({ name: text, code: text.describe('The failure code of ECR.'), why: text })).describe(
    'What ECR did not delete.',
  ),
  inUse: count.describe('The number of listed images that were in use when they would have been deleted.'),
}).describe('What was deleted.');

export const configRowSchema = object({
  key: text,
  value: z.unknown().describe('Null if the value is missing.'),
  origin: text.describe('Where the value comes from.'),
  problem: text.exactOptional().describe('What is wrong with the value.'),
}).meta({ id: 'Setting' });

const configSchema = object({
  file: text.nullable().describe('The absolute path of the configuration file. Null without a file.'),
  values: list(configRowSchema),
}).describe('The configuration in effect.');

const objectsSchema = object({ objects: list(anObject) }).describe('Kubernetes objects.');

const policySchema = object({
  name: text,
  document: anObject.describe('An IAM policy, or a List of Kubernetes objects for `policy cluster`.'),
});

export const diagnosisSchema = object({
  level,
  code: z.union([findingCode, errorCode]),
  what: text,
  why: text,
  hint: text,
}).meta({ id: 'Diagnosis', description: 'What `doctor` found about one thing.' });

export const checkedPartSchema = object({
  check: text,
  title: text,
  findings: list(diagnosisSchema),
}).meta({ id: 'Check', description: 'One thing that `up` needs.' });

const doctorSchema = object({
  checks: list(checkedPartSchema),
  ready: z.boolean().describe('False if `up` would fail.'),
});

export const chainLinkSchema = object({
  link: z.enum(['image', 'node', 'mirror', 'ecr', 'pull-secret', 'token', 'kubelet']),
  state: z.enum(['ok', 'failed', 'unknown']).describe('`unknown` means that it could not be checked.'),
  text,
}).meta({ id: 'ChainLink', description: 'One thing between the name of an image and its bytes on a node.' });

export const whySchema = object({
  subject: text.describe('The object or the image, for example `Deployment shop/web`.'),
  verdict: z
    .enum(['healthy', 'cause-found', 'unknown'])
    .describe('`unknown`: nothing wrong was found, but something could not be checked.'),
  cause: object({
    id: text.describe('For example `tag-missing`.'),
    what: text,
    why: text,
    fix: text.describe('A command, where there is one.'),
  })
    .exactOptional()
    .describe('What prevents a pull. A pod that runs already can have one too.'),
  chain: list(chainLinkSchema).describe('What was checked, in the order of a pull.'),
});

const explanationSchema = object({
  code: text,
  exitCode: count.exactOptional().describe('Present if the code is that of an error.'),
  level: level.exactOptional().describe('Present if the code is that of a finding.'),
  about: text.describe('What the code means, in Markdown.'),
  fix: text.describe('How to fix it, in Markdown.'),
});

export const clusterVersionsSchema = object({
  context: text.exactOptional(),
  kubernetes: text.exactOptional(),
  operator: text.nullable().exactOptional().describe('Null if the operator is not installed.'),
  problem: text.exactOptional().describe('Why a version is missing.'),
});

const versionSchema = object({
  program: text.describe('The version of ecr-bootstrap.'),
  node: text.describe('The version of Node.js, without `v`.'),
  singleFile: z.boolean().describe('The program runs as a single file that contains Node.js.'),
  platform: text.describe('For example `linux/x64`.'),
  cluster: clusterVersionsSchema,
});

const textSchema = object({
  text: text.describe('Text that is the result itself: a script, or what was done.'),
});

/** The result of a command in its document, by its name there. */
export const viewSchemas = {
  plan: planSchema,
  result: runResultSchema,
  status: statusSchema,
  mirror: mirrorSchema,
  images: imagesSchema,
  unused: unusedSchema,
  pruned: prunedSchema,
  config: configSchema,
  objects: objectsSchema,
  document: policySchema,
  doctor: doctorSchema,
  explanation: explanationSchema,
  why: whySchema,
  version: versionSchema,
  text: textSchema,
} as const;

const envelope = {
  schemaVersion: z.literal(1).describe('Adding a field or a code does not change it.'),
  command: text.describe('The command that ran.'),
  target: headerSchema.exactOptional().describe('The files, account and cluster that the command uses.'),
  error: errorSchema.exactOptional().describe('Why the run failed.'),
  ok: z.boolean().describe('Whether the exit code is 0.'),
  findings: list(findingSchema)
    .exactOptional()
    .describe('What a run found in addition to the findings of its plan.'),
  warnings: list(text).exactOptional().describe('Warnings and notes.'),
};

/** What the documents of all commands have in common. */
export const envelopeSchema = object(envelope);

function document(command: string, about: string, ...views: (keyof typeof viewSchemas)[]) {
  const shown = Object.fromEntries(views.map((view) => [view, viewSchemas[view].exactOptional()]));
  return object({ ...envelope, command: z.literal(command), ...shown }).describe(about);
}

/** The document of each command, by the name of the command. A run that fails early has only the error. */
export const documentSchemas = {
  up: document('up', 'The plan, and what was applied.', 'plan', 'result'),
  status: document(
    'status',
    'The health of every component. `--watch` prints one document for each look, each on one line.',
    'status',
  ),
  why: document('why', 'Why an image cannot be pulled, or a pod does not run.', 'why'),
  rotate: document('rotate', 'The plan, and what was applied.', 'plan', 'result'),
  down: document('down', 'The plan, and what was removed.', 'plan', 'result'),
  mirror: document('mirror', 'The result for each image.', 'mirror'),
  images: document(
    'images',
    'Images, their names in ECR, and who uses them. With `--unused` or `--prune`, the images that nothing uses.',
    'images',
    'unused',
    'pruned',
  ),
  render: document('render', 'The objects that `up` applies, or a script for nodes.', 'objects', 'text'),
  policy: document('policy', 'An IAM policy, or roles with their bindings.', 'document'),
  init: document('init', 'What was written.', 'text'),
  config: document('config', 'The configuration in effect.', 'config'),
  sandbox: document('sandbox', 'What the sandbox did. A command in it has its own document.', 'text'),
  doctor: document('doctor', 'The result of every check.', 'doctor'),
  explain: document('explain', 'What a code means.', 'explanation'),
  version: document('version', 'The versions of the program and the cluster.', 'version'),
  completion: document('completion', 'A script for a shell, or a list of names.', 'text'),
} as const;

/** The document of a command line that names no command. */
export const usageErrorSchema = object({ ...envelope, error: errorSchema }).describe(
  'The error of a command line without a command, or with an unknown one.',
);
