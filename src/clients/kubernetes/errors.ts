import { BootstrapError, type ErrorParts } from '../../core/errors.ts';
import { type KubeContext, unconfigured } from './kubeconfig.ts';
import { causes, type NetworkError } from '../net/errors.ts';
import { type Net, unreachableError } from '../net/index.ts';

/**
 * Why the API server rejected an object: `conflict` (409, or a JSON patch whose test failed), `admission` (a webhook,
 * an admission policy, a namespace that is being deleted), `invalid` (a field has an invalid value, or is immutable).
 */
export type RefusalKind = 'conflict' | 'admission' | 'invalid';

const refusalHints: Readonly<Record<RefusalKind, string>> = {
  conflict: 'Another client changes it at the same time. Run the same command again.',
  admission: 'Change the object, or the webhook or policy that rejects it, then run the same command again.',
  invalid: 'Compare the object with the schema of the cluster: kubectl explain KIND',
};

/** The server understood the request and rejected it. Callers may handle this error. */
export class ClusterRefusal extends BootstrapError {
  readonly refusal: RefusalKind;

  constructor(refusal: RefusalKind, { what, why }: Pick<ErrorParts, 'what' | 'why'>) {
    super({ code: 'cluster-failed', what, why, hint: refusalHints[refusal] });
    this.name = 'ClusterRefusal';
    this.refusal = refusal;
  }
}

/** Whether another client has changed the object first. */
export const isConflict = (error: unknown): boolean =>
  error instanceof ClusterRefusal && error.refusal === 'conflict';

/** The fields of a `Status` object (the body of every error response) that this program reads. */
export interface Status {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
}

/** Reads the status from a response body, which is a Status object, or any text of a proxy. */
export function statusOf(code: number, body: string): Status {
  try {
    const { reason = '', message = '' } = JSON.parse(body) as Partial<Status>;
    return { code, reason, message: firstLine(message) };
  } catch {
    return { code, reason: '', message: firstLine(body.replace(/<[^>]*>/g, ' ')) };
  }
}

/** Reads the content of an answer. @throws BootstrapError if it is damaged, for example truncated by a proxy */
export function readAnswer<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new BootstrapError(
      {
        code: 'cluster-failed',
        what: 'could not read an answer of the Kubernetes API',
        why: `it is damaged: ${(error as Error).message}`,
        hint: 'Run the same command again. If it fails again, check the proxies on the way to the API server.',
        isTransient: true,
      },
      { cause: error },
    );
  }
}

export const parseAnswer = (body: string): unknown => readAnswer((): unknown => JSON.parse(body));

/** @param request for people: `apply Secret shop/puller` */
export function refused(request: string, status: Status): BootstrapError {
  const what = `could not ${request}`;
  const why = status.message || status.reason || `status ${status.code}`;
  const refusal = refusalOf(status);
  if (refusal) return new ClusterRefusal(refusal, { what, why });
  // An exceeded quota is a 403 too, and more permissions do not help.
  if (status.code === 403 && status.message.includes('exceeded quota: ')) {
    return new BootstrapError({
      code: 'cluster-failed',
      what,
      why,
      hint: 'Raise the quota, then run the same command again: kubectl get resourcequotas --all-namespaces',
    });
  }
  if (status.code === 403) {
    return new BootstrapError({
      code: 'cluster-denied',
      what,
      why,
      hint: 'Ask an administrator to grant the permissions that this prints: ecr-bootstrap policy cluster',
    });
  }
  return new BootstrapError({
    code: 'cluster-failed',
    what,
    why: `${why} (${status.code})`,
    hint: 'Run the same command again; it resumes where it stopped.',
    isTransient: [429, 500, 502, 503, 504].includes(status.code),
  });
}

function refusalOf({ code, message }: Status): RefusalKind | undefined {
  if (/denied (the )?request|because it is being terminated/.test(message)) return 'admission';
  if (code === 409) return 'conflict';
  return code === 422 ? 'invalid' : undefined;
}

/** The server requires a login, and the kubeconfig has none that may be sent. */
export const noLogin = (server: string, { name, user, cluster }: KubeContext): BootstrapError =>
  /^https:/i.test(server)
    ? unconfigured(
        `could not log in to ${server}`,
        `user ${user?.name ?? ''} of context ${name} has no token, password, client certificate or exec plugin (401)`,
      )
    : unconfigured(
        `could not log in to ${server}`,
        'the server requires a login (401), and credentials are not sent over http://, where others could read them',
        {
          hint: `Set an https:// URL in the kubeconfig: kubectl config set-cluster ${cluster.name} --server=https://HOST:PORT`,
        },
      );

/** @param answer describes the response that is not from the API */
export const notTheApi = ({ name, cluster }: KubeContext, answer: string): BootstrapError =>
  new BootstrapError({
    code: 'cluster-unreachable',
    what: `could not reach the Kubernetes API at ${cluster.server}`,
    why: `the answer is ${answer}, so it comes from a proxy, a login page or another server`,
    hint: `Correct the server in the kubeconfig, path included, then check: kubectl --context ${name} get namespaces`,
  });

/** The server rejected the credentials. */
export class LoginRefused extends BootstrapError {
  /** @param expiry when the credentials expired, if they have */
  constructor(server: string, context: string, expiry: string | undefined) {
    super({
      code: 'cluster-unreachable',
      what: `could not log in to ${server}`,
      why: `the server rejected the credentials of context ${context}: ${expiry ?? 'they are wrong, expired or revoked'} (401)`,
      hint: 'Get a new kubeconfig (on a kubeadm control plane: kubeadm kubeconfig user, or copy admin.conf), or log in again.',
    });
    this.name = 'LoginRefused';
  }
}

/** The certificate is for another name, usually because the cluster is reached by a tunnel or another address. */
export function serverNameMismatch(
  { name, server, tlsServerName }: KubeContext['cluster'],
  error: unknown,
): BootstrapError | undefined {
  for (const cause of causes(error)) {
    const { code, cert } = cause as NodeJS.ErrnoException & { cert?: { subjectaltname?: string } };
    if (code !== 'ERR_TLS_CERT_ALTNAME_INVALID' || !cert) continue;
    const names = (cert.subjectaltname ?? '')
      .split(', ')
      .map((name) => name.replace(/^(DNS|IP Address):/, ''));
    const [first = 'kubernetes'] = names.filter(Boolean);
    const known = names.filter(Boolean).join(', ') || 'no name';
    return new BootstrapError(
      {
        code: 'tls-untrusted',
        what: `could not verify the Kubernetes API at ${server}`,
        why: `its certificate is for ${known}, and not for ${tlsServerName ?? new URL(server).hostname}`,
        hint: `If it is the right server, for example behind a tunnel, set tls-server-name: kubectl config set-cluster ${name} --tls-server-name=${first}`,
      },
      { cause: error },
    );
  }
  return undefined;
}

export const unreachable = (net: Net, server: string, error: NetworkError): Promise<BootstrapError> =>
  unreachableError(net, error, {
    code: 'cluster-unreachable',
    what: `could not reach the Kubernetes API at ${server}`,
    hint: 'Check the server in the kubeconfig, the network, and the proxy settings (HTTPS_PROXY, NO_PROXY, proxy-url).',
    isTransient: true,
  });

const firstLine = (text: string): string => {
  const line = text.trim().split('\n', 1)[0]?.trim() ?? '';
  return line.length > 300 ? `${line.slice(0, 299)}…` : line;
};
