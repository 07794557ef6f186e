import type { KubeObject } from '../../clients/kubernetes/port.ts';

/** The release manifest of the operator, without patches. */
export interface OperatorManifest {
  readonly objects: readonly KubeObject[];
  /** Hexadecimal, of the file as it was read. */
  readonly sha256: string;
  /** File or URL. */
  readonly from: string;
}

/** Loads the operator manifest once: from the configured file or URL, by default from the release. A layout comes first. */
export interface OperatorSource {
  load(): Promise<OperatorManifest>;
  /** The text of the verified file, and its checksum. */
  yaml(): Promise<{ readonly text: string; readonly sha256: string }>;
}

/** A folder that may have the operator manifest. */
export interface OperatorLayout {
  /** For errors. */
  readonly name: string;
  /** @returns undefined if it has none */
  readonly operatorYaml: () => Promise<string | undefined>;
}
