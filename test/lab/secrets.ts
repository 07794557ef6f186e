import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { control } from './control.ts';
import { cluster } from './kubectl.ts';
import { state } from './paths.ts';
import type { KubeObject } from '../scenarios/world.ts';

interface Secret extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/**
 * All that is secret in this lab: every AWS key and token that was ever given out, also of those that are gone, the
 * tokens of the kubeconfigs, and private keys in the cluster.
 */
export async function allSecrets(): Promise<readonly string[]> {
  const ofAws = (await control('aws', 'GET', '/secrets')) as string[];
  const rows = (await readFile(join(state, 'control-plane/tokens.csv'), 'utf8')).trim().split('\n');
  const ofKubeconfigs = rows.map((row) => row.slice(0, row.indexOf(',')));
  const inCluster = await cluster.list<Secret>('secrets');
  const keys = inCluster.flatMap(({ data = {} }) => (data['tls.key'] === undefined ? [] : [data['tls.key']]));
  // Of a PEM file the first line is the same for all.
  const ofKeys = keys.map((key) => Buffer.from(key, 'base64').toString().split('\n')[1] ?? '');
  return [...ofAws, ...ofKubeconfigs, ...ofKeys];
}
