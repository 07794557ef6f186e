import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { ClusterClient, KubeObject } from '../scenarios/world.ts';
import type { ClusterNames } from './names.ts';
import { kubeconfigOf } from './paths.ts';
import { capture } from './process.ts';

const inNamespace = (namespace: string | undefined) =>
  namespace === undefined ? [] : ['--namespace', namespace];

/** Runs kubectl in one of the clusters, with all permissions. @returns its output */
export type Kubectl = (args: readonly string[], input?: string) => Promise<string>;

export const kubectlAt =
  (cluster: ClusterNames): Kubectl =>
  (args, input) =>
    capture(
      'kubectl',
      [`--kubeconfig=${kubeconfigOf(cluster, 'admin')}`, ...args],
      input === undefined ? {} : { input },
    );

/** A cluster client that runs kubectl. */
export const kubectlClient = (kubectl: Kubectl): ClusterClient => ({
  async get<T extends KubeObject>(resource: string, name: string, namespace?: string) {
    const found = await kubectl([
      'get',
      resource,
      name,
      ...inNamespace(namespace),
      '--ignore-not-found',
      '-o',
      'json',
    ]);
    return found === '' ? undefined : (JSON.parse(found) as T);
  },
  async list<T extends KubeObject>(resource: string, namespace?: string) {
    const where = namespace === undefined ? ['--all-namespaces'] : inNamespace(namespace);
    const found = JSON.parse(await kubectl(['get', resource, ...where, '-o', 'json'])) as { items: T[] };
    return found.items;
  },
  async apply(...objects) {
    await kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  },
  async warnings(object) {
    const args = ['apply', '--dry-run=server', '--warnings-as-errors', '-f', '-'];
    try {
      await kubectl(args, JSON.stringify(object));
      return [];
    } catch (error) {
      const found = [...(error as Error).message.matchAll(/Warning: (.*)/g)];
      if (found.length === 0) throw error;
      return found.map(([, text = '']) => text);
    }
  },
  async applyKustomization(kustomization) {
    const folder = await mkdtemp(join(tmpdir(), 'kustomization-'));
    try {
      await writeFile(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization));
      await kubectl(['apply', '-k', folder]);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
  async replace(object) {
    await kubectl(['replace', '-f', '-'], JSON.stringify(object));
  },
  async patch(resource, name, namespace, operations) {
    const patch = ['--type=json', `--patch=${JSON.stringify(operations)}`];
    await kubectl(['patch', resource, name, ...inNamespace(namespace), ...patch]);
  },
  async remove(resource, name, namespace) {
    await kubectl(['delete', resource, name, ...inNamespace(namespace), '--ignore-not-found', '--wait']);
  },
});
