import type { KubeObject } from '../cluster/objects.ts';
import type { ExternalSecret, Store } from './types.ts';

/** Why the operator's validating webhook refuses an object; undefined when it does not. */
export function refusal(object: KubeObject): string | undefined {
  if (object.kind === 'ExternalSecret') return refuseExternalSecret(object as ExternalSecret);
  return refuseStore(object as Store);
}

function refuseExternalSecret({ spec }: ExternalSecret): string | undefined {
  const { data = [], dataFrom = [] } = spec;
  const errors: string[] = [];
  if (data.length === 0 && dataFrom.length === 0) errors.push('either data or dataFrom should be specified');
  for (const { extract, find, sourceRef } of dataFrom) {
    const sources = [extract, find, sourceRef?.generatorRef].filter((source) => source !== undefined);
    if (sources.length > 1) errors.push('extract, find, or generatorRef cannot be set at the same time');
    if (!extract && !find && !sourceRef)
      errors.push('either extract, find, or sourceRef must be set to dataFrom');
  }
  return errors.length === 0 ? undefined : errors.join('\n');
}

/** Those that came after the SDK of the operator's release, which lists the regions that it accepts. */
const UNKNOWN_REGIONS = /^(eusc-|mx-|ap-east-2|ap-southeast-[5-9]|[a-z]+-iso[ef]-|us-isob-west-)/;

function refuseStore({ kind, spec }: Store): string | undefined {
  const { region = '' } = spec.provider.aws ?? {};
  if (UNKNOWN_REGIONS.test(region)) return `region not found: ${region}`;
  const { server, auth } = spec.provider.kubernetes ?? {};
  if (spec.provider.kubernetes === undefined) return undefined;
  if (!server?.caBundle && !server?.caProvider) return 'a CABundle or CAProvider is required';
  if (kind !== 'ClusterSecretStore') return undefined;
  if (server.caProvider && !server.caProvider.namespace) {
    return 'CAProvider.namespace must not be empty with ClusterSecretStore';
  }
  return auth?.serviceAccount && !auth.serviceAccount.namespace
    ? 'cluster scope requires namespace'
    : undefined;
}
