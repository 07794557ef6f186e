import type { KubeObject } from '../../clients/kubernetes/port.ts';

/** The release manifest of the operator, without patches. */
export interface OperatorManifest {
  readonly objects: readonly KubeObject[];
  /** Hexadecimal, of the file as it was read. */
  readonly sha256: string;
  /** File or URL. */
  readonly from: string;
}

/** Loads the operator manifest once: from the configured file or URL, by default from the release. */
export interface OperatorSource {
  load(): Promise<OperatorManifest>;
}
