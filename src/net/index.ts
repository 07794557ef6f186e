import type { Agent } from 'node:http';
import { rootCertificates } from 'node:tls';
import type { Dispatcher } from 'undici';

/**
 * The one way out to the network. `HTTP(S)_PROXY` and `NO_PROXY` hold for AWS, registries and the cluster alike;
 * none of their clients honours them by itself. Agents are made when first asked for and shared.
 */
export interface Net {
  /** For undici: registries and the Kubernetes API. Bulk data wants many HTTP/1.1 connections. */
  dispatcher(): Promise<Dispatcher>;
  /** For the AWS SDK's NodeHttpHandler. */
  agent(): Promise<Agent>;
  /** The proxy that the environment asks for, for clients that want its URL. */
  proxyFor(url: string): Promise<string | undefined>;
  /** Authorities to trust, or undefined for Node's own choice (which includes NODE_EXTRA_CA_CERTS). */
  readonly ca: readonly string[] | undefined;
  close(): Promise<void>;
}

/** @param extraCa PEM of an authority to trust besides Node's own, for a caller that cannot set NODE_EXTRA_CA_CERTS before the process starts. */
export function createNet(extraCa?: string): Net {
  const ca = extraCa ? [...rootCertificates, extraCa] : undefined;
  const tls = ca ? { ca: [...ca] } : {};
  let dispatcher: Promise<Dispatcher> | undefined;
  let agent: Promise<Agent> | undefined;
  return {
    ca,
    dispatcher: () => (dispatcher ??= makeDispatcher(tls)),
    agent: () => (agent ??= makeAgent(tls)),
    proxyFor: async (url) => {
      const { getProxyForUrl } = await import('proxy-from-env');
      return getProxyForUrl(url) || undefined;
    },
    close: async () => {
      await (await dispatcher)?.destroy();
      (await agent)?.destroy();
    },
  };
}

async function makeDispatcher(tls: { ca?: string[] }): Promise<Dispatcher> {
  const { EnvHttpProxyAgent } = await import('undici');
  return new EnvHttpProxyAgent({ connect: tls, requestTls: tls });
}

async function makeAgent(tls: { ca?: string[] }): Promise<Agent> {
  const { ProxyAgent } = await import('proxy-agent');
  return new ProxyAgent({ keepAlive: true, maxSockets: 50, ...tls });
}
