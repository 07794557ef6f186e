import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

import { control } from './control.ts';
import { kubectlClient, kubectlAt } from './kubectl.ts';
import { clusters } from './names.ts';
import { tokensOf } from './paths.ts';
import type { KubeObject } from '../scenarios/world.ts';

interface Secret extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/**
 * Every secret of this lab: all AWS keys and tokens that were ever issued, including deleted ones, the tokens of
 * the kubeconfigs, and private keys in the cluster.
 */
export async function allSecrets(): Promise<readonly string[]> {
  const ofAws = (await control('aws', 'GET', '/secrets')) as string[];
  const tables = Object.values(clusters)
    .map(tokensOf)
    .filter((file) => existsSync(file));
  const texts = await Promise.all(tables.map((file) => readFile(file, 'utf8')));
  const rows = texts.flatMap((text) => text.trim().split('\n'));
  const ofKubeconfigs = rows.map((row) => row.slice(0, row.indexOf(',')));
  const inCluster = await kubectlClient(kubectlAt(clusters.first)).list<Secret>('secrets');
  const keys = inCluster.flatMap(({ data = {} }) => (data['tls.key'] === undefined ? [] : [data['tls.key']]));
  // The first line of a PEM file is always the same.
  const ofKeys = keys.map((key) => Buffer.from(key, 'base64').toString().split('\n')[1] ?? '');
  return [...ofAws, ...ofKubeconfigs, ...ofKeys];
}
