import type { Ask, Case } from '../case.ts';
import { bearerRegistry, type Identity, type WireRequest } from '../request.ts';
import { something } from './support.ts';

const specification = 'the distribution project, "Token Authentication Specification"';

/** Requests a token from the authority. The path is a whole URL, because the authority may have another host. */
const askForToken =
  (scope?: string, as?: Identity): Ask =>
  ({ image, tokens }) => {
    const url = new URL(tokens.realm);
    url.searchParams.set('service', tokens.service);
    url.searchParams.set('scope', scope ?? `repository:${image.repository}:pull`);
    const identity = as ?? { authorization: tokens.login };
    return { service: 'bearer-registry', method: 'GET', path: url.href, as: identity };
  };

const manifest = ({ image }: Parameters<Ask>[0], as: Identity): WireRequest =>
  bearerRegistry('GET', `${image.repository}/manifests/${image.tag}`, {
    headers: { accept: image.mediaType },
    as,
  });

/** Sends the token in the last reply. */
const withToken: Ask = (situation) => {
  const { token } = situation.replies.at(-1)?.body as { token: string };
  return manifest(situation, { authorization: `Bearer ${token}` });
};

const refused = {
  status: 401,
  code: 'UNAUTHORIZED',
  headers: {
    'www-authenticate': /^Bearer realm="https:[^"]+",service="[^"]+",scope="repository:[^"]+:pull"/,
  },
};

const absent = 'library/no-such-image';

/** How a registry sends its clients to a token authority, and how it handles the tokens. */
export const bearerRegistryCases: readonly Case[] = [
  {
    name: 'a request without a token is answered with the address and scope of the token service',
    ask: (situation) => manifest(situation, 'anonymous'),
    answer: refused,
  },
  {
    name: 'a request for no repository is answered with the address of the token service',
    ask: () => bearerRegistry('GET', ''),
    answer: {
      status: 401,
      code: 'UNAUTHORIZED',
      headers: { 'www-authenticate': /^Bearer realm="https:[^"]+",service="[^"]+"$/ },
    },
  },
  {
    name: 'a login gets a token',
    ask: askForToken(),
    answer: { status: 200, body: { token: something } },
  },
  {
    name: 'a wrong login gets no token',
    ask: askForToken(undefined, {
      authorization: `Basic ${Buffer.from('somebody:else').toString('base64')}`,
    }),
    answer: { status: 401 },
  },
  {
    name: 'a token permits what it was requested for',
    given: [askForToken()],
    ask: withToken,
    answer: ({ image }) => ({
      status: 200,
      headers: { 'content-type': image.mediaType },
      body: { schemaVersion: 2 },
    }),
  },
  {
    name: 'a token for another repository is refused, and the answer has the right scope',
    given: [askForToken('repository:somebody/else:pull')],
    ask: withToken,
    answer: refused,
  },
  {
    name: 'an invented token is refused, and the answer has the right scope',
    ask: (situation) => manifest(situation, { authorization: 'Bearer nonsense' }),
    answer: refused,
  },
  {
    name: 'an expired token is refused, and a new one can be requested',
    needs: { capability: 'expiredBearer', decides: specification },
    ask: (situation) =>
      manifest(situation, { authorization: situation.capabilities.expiredBearer?.() ?? '' }),
    answer: refused,
  },
  {
    name: 'Docker Hub refuses a repository that does not exist like a private one',
    needs: {
      capability: 'dockerHub',
      decides:
        'GitHub, docker-archive/docker-registry#1071: 401 with error="insufficient_scope", although the token was issued for the repository',
    },
    given: [
      () => ({
        service: 'bearer-registry',
        method: 'GET',
        path: `https://auth.docker.io/token?service=registry.docker.io&scope=repository:${absent}:pull`,
        as: 'anonymous',
      }),
    ],
    ask: ({ replies }) => ({
      service: 'bearer-registry',
      method: 'GET',
      path: `https://registry-1.docker.io/v2/${absent}/manifests/1`,
      as: { authorization: `Bearer ${(replies.at(-1)?.body as { token: string }).token}` },
    }),
    answer: {
      status: 401,
      code: 'UNAUTHORIZED',
      headers: {
        'www-authenticate': new RegExp(`scope="repository:${absent}:pull",error="insufficient_scope"$`),
      },
    },
  },
];
