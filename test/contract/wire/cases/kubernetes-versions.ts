import type { Ask, Case, Situation } from '../case.ts';
import { kube } from '../request.ts';
import { namespace } from './kubernetes-support.ts';

const group = ({ name }: Pick<Situation, 'name'>): string => `${name}.example.com`;
const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };

/** A CRD with the versions v1, which is stored, and v1beta1, without a webhook that converts. */
const definition =
  (servesBeta: boolean): Ask =>
  (situation) =>
    kube('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `widgets.${group(situation)}` },
      spec: {
        group: group(situation),
        scope: 'Namespaced',
        names: { kind: 'Widget', plural: 'widgets', singular: 'widget', listKind: 'WidgetList' },
        versions: [
          { name: 'v1beta1', served: servesBeta, storage: false, schema },
          { name: 'v1', served: true, storage: true, schema },
        ],
      },
    });

const kindsOf =
  (version: string): Ask =>
  (situation) =>
    kube('GET', `/apis/${group(situation)}/${version}`);

const widgets = (situation: Situation, version: string): string =>
  `/apis/${group(situation)}/${version}/namespaces/${situation.name}/widgets`;

/** Kinds in several versions, as External Secrets Operator serves them around its upgrade from v1beta1 to v1. */
export const kubernetesVersionCases: readonly Case[] = [
  {
    name: 'a version is listed when a CRD serves it',
    given: [definition(false)],
    ask: kindsOf('v1'),
    answer: (situation) => ({
      status: 200,
      body: { groupVersion: `${group(situation)}/v1`, resources: [{ name: 'widgets', kind: 'Widget' }] },
    }),
  },
  {
    name: 'a version that no CRD serves is not found',
    given: [definition(false), kindsOf('v1')],
    ask: kindsOf('v1beta1'),
    answer: { status: 404 },
  },
  {
    name: 'an object can be read in each served version',
    given: [
      namespace,
      definition(true),
      (situation) =>
        kube('POST', widgets(situation, 'v1beta1'), {
          apiVersion: `${group(situation)}/v1beta1`,
          kind: 'Widget',
          metadata: { name: 'one' },
          spec: { size: 1 },
        }),
    ],
    ask: (situation) => kube('GET', `${widgets(situation, 'v1')}/one`),
    answer: (situation) => ({
      status: 200,
      body: { apiVersion: `${group(situation)}/v1`, kind: 'Widget', spec: { size: 1 } },
    }),
  },
];
