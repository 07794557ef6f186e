import type { KubeObject } from '../clients/kubernetes/port.ts';

/** Opts a namespace or service account out when `"true"`. */
export const ignoreLabel = 'ecr-bootstrap.dev/ignore';

export const optsOut = ({ metadata }: KubeObject): boolean => metadata.labels?.[ignoreLabel] === 'true';
