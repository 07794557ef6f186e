import { kubernetes, kubernetesOfCrio, type Selection, selectionVariable } from './selection.ts';

/** This module must be loaded after the variable is set. */
export const selection = JSON.parse(process.env[selectionVariable] ?? '{}') as Selection;

/** The version of every part that the lab builds. A new version is built in addition to the old one. */
export const versions = {
  kubernetes: selection.kubernetes ?? (selection.crio === undefined ? kubernetes.default : kubernetesOfCrio),
  etcd: '3.6.8',
  containerd: '2.2.9',
  /** The tag under which Docker Hub publishes what Debian packages. */
  busybox: '1.37',
  externalSecrets: '0.12.1',
  otherOperator: selection.otherOperator,
  helm: '3.22.0',
  crio: selection.crio,
};

/** Whether nodes run CRI-O instead of containerd. */
export const isCrio = versions.crio !== undefined;
