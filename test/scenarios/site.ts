import {
  BatchDeleteImageCommand,
  GetAuthorizationTokenCommand,
  RepositoryNotFoundException,
} from '@aws-sdk/client-ecr';
import { expect } from 'vitest';

import { alwaysPulling } from './pods.ts';
import { waitFor } from './wait.ts';
import type { KubeObject, CommandResult, World } from './world.ts';

export interface Pod extends KubeObject {
  readonly spec: {
    readonly containers: readonly { readonly image: string }[];
    readonly imagePullSecrets?: readonly { readonly name: string }[];
  };
  readonly status: { readonly phase: string };
}

export interface ServiceAccount extends KubeObject {
  readonly imagePullSecrets?: readonly { readonly name: string }[];
}

interface Secret extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** Namespaces of the cluster's users, with their workloads. */
export const workloads: readonly {
  readonly namespace: string;
  readonly name: string;
  readonly image: string;
}[] = [
  { namespace: 'shop', name: 'web', image: 'nginx:1.28' },
  { namespace: 'shop', name: 'cache', image: 'redis:8' },
  { namespace: 'monitoring', name: 'node-exporter', image: 'quay.io/prometheus/node-exporter:v1.9.1' },
];

/**
 * A configuration that keeps these images in ECR even when no workload references their source. Nodes are left alone:
 * their agents are not ready with the short-lived tokens of some scenarios.
 */
export const imagesInUse = {
  images: { list: workloads.map(({ image }) => image) },
  nodes: { access: 'off' },
};

/** The reference in the private registry of an image from the internet. */
export function referenceInEcr(world: World, image: string): string {
  const short = !image.includes('/') ? `docker.io/library/${image}` : image;
  return `${world.registry}/${world.project}/${short}`;
}

/** Deletes an image from ECR, as an administrator might, if it is there. */
export async function deleteFromEcr({ aws, project }: World, image: string): Promise<void> {
  const [name = '', imageTag = ''] = image.split(':');
  const command = new BatchDeleteImageCommand({
    repositoryName: `${project}/${name}`,
    imageIds: [{ imageTag }],
  });
  await aws.ecr.send(command).catch((error: unknown) => {
    if (!(error instanceof RepositoryNotFoundException)) throw error;
  });
}

export const namespace = (name: string): object => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name },
});

export function deployment({ namespace: where, name, image }: (typeof workloads)[number]) {
  const labels = { app: name };
  const pod = { terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image }] };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace: where, name },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: pod } },
  };
}

/** Restores the initial cluster: its workloads reference images on the internet, which its nodes cannot reach. */
export async function restoreWorkloads(world: World): Promise<void> {
  const namespaces = new Set(workloads.map((workload) => workload.namespace));
  await world.cluster.apply(...[...namespaces].map(namespace), ...workloads.map(deployment));
}

/** Waits until all pods of a namespace are running. */
export async function waitForPods(world: World, where: string, timeoutSeconds = 60): Promise<void> {
  await waitFor(
    `pods in ${where}`,
    async () => {
      const pods = await world.cluster.list<Pod>('pods', where);
      return (pods.length > 0 && pods.every(({ status }) => status.phase === 'Running')) || undefined;
    },
    timeoutSeconds,
  );
}

/** Makes the workloads reference their images in ECR, and waits until they are running. */
export async function useImagesInEcr(world: World): Promise<void> {
  for (const { namespace: where, name, image } of workloads) {
    const path = '/spec/template/spec/containers/0/image';
    const value = referenceInEcr(world, image);
    await world.cluster.patch('deployment', name, where, [{ op: 'replace', path, value }]);
  }
  await waitForWorkloads(world);
}

/** Waits until the users' workloads are running. */
export async function waitForWorkloads(world: World): Promise<void> {
  for (const { namespace: where } of workloads) await waitForPods(world, where);
}

/** Runs ecr-bootstrap and expects success. Shows the whole output when it fails. */
export async function succeed(world: World, ...args: string[]): Promise<CommandResult> {
  const run = await world.run(...args);
  expect(run.code, `ecr-bootstrap ${args.join(' ')}\n${run.stdout}\n${run.stderr}`).toBe(0);
  return run;
}

/** A text that was printed in lines of 80 columns, as one line. */
export const unwrap = (printed: string): string => printed.replace(/\s+/g, ' ');

interface Document {
  readonly plan: { readonly steps: readonly { readonly changes: readonly Change[] }[] };
  readonly status: { readonly steps: readonly Status[] };
}

interface Change {
  readonly action: string;
  readonly target: { readonly kind: string; readonly name: string };
}

interface Status {
  readonly findings: readonly { readonly level: string; readonly code: string; readonly what: string }[];
  readonly drift: readonly Change[];
}

const describeChange = ({ action, target }: Change) => `${action} ${target.kind} ${target.name}`;

/** What `up` with these flags would do, for example `create Namespace external-secrets`. */
export async function planned(world: World, ...flags: string[]): Promise<readonly string[]> {
  const { stdout } = await succeed(world, 'up', ...flags, '--dry-run', '-o', 'json');
  const { plan } = JSON.parse(stdout) as Document;
  return plan.steps.flatMap(({ changes }) => changes.map(describeChange));
}

interface Health {
  readonly code: number;
  /** In the form of a plan. */
  readonly drift: readonly string[];
  /** The codes of the findings that are not `ok`. */
  readonly findings: readonly string[];
  /** The same findings, one per line, for the messages of failed tests. */
  readonly report: string;
}

/** The result of `status`. */
export async function health(world: World): Promise<Health> {
  const { code, stdout, stderr } = await world.run('status', '-o', 'json');
  expect([0, 3], stdout + stderr).toContain(code);
  const { steps } = (JSON.parse(stdout) as Document).status;
  const findings = steps.flatMap((step) => step.findings.filter(({ level }) => level !== 'ok'));
  return {
    code,
    drift: steps.flatMap(({ drift }) => drift.map(describeChange)),
    findings: findings.map((finding) => finding.code),
    report: findings.map((finding) => `${finding.level} ${finding.code}: ${finding.what}`).join('\n'),
  };
}

/** Runs `status` and expects a healthy cluster. Shows the findings otherwise. */
export async function expectHealthy(world: World): Promise<Health> {
  const result = await health(world);
  expect(result.code, result.report).toBe(0);
  return result;
}

/** Runs `status` until the cluster is healthy. */
export const waitForHealth = (world: World, timeoutSeconds?: number): Promise<true> =>
  waitFor('health', async () => (await health(world)).code === 0 || undefined, timeoutSeconds);

/** What `why` found. */
export interface Explained {
  readonly code: number;
  readonly verdict: string;
  readonly cause?: { readonly id: string; readonly fix: string };
}

/** The result of `why` with its exit code. Expects that there was something to explain. */
export async function explain(world: World, ...args: string[]): Promise<Explained> {
  const { code, stdout, stderr } = await world.run('why', ...args, '-o', 'json');
  const { why } = JSON.parse(stdout) as { why?: Omit<Explained, 'code'> };
  if (!why) throw new Error(stdout + stderr);
  return { code, ...why };
}

/**
 * Starts a pod that must pull its image.
 * @returns the cause that `why` names once the pull has failed
 */
export async function causeOfFailure(
  world: World,
  where: string,
  image: string,
): Promise<string | undefined> {
  try {
    expect(await world.startPod(where, 'puzzle', image, alwaysPulling(image))).not.toBe('Running');
    return (await explain(world, 'pod/puzzle', '-n', where)).cause?.id;
  } finally {
    await world.cluster.remove('pod', 'puzzle', where);
  }
}

/** Reads a value of a Secret. */
export async function secretValue(
  world: World,
  where: string,
  name: string,
  key: string,
): Promise<string | undefined> {
  const secret = await world.cluster.get<Secret>('secret', name, where);
  const value = secret?.data?.[key];
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString();
}

/** A new password for the private registry, as `aws ecr get-login-password` prints it. */
export async function registryToken({ aws }: World): Promise<string> {
  const { authorizationData = [] } = await aws.ecr.send(new GetAuthorizationTokenCommand());
  const login = Buffer.from(authorizationData[0]?.authorizationToken ?? '', 'base64').toString();
  return login.slice('AWS:'.length);
}
