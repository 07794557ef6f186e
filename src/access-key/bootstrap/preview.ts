import { previewObject, previewOf } from '../../cluster/preview.ts';
import { keySecretName } from '../../core/ownership.ts';
import { knownAfterApply, type Preview } from '../../core/step.ts';
import { keySecret, pullSecretType, secret } from '../../external-secrets/pull-secret/objects.ts';
import type { BootstrapChange, BootstrapState } from './state.ts';

/** The object before and after a change. The values of some Secrets are known only during the run. */
export function previewBootstrap(
  { action, target, payload }: BootstrapChange,
  { stored, observed }: BootstrapState,
): Preview | undefined {
  if (payload.does === 'writeObject') return previewObject({ payload });
  if (payload.does !== 'writeSecret') return undefined;
  const isKey = payload.secret === 'keySecret';
  if (isKey && stored.state === 'complete') {
    return previewOf(keySecret(stored.pair, stored.region), observed.keySecret);
  }
  if (action !== 'create') return undefined;
  const object = isKey
    ? secret(keySecretName, 'Opaque')
    : secret(target.name.split('/').at(-1) ?? '', pullSecretType);
  return { format: 'yaml', after: { ...object, data: knownAfterApply } };
}
