import type { z } from 'zod';
import type { StepResult } from '../core/apply.ts';
import type { BootstrapError } from '../core/errors.ts';
import type {
  chainLinkSchema,
  checkedPartSchema,
  clusterVersionsSchema,
  configRowSchema,
  diagnosisSchema,
  headerSchema,
  imageRowSchema,
  imagesSchema,
  mirrorRowSchema,
  mirrorSchema,
  plannedStepSchema,
  planSchema,
  runResultSchema,
  prunedSchema,
  statusSchema,
  unusedSchema,
  viewSchemas,
  whySchema,
} from './schemas.ts';

/** The files, account and cluster that a command uses, shown before anything else. */
export type Header = z.infer<typeof headerSchema>;

export type PlannedStep = z.infer<typeof plannedStepSchema>;

export type PlanView = z.infer<typeof planSchema>;

export type ImagesView = z.infer<typeof imagesSchema>;

/** The images that nothing uses. */
export type UnusedView = z.infer<typeof unusedSchema>;

/** What `images --prune` deleted. */
export type PrunedView = z.infer<typeof prunedSchema>;

/** One image as `images` lists it. */
export type ImageRow = z.infer<typeof imageRowSchema>;

/** The result of mirroring one image. An invalid reference has neither target nor engine. */
export interface MirrorRow extends z.infer<typeof mirrorRowSchema> {
  readonly error?: BootstrapError;
}

export type ConfigRow = z.infer<typeof configRowSchema>;

/** What `doctor` found about one thing. The code is that of an error or of a finding. */
export type Diagnosis = z.infer<typeof diagnosisSchema>;

/** One thing that `up` needs. */
export type CheckedPart = z.infer<typeof checkedPartSchema>;

/** Why an image cannot be pulled. */
export type WhyView = z.infer<typeof whySchema>;

export type ChainLink = z.infer<typeof chainLinkSchema>;

/** What `version` knows about the cluster. */
export type ClusterVersions = z.infer<typeof clusterVersionsSchema>;

/** One look of `status`. */
export type StatusView = z.infer<typeof statusSchema>;

/** The data of a view as JSON has it, by the type of the view. */
type Printed = { readonly [Type in keyof typeof viewSchemas]: z.infer<(typeof viewSchemas)[Type]> };

/** The data of a view. Errors are objects with a stack, which JSON omits. */
interface Data extends Printed {
  readonly result: RunResultView;
  readonly mirror: MirrorView;
}

interface RunResultView extends z.infer<typeof runResultSchema> {
  readonly steps: readonly StepResult[];
}

export interface MirrorView extends z.infer<typeof mirrorSchema> {
  readonly images: readonly MirrorRow[];
}

type Plain = { [Type in keyof Data]: { readonly type: Type; readonly data: Data[Type] } };

/** What a view has in addition to its data, for the reporters. */
interface Extras {
  readonly status: { readonly header: Header };
  /** Whether an error, for example Ctrl-C, ended the run. */
  readonly result: { readonly isStopped?: boolean };
  /** The document's objects, to be shown as YAML below a comment. */
  readonly document: {
    readonly yaml?: { readonly comment: string; readonly objects: readonly object[] };
  };
}

/**
 * The result of a command, as data. The text reporter formats it. The JSON reporter adds it to the document
 * under the name of its type.
 */
export type View = {
  [Type in keyof Plain]: Plain[Type] & (Type extends keyof Extras ? Extras[Type] : unknown);
}[keyof Plain];
