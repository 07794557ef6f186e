import type { KubeObject } from '../cluster/port.ts';

interface SecurityContext {
  readonly privileged?: boolean | null;
  readonly capabilities?: { readonly add?: unknown } | null;
}

interface Container {
  readonly name?: string;
  readonly image?: unknown;
  readonly command?: unknown;
  readonly lifecycle?: unknown;
  readonly securityContext?: SecurityContext | null;
}

interface PodSpec {
  readonly containers?: readonly Container[] | null;
  readonly initContainers?: readonly Container[] | null;
  readonly volumes?:
    | readonly {
        readonly name?: string;
        readonly secret?: { readonly secretName?: string } | null;
      }[]
    | null;
  readonly serviceAccountName?: string;
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
}

/** The one container of each Deployment of the release. */
const containers: Readonly<Record<string, string>> = {
  'external-secrets': 'external-secrets',
  'external-secrets-cert-controller': 'cert-controller',
  'external-secrets-webhook': 'webhook',
};

const operatorImage = /(^|\/)external-secrets\/external-secrets:v0\.12\.1$/;

/** Images of a Deployment's containers. */
export const imagesOf = (deployment: KubeObject): string[] =>
  (podOf(deployment).containers ?? []).map(({ image }) => String(image));

/** What the pods of the Deployments have that those of the release have not, in words. */
export function oddPods(objects: readonly KubeObject[]): string[] {
  return objects
    .filter(({ kind }) => kind === 'Deployment')
    .flatMap((deployment) => {
      const { name } = deployment.metadata;
      return oddities(podOf(deployment), name).map((oddity) => `Deployment ${name} has ${oddity}`);
    });
}

function oddities(pod: PodSpec, deployment: string): string[] {
  const own = pod.containers ?? [];
  const surplus = own.filter(({ name }) => name !== containers[deployment]);
  const others = (pod.volumes ?? []).filter(
    ({ secret }) => secret?.secretName !== 'external-secrets-webhook',
  );
  const ofHost = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((key) => pod[key]);
  return [
    ...(pod.initContainers ?? []).map(({ name }) => `init container ${name ?? ''}`),
    ...surplus.map(({ name }) => `container ${name ?? ''}`),
    ...(surplus.length === 0 && own.length !== 1 ? [`${own.length} containers`] : []),
    ...own.flatMap(containerOddities),
    ...others.map(({ name }) => `volume ${name ?? ''}`),
    ...ofHost,
    ...(pod.serviceAccountName === deployment ? [] : [`service account ${pod.serviceAccountName ?? ''}`]),
  ];
}

function containerOddities({ image, command, lifecycle, securityContext }: Container): string[] {
  const { privileged, capabilities } = securityContext ?? {};
  return [
    ...(operatorImage.test(String(image)) ? [] : [`image ${String(image)}`]),
    ...(isNone(command) ? [] : ['a command of its own']),
    ...(isNone(lifecycle) ? [] : ['lifecycle hooks']),
    ...(privileged === true || !isNone(capabilities?.add) ? ['privileges'] : []),
  ];
}

/** As YAML has a value that is left empty, too. */
const isNone = (value: unknown): boolean => value == null || (Array.isArray(value) && value.length === 0);

function podOf(deployment: KubeObject): PodSpec {
  const { spec } = deployment as { spec?: { template?: { spec?: PodSpec } } };
  return spec?.template?.spec ?? {};
}
