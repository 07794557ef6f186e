import type { Ask, Case } from '../case.ts';
import { kube } from '../request.ts';
import { something } from './support.ts';
import { account, ask, namespace, refusal } from './kubernetes-support.ts';

const labels = { app: 'one' };
const containers = [
  { name: 'agent', image: 'registry.example/agent:1' },
  { name: 'probe', image: 'registry.example/probe:1' },
];

/** A pod that no scheduler takes, with a service account of its own: no controller creates the default one. */
const pod: readonly Ask[] = [
  namespace,
  ask('POST', 'serviceaccounts', account('runner')),
  ask('POST', 'pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'one' },
    spec: {
      serviceAccountName: 'runner',
      automountServiceAccountToken: false,
      nodeSelector: { contract: 'none' },
      containers,
    },
  }),
];

const daemonSet: Ask = ({ name }) =>
  kube('POST', `/apis/apps/v1/namespaces/${name}/daemonsets`, {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'one' },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
  });

/** The logs of pods, and DaemonSets. Source: k8s.io/kubernetes, pkg/registry/core/pod and pkg/apis/apps/v1. */
export const kubernetesPodCases: readonly Case[] = [
  {
    name: 'the log of a pod that does not exist is not found',
    given: [namespace],
    ask: ask('GET', 'pods/absent/log'),
    answer: refusal(404, 'NotFound', /^pods "absent" not found$/),
  },
  {
    name: 'the log of a pod with several containers needs the name of one',
    given: pod,
    ask: ask('GET', 'pods/one/log?tailLines=1'),
    answer: refusal(
      400,
      'BadRequest',
      /^a container name must be specified for pod one, choose one of: \[agent probe\]$/,
    ),
  },
  {
    name: 'the log of a container that the pod does not have is refused',
    given: pod,
    ask: ask('GET', 'pods/one/log?container=other'),
    answer: refusal(400, 'BadRequest', /^container other is not valid for pod one$/),
  },
  {
    name: 'a pod without a node has no log',
    given: pod,
    ask: ask('GET', 'pods/one/log?container=agent&tailLines=1'),
    answer: { status: 204 },
  },
  {
    name: 'logs need a permission of their own',
    given: pod,
    ask: ask('GET', 'pods/one/log?container=agent', undefined, { as: 'stranger' }),
    answer: refusal(
      403,
      'Forbidden',
      /^pods "one" is forbidden: User "nobody" cannot get resource "pods\/log" in API group "" in the namespace "/,
    ),
  },
  {
    name: 'a DaemonSet gets the defaults of its update strategy',
    given: [namespace],
    ask: daemonSet,
    answer: {
      status: 201,
      body: {
        metadata: { name: 'one', uid: something, generation: 1 },
        spec: {
          revisionHistoryLimit: 10,
          updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
        },
      },
    },
  },
];
