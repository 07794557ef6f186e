import {
  flag,
  inline,
  integer,
  list,
  message,
  type Message,
  objectMeta,
  shortMeta,
  sparseList,
  text,
  textMap,
} from '../clients/kubernetes/protobuf.ts';
import { mirrorAnnotation } from './workloads.ts';

const container: Message = { 1: text('name'), 2: text('image') };

const containerState: Message = {
  1: message('waiting', { 1: text('reason'), 2: text('message') }),
  2: message('running', {}),
  3: message('terminated', {
    1: integer('exitCode'),
    2: integer('signal', { omitsZero: true }),
    3: text('reason'),
    4: text('message'),
  }),
};

const containerStatus: Message = {
  1: text('name'),
  2: message('state', containerState),
  3: message('lastState', containerState),
  4: flag('ready'),
  5: integer('restartCount'),
  6: text('image'),
  7: text('imageID'),
};

/** The part of a pod that `withoutDetails` keeps. */
export const podFields: Message = {
  1: message('metadata', { ...shortMeta, 12: textMap('annotations', new Set([mirrorAnnotation])) }),
  2: message('spec', {
    1: sparseList('volumes', {
      2: inline({ 30: message('image', { 1: text('reference') }) }),
    }),
    2: list('containers', container),
    7: textMap('nodeSelector'),
    8: text('serviceAccountName'),
    10: text('nodeName'),
    15: list('imagePullSecrets', { 1: text('name') }),
    20: list('initContainers', container),
    34: list('ephemeralContainers', { 1: inline(container) }),
  }),
  3: message('status', {
    1: text('phase'),
    2: list('conditions', { 1: text('type'), 2: text('status'), 5: text('reason'), 6: text('message') }),
    3: text('message'),
    4: text('reason'),
    8: list('containerStatuses', containerStatus),
    10: list('initContainerStatuses', containerStatus),
    13: list('ephemeralContainerStatuses', containerStatus),
  }),
};

/** What is read of a service account. */
export const serviceAccountFields: Message = {
  1: message('metadata', objectMeta),
  3: list('imagePullSecrets', { 1: text('name') }),
};
