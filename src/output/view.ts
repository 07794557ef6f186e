import type { MirrorResult } from '../mirror/engine.ts';
import type { Change } from '../core/step.ts';
import type { Group, Topic } from '../core/groups.ts';
import type { ErrorCode } from '../core/error-codes.ts';
import type { Finding, FindingCode } from '../core/findings.ts';
import type { StepResult } from '../core/apply.ts';
import type { StepStatus } from '../core/inspect.ts';
import type { Counts } from '../core/problems.ts';

/** The files, account and cluster that a command uses, shown before anything else. */
export interface Header {
  readonly sandbox: boolean;
  readonly project?: string;
  readonly caller?: string;
  readonly account?: string;
  readonly region?: string;
  readonly registry?: string;
  readonly context?: string;
  readonly server?: string;
  readonly version?: string;
  /** Absolute path of the configuration file. */
  readonly config?: string;
  /** Absolute paths of the kubeconfig files that exist. */
  readonly kubeconfig: readonly string[];
}

export interface PlannedStep {
  readonly step: string;
  readonly title: string;
  readonly group: Group;
  readonly topic?: Topic;
  /** What a plan calls that which the step creates. */
  readonly subject?: string;
  readonly changes: readonly Change[];
  /** Changes of unmanaged resources, withheld until you consent. */
  readonly unmanaged?: readonly Change[];
  readonly findings: readonly Finding[];
}

export interface PlanView {
  readonly steps: readonly PlannedStep[];
  readonly dryRun: boolean;
  /** For `up --expect-plan`. */
  readonly digest?: string;
  /** The command that adopts every unmanaged resource. Set only if the run needs the adoption. */
  readonly adoptBy?: string;
}

export interface ImagesView {
  /** What the names in ECR begin with: `HOST/PROJECT`. */
  readonly registry: string;
  readonly images: readonly ImageRow[];
  /** The list has only these images: those that ECR lacks, or those that workloads pull from the internet. */
  readonly only?: 'missing' | 'outside';
  /** The images are those of manifests. */
  readonly from?: 'manifests';
}

/** One image as `images` lists it. */
export interface ImageRow {
  readonly source: string;
  readonly target: string;
  readonly present: boolean | 'unknown';
  readonly digest?: string;
  /** Desired platforms that the tag in ECR lacks. The next `up` copies them. */
  readonly missingPlatforms?: readonly string[];
  readonly usedBy: readonly string[];
  /** Workloads that pull it from the internet. Empty if the cluster cannot be read. */
  readonly outside: readonly string[];
  /** Nodes pull it from ECR under the name of its source too. */
  readonly mirrored: boolean;
}

/** The result of mirroring one image. An invalid reference has neither target nor engine. */
export interface MirrorRow
  extends
    Omit<MirrorResult, 'image' | 'target' | 'engine'>,
    Partial<Pick<MirrorResult, 'target' | 'engine'>> {
  /** The normalized reference. An invalid reference stays as written. */
  readonly source: string;
  /** Where the image is referenced. */
  readonly wantedBy: readonly string[];
}

export interface ConfigRow {
  readonly key: string;
  /** Null if the value is missing. */
  readonly value: unknown;
  readonly origin: string;
  /** What is wrong with the value. */
  readonly problem?: string;
}

/** What `doctor` found about one thing. The code is that of an error or of a finding. */
export interface Diagnosis extends Pick<Finding, 'level' | 'what' | 'why' | 'hint'> {
  readonly code: FindingCode | ErrorCode;
}

/** One thing that `up` needs. */
export interface CheckedPart {
  readonly check: string;
  readonly title: string;
  readonly findings: readonly Diagnosis[];
}

/** What `version` knows about the cluster. */
export interface ClusterVersions {
  readonly context?: string;
  readonly kubernetes?: string;
  /** Null if the operator is not installed. */
  readonly operator?: string | null;
  /** Why a version is missing. */
  readonly problem?: string;
}

/** One look of `status`. */
export interface StatusView {
  /** When the checks ended, in ISO 8601. */
  readonly time: string;
  /** The version of ecr-bootstrap. */
  readonly version: string;
  /** By `--fail-on`. It determines the exit code. */
  readonly verdict: 'healthy' | 'unhealthy';
  readonly counts: Counts;
  readonly steps: readonly StepStatus[];
}

/**
 * The result of a command, as data. The text reporter formats it. The JSON reporter adds it to the document
 * under the name of its type.
 */
export type View =
  | {
      readonly type: 'plan';
      readonly data: PlanView;
    }
  | {
      readonly type: 'result';
      readonly data: {
        readonly steps: readonly StepResult[];
        /** The number of changed targets. */
        readonly changed: number;
        /** The number of changed targets that were not in the plan, because they were created during the run. */
        readonly unplanned: number;
        readonly next: readonly string[];
      };
    }
  | {
      readonly type: 'status';
      readonly header: Header;
      readonly data: StatusView;
    }
  | {
      readonly type: 'mirror';
      readonly data: { readonly images: readonly MirrorRow[]; readonly dryRun: boolean };
    }
  | { readonly type: 'images'; readonly data: ImagesView }
  | {
      readonly type: 'config';
      readonly data: { readonly file: string | null; readonly values: readonly ConfigRow[] };
    }
  | { readonly type: 'objects'; readonly data: { readonly objects: readonly object[] } }
  | {
      readonly type: 'document';
      readonly data: { readonly name: string; readonly document: object };
      /** The document's objects, to be shown as YAML below a comment. */
      readonly yaml?: { readonly comment: string; readonly objects: readonly object[] };
    }
  | {
      readonly type: 'doctor';
      readonly data: {
        readonly checks: readonly CheckedPart[];
        /** False if `up` would fail. */
        readonly ready: boolean;
      };
    }
  | {
      readonly type: 'explanation';
      readonly data: {
        readonly code: string;
        /** If the code is that of an error. */
        readonly exitCode?: number;
        /** If the code is that of a finding. */
        readonly level?: Finding['level'];
        /** Markdown, like the fix. */
        readonly about: string;
        readonly fix: string;
      };
    }
  | {
      readonly type: 'version';
      readonly data: {
        readonly program: string;
        /** The version of Node.js, without `v`. */
        readonly node: string;
        /** The program runs as a single file that contains Node.js. */
        readonly singleFile: boolean;
        /** For example `linux/x64`. */
        readonly platform: string;
        readonly cluster: ClusterVersions;
      };
    }
  /** Text that is the result itself: a completion script, the path of a file. */
  | { readonly type: 'text'; readonly data: { readonly text: string } };
