import type { KubeObject } from '../../clients/kubernetes/port.ts';

/** The operator's official YAML, as it is before our patches. */
export interface OperatorManifest {
  readonly objects: readonly KubeObject[];
  /** Hexadecimal, of the file as it was read. */
  readonly sha256: string;
  /** File or URL. */
  readonly from: string;
}

/** Where the operator's YAML comes from: the configured file or URL, or the release's URL with a cache. Memoised. */
export interface OperatorSource {
  load(): Promise<OperatorManifest>;
}
