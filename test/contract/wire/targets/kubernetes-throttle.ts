import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { request as send } from 'undici';
import { kube, type Identity, type WireRequest } from '../request.ts';
import { sendTo } from '../send.ts';
import type { Target } from '../target.ts';

const api = '/apis/flowcontrol.apiserver.k8s.io/v1';
const apiVersion = 'flowcontrol.apiserver.k8s.io/v1';
const metadata = { name: 'no-requests' };
/** Milliseconds between checks whether the API server applies the rule. */
const pause = 100;

/** A priority level that runs one request, queues none and lends none. */
const level = {
  apiVersion,
  kind: 'PriorityLevelConfiguration',
  metadata,
  spec: {
    type: 'Limited',
    limited: {
      nominalConcurrencyShares: 0,
      lendablePercent: 0,
      borrowingLimitPercent: 0,
      limitResponse: { type: 'Reject' },
    },
  },
};

const schema = {
  apiVersion,
  kind: 'FlowSchema',
  metadata,
  spec: {
    priorityLevelConfiguration: metadata,
    matchingPrecedence: 2,
    rules: [
      {
        subjects: [{ kind: 'User', user: { name: 'nobody' } }],
        resourceRules: [
          { verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], clusterScope: true },
        ],
      },
    ],
  },
};

/** Makes the API server's flow control reject the stranger's requests, as it does with any user under overload. */
export async function throttleStranger(target: Target, request: WireRequest): Promise<() => Promise<void>> {
  const until = async (turnedAway: boolean) => {
    while (((await sendTo(target, request)).status === 429) !== turnedAway) await sleep(pause);
  };
  await sendTo(target, kube('POST', `${api}/prioritylevelconfigurations`, level));
  await sendTo(target, kube('POST', `${api}/flowschemas`, schema));
  const release = await occupy(target);
  await until(true);
  return async () => {
    await release();
    await sendTo(target, kube('DELETE', `${api}/flowschemas/${metadata.name}`));
    await sendTo(target, kube('DELETE', `${api}/prioritylevelconfigurations/${metadata.name}`));
    await until(false);
  };
}

/** Starts a request of the stranger and does not end it. One request can always run when no other is running. */
async function occupy({ endpoints: { kubernetes }, dispatcher }: Target): Promise<() => Promise<void>> {
  const { url = '', stranger } = kubernetes ?? {};
  const body = new PassThrough();
  // Every user may send this request, and the server answers it only when the body is complete.
  const answered = send(`${url}/apis/authorization.k8s.io/v1/selfsubjectaccessreviews`, {
    dispatcher,
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: authorizationOf(stranger) },
    body,
  });
  body.write('{');
  return async () => {
    body.end('}');
    await (await answered).body.dump();
  };
}

function authorizationOf(identity: Identity | undefined): string {
  return typeof identity === 'object' && 'authorization' in identity ? identity.authorization : '';
}
