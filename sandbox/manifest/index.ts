import { dump } from 'js-yaml';
import { definitions } from './definitions.ts';
import { roles } from './rbac.ts';
import { workloads } from './workloads.ts';

/**
 * External Secrets Operator v0.12.1's install as one YAML text of 35 documents: the objects, names, labels, arguments
 * and namespace of the official `external-secrets.yaml`, with open schemas in the definitions.
 */
export function operatorManifest(): string {
  return [...definitions(), ...workloads(), ...roles()].map((document) => `---\n${dump(document)}`).join('');
}
