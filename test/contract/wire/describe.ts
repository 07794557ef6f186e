import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer, Case, Situation } from './case.ts';
import { cases } from './cases/index.ts';
import { signatureOf, type Reply } from './reply.ts';
import type { Service, WireRequest } from './request.ts';
import { sendTo } from './send.ts';
import type { Capabilities, StandingImage, Target, TargetName, TokenAuthority } from './target.ts';
import { capabilities, offers, runPrefix, startTarget } from './targets/index.ts';

const run = `${runPrefix}${randomBytes(3).toString('hex')}`;
let situations = 0;

/** For cases of services other than registries. */
const noImage: StandingImage = {
  repository: '',
  tag: '',
  digest: '',
  mediaType: '',
  layer: { digest: '', size: 0 },
};

const noTokens: TokenAuthority = { realm: '', service: '', login: '' };

/** Defines a test for every case whose service the target offers. */
export function describeContract(name: TargetName): void {
  describe(name, () => {
    let target: Target;
    beforeAll(async () => {
      target = await startTarget(name);
    }, 120_000);
    afterAll(() => target.close());

    for (const service of offers[name]) {
      describe(service, () => {
        const able = cases[service].filter(({ needs, also }) => isAble(name, needs?.capability, also));
        it.each(able.map((one) => [one.name, one] as const))('%s', async (_, one) => {
          await tryCase(name, target, one);
        });
      });
    }
  });
}

const isAble = (name: TargetName, capability?: keyof Capabilities, also?: Service): boolean =>
  (!capability || capabilities[name].includes(capability)) && (!also || offers[name].includes(also));

async function tryCase(name: TargetName, target: Target, one: Case): Promise<void> {
  const replies: Reply[] = [];
  const situation: Situation = {
    name: `${run}-${(situations += 1)}`,
    account: target.account,
    region: target.region,
    registryHost: `${target.account}.dkr.ecr.${target.region}.amazonaws.com`,
    image: target.image ?? noImage,
    tokens: target.tokens ?? noTokens,
    capabilities: target.capabilities ?? {},
    replies,
    speaks: (service) => target.endpoints[service] !== undefined,
  };
  for (const given of one.given ?? []) {
    const request = given(situation);
    if (!target.endpoints[request.service]) continue;
    const reply = await sendUntilPropagated(target, request, ({ status }) => status < 400);
    if (reply.status >= 400) {
      const difference = one.differs?.[name];
      if (difference?.instead === signatureOf(reply)) return;
      throw new Error(`not even this worked:\n${inWords(request, reply)}`);
    }
    replies.push(reply);
  }
  const answer = typeof one.answer === 'function' ? one.answer(situation) : one.answer;
  const request = one.ask(situation);
  const end = await meet(target, one, request);
  const fits = (seen: Reply) => misfit(seen, answer) === undefined;
  const reply = await sendUntilPropagated(target, request, fits, one.revokes);
  await end?.();
  const difference = one.differs?.[name];
  const unlike = misfit(reply, answer);
  if (!difference) {
    if (unlike) throw new Error(`${unlike.message}\n${inWords(request, reply)}`);
    return;
  }
  if (!unlike) throw new Error(`this difference is no more: ${difference.why}`);
  expect(signatureOf(reply), inWords(request, reply)).toBe(difference.instead);
}

async function meet({ capabilities: own = {} }: Target, { needs }: Case, request: WireRequest) {
  const condition =
    needs?.capability === 'throttle' || needs?.capability === 'mountBlobs'
      ? own[needs.capability]
      : undefined;
  return condition?.(request);
}

/**
 * Repeats a request until the answer fits or the target's propagation time has passed. Repeats only answers that the
 * delay can cause.
 */
async function sendUntilPropagated(
  target: Target,
  request: WireRequest,
  fits: (reply: Reply) => boolean,
  revokes = false,
): Promise<Reply> {
  const deadline = performance.now() + target.lag;
  for (;;) {
    const reply = await sendTo(target, request);
    const early =
      /NoSuchEntity|AccessDenied|InvalidClientTokenId|UnrecognizedClient|NotFound|Forbidden|DENIED/;
    // An API server answers 404 without a code until it serves a new kind.
    const isEarly = reply.status === 404 || early.test(reply.code ?? '') || (revokes && reply.status < 400);
    if (fits(reply) || !isEarly || performance.now() >= deadline) return reply;
    await sleep(1000);
  }
}

function misfit(reply: Reply, { status, code, headers = {}, body }: Answer): Error | undefined {
  const absent = Object.keys(headers).filter((name) => headers[name] === undefined);
  const patterns = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined
      ? []
      : [[name, typeof value === 'string' ? value : (expect.stringMatching(value) as string)]],
  );
  try {
    expect(code === undefined ? String(reply.status) : signatureOf(reply)).toBe(
      signatureOf({ status, code }),
    );
    expect(reply.headers).toMatchObject(Object.fromEntries(patterns) as object);
    for (const name of absent) expect(reply.headers).not.toHaveProperty(name);
    if (typeof body === 'object' && body !== null) expect(reply.body).toMatchObject(body);
    else if (body !== undefined) expect(reply.body).toEqual(body);
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

const inWords = ({ method, path, headers, body = '' }: WireRequest, reply: Reply): string =>
  [
    `${method} ${path} ${headers?.['x-amz-target'] ?? ''}`,
    body.toString().slice(0, 500),
    `was answered ${signatureOf(reply)} ${JSON.stringify(reply.headers)}`,
    reply.text.slice(0, 1500),
  ].join('\n');
