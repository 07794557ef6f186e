import { mkdirSync, writeFileSync } from 'node:fs';
import { devNull } from 'node:os';
import { join } from 'node:path';
import { type Cluster, type ClusterOptions, createCluster } from './cluster/index.ts';
import { type HttpResponse, type Handler, json, listener, applyFault } from './http.ts';
import { type Sandbox, type SandboxOptions, startSandbox } from './index.ts';
import { dump } from 'js-yaml';
import { definitions } from './manifest/definitions.ts';
import { roles } from './manifest/rbac.ts';
import { workloads } from './manifest/workloads.ts';

export interface WorldOptions extends SandboxOptions {
  readonly cluster?: Omit<ClusterOptions, 'clock' | 'faults' | 'aws' | 'images'>;
}

/** Everything that the product connects to: AWS, the registries, the operator's release and a cluster. */
export interface World extends Sandbox {
  readonly cluster: Cluster;
  /** The server in a kubeconfig. */
  readonly clusterUrl: string;
  /**
   * Environment variables with which the product reaches only this world.
   * @param folder the folder for the kubeconfig and the CA file, with mode 0600; also HOME and the folder for caches
   * @param forKubectl whether the kubeconfig names the proxy, so that kubectl needs no HTTPS_PROXY
   */
  environment(folder: string, forKubectl?: boolean): Record<string, string>;
}

const clusterHost = 'cluster.sandbox:6443';
const controlHost = 'control.sandbox';
const releasePath = '/external-secrets/external-secrets/releases/download/v0.12.1/external-secrets.yaml';
const assetHost = 'release-assets.githubusercontent.com';

/** The URL to read and advance the time of a running world. */
export const controlUrl = `https://${controlHost}/clock`;

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const sandbox = await startSandbox(options);
  const { clock, faults, awsForCluster, images, hosts } = sandbox;
  const cluster = createCluster({
    clock,
    faults,
    aws: awsForCluster,
    images,
    admissionPolicies: 'v1',
    ...options.cluster,
  });
  hosts.set(clusterHost, (request, response) => cluster.handler(request, response));
  serveRelease(sandbox);
  serveClock(sandbox, cluster);
  const clusterUrl = `https://${clusterHost}`;
  return {
    ...sandbox,
    cluster,
    clusterUrl,
    environment: (folder, forKubectl = false) => {
      const proxyUrl = forKubectl ? sandbox.proxyUrl : undefined;
      return environment(sandbox, cluster.kubeconfig(clusterUrl, sandbox.caPem, undefined, proxyUrl), folder);
    },
    close: async () => {
      cluster.close();
      await sandbox.close();
    },
  };
}

/** GitHub redirects the URL of a release to the location of the file. */
function serveRelease({ hosts, faults }: Sandbox): void {
  const release = (operation: string, answer: () => HttpResponse): Handler => {
    return ({ url: { pathname: resource } }) => {
      const fault = faults.meet({ service: 'web', operation, writes: false, resource });
      const respond = () => (resource === releasePath ? answer() : json(404, { message: 'Not Found' }));
      return applyFault(fault, (kind) => json(webRefusals[kind], { message: 'planned fault' }), respond);
    };
  };
  const location = `https://${assetHost}${releasePath}`;
  hosts.set('github.com', listener(release('GetRelease', () => ({ status: 302, headers: { location } }))));
  const headers = { 'content-type': 'application/octet-stream' };
  const asset = (): HttpResponse => ({ status: 200, headers, body: operatorManifest() });
  hosts.set(assetHost, listener(release('GetReleaseAsset', asset)));
}

const webRefusals = { throttle: 429, error: 500, deny: 403 } as const;

/** `GET` returns the offset in milliseconds; `POST ?advance=MILLISECONDS` passes the time, in steps of an hour. */
function serveClock({ hosts, clock }: Sandbox, cluster: Cluster): void {
  hosts.set(
    controlHost,
    listener(async ({ method, url }) => {
      const milliseconds = Number(url.searchParams.get('advance') ?? 0);
      if (method === 'POST') await clock.pass(milliseconds, 3_600_000, () => cluster.settled());
      return json(200, { offset: clock.offset });
    }),
  );
}

function environment(
  { proxyUrl, caPem, region, admin }: Sandbox,
  kubeconfig: string,
  folder: string,
): Record<string, string> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const write = (name: string, text: string): string => {
    const file = join(folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: folder,
    XDG_CACHE_HOME: join(folder, 'cache'),
    HTTPS_PROXY: proxyUrl,
    NODE_EXTRA_CA_CERTS: write('ca.pem', caPem),
    AWS_ACCESS_KEY_ID: admin.accessKeyId,
    AWS_SECRET_ACCESS_KEY: admin.secretAccessKey,
    AWS_REGION: region,
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
    AWS_EC2_METADATA_DISABLED: 'true',
    KUBECONFIG: write('kubeconfig', kubeconfig),
  };
}

/**
 * The manifest of External Secrets Operator v0.12.1, as YAML with 35 documents. It has the objects, names, labels,
 * arguments and namespace of the official `external-secrets.yaml`, but open schemas in the CRDs.
 */
export function operatorManifest(): string {
  return (manifest ??= [...definitions(), ...workloads(), ...roles()]
    .map((document) => `---\n${dump(document)}`)
    .join(''));
}

let manifest: string | undefined;
