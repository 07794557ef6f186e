import type { CommandEntry } from './command.ts';

/** In the order of `--help`. */
export const commands: readonly CommandEntry[] = [
  {
    name: 'up',
    summary: 'create or repair everything; safe to repeat',
    load: () => import('./up.ts'),
  },
  {
    name: 'status',
    summary: 'show the health of every component and how to fix problems',
    formats: ['prometheus'],
    load: () => import('./status.ts'),
  },
  {
    name: 'why',
    summary: 'explain why an image cannot be pulled or a pod does not run',
    load: () => import('./why.ts'),
  },
  {
    name: 'rotate',
    summary: 'replace the access key with which the cluster gets registry tokens',
    load: () => import('./rotate.ts'),
  },
  {
    name: 'down',
    summary: 'uninstall from this cluster; with flags, from AWS too',
    load: () => import('./down.ts'),
  },
  { name: 'mirror', summary: 'copy images into ECR', load: () => import('./mirror.ts') },
  {
    name: 'images',
    summary: 'list images, their names in ECR, and who uses them',
    load: () => import('./images.ts'),
  },
  {
    name: 'render',
    summary: 'print the Kubernetes objects that up applies, without secrets',
    load: () => import('./render.ts'),
  },
  {
    name: 'policy',
    summary: 'print an IAM policy or ClusterRole for an administrator',
    load: () => import('./policy.ts'),
  },
  {
    name: 'init',
    summary: 'create ecr-bootstrap.yaml from your AWS and kubeconfig settings',
    load: () => import('./init.ts'),
  },
  {
    name: 'config',
    summary: 'print the configuration in effect and where each value comes from',
    load: () => import('./config.ts'),
  },
  {
    name: 'sandbox',
    summary: 'try any command without AWS and without a cluster',
    load: () => import('./sandbox.ts'),
  },
  {
    name: 'doctor',
    summary: 'check everything that up needs; changes nothing',
    load: () => import('./doctor.ts'),
  },
  {
    name: 'explain',
    summary: 'explain the code of an error or a finding',
    load: () => import('./explain.ts'),
  },
  {
    name: 'version',
    summary: 'print the versions of the program and the cluster',
    load: () => import('./version.ts'),
  },
  {
    name: 'completion',
    summary: 'set up completion for bash, zsh or fish',
    load: () => import('./completion.ts'),
  },
];

/** Command names of other programs, each with the matching command of this program. */
export const commandAliases: Readonly<Record<string, string>> = {
  plan: 'up --dry-run',
  diff: 'up --dry-run',
  apply: 'up',
  deploy: 'up',
  install: 'up',
  sync: 'up',
  update: 'up',
  upgrade: 'up',
  delete: 'down',
  destroy: 'down',
  remove: 'down',
  uninstall: 'down',
  check: 'status',
  preflight: 'doctor',
  diagnose: 'doctor',
  health: 'status',
  copy: 'mirror',
  push: 'mirror',
  list: 'images',
};
