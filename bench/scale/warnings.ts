import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import { configSchema } from '../../src/config/schema.ts';
import { warningPolicyName } from '../../src/core/ownership.ts';
import { type HeldRepository, imageLists } from '../../src/mirror/warnings/lists.ts';
import type { Api } from './api.ts';

/** How long the API server takes to evaluate the policy that warns about images which are not in ECR. */
export interface EvaluationResult {
  readonly title: string;
  readonly references: number;
  readonly evaluations: number;
  /** The share of evaluations that took less than a millisecond. */
  readonly quickShare: number;
}

const hosts = ['docker.io', 'quay.io', 'ghcr.io', 'gcr.io', 'registry.k8s.io'];
/** As many references as the lists of these hosts may have. The list of their names in ECR has as many. */
const [repositoriesPerHost, tagsPerRepository] = [100, 20];
const pods = 3000;

/**
 * Replaces the lists of images by the longest that `up` writes, and lets the API server judge pods with images that are not in
 * them. It counts only evaluations that warn. Creates none of the pods.
 * @throws Error if the API server does not warn about each of them
 */
export async function measureWarnings(
  api: Api,
  { namespace, registry, project }: Readonly<Record<'namespace' | 'registry' | 'project', string>>,
): Promise<EvaluationResult> {
  const held = heldRepositories(project);
  const { images } = configSchema.parse({ project, aws: { region: 'eu-west-1' } });
  const { objects, unlisted } = imageLists(held, registry, { project, images });
  if (unlisted.length > 0) throw new Error(`these lists are too long: ${unlisted.join(', ')}`);
  for (const { metadata, ...list } of objects) {
    const path = `/api/v1/namespaces/${metadata.namespace}/configmaps`;
    await api.create(path, { metadata, ...list });
    await api.patch(`${path}/${metadata.name}`, { data: list['data'] });
  }
  // The policy reads the lists from a cache.
  await sleep(5000);

  const before = await api.evaluations(warningPolicyName);
  await pLimit(2).map(
    Array.from({ length: pods }, (_, index) => index),
    async (index) => {
      const { path = '' } = held[index % held.length] ?? {};
      const image = `${path.slice(project.length + 1)}:missing`;
      const pod = { metadata: { name: `pod-${index}` }, spec: { containers: [{ name: 'main', image }] } };
      await api.create(`/api/v1/namespaces/${namespace}/pods?dryRun=All`, pod);
    },
  );
  const after = await api.evaluations(warningPolicyName);
  const evaluations = after.all - before.all;
  if (evaluations < pods) throw new Error(`the API server warned about ${evaluations} of ${pods} images`);
  return {
    title: 'evaluations of the policy',
    references: hosts.length * repositoriesPerHost * tagsPerRepository,
    evaluations,
    quickShare: (after.quick - before.quick) / evaluations,
  };
}

const heldRepositories = (project: string): HeldRepository[] =>
  hosts.flatMap((host) =>
    Array.from({ length: repositoriesPerHost }, (_, index) => ({
      path: `${project}/${host}/team-${index}/application-${index}`,
      versions: Array.from({ length: tagsPerRepository }, (_tag, tag) => `:v${tag}`),
    })),
  );
