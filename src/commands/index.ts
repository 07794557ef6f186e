import type { CommandEntry } from './launch.ts';

/** In the order of `--help`. */
export const commands: readonly CommandEntry[] = [
  {
    name: 'up',
    summary: 'bring everything to the wanted state; safe to repeat',
    load: () => import('./up.ts'),
  },
  {
    name: 'status',
    summary: 'tell what works, what does not, and what to do about it',
    load: () => import('./status.ts'),
  },
  {
    name: 'rotate',
    summary: 'replace the access key with which the cluster pulls',
    load: () => import('./rotate.ts'),
  },
  {
    name: 'down',
    summary: 'take away what up made, in this cluster or everywhere',
    load: () => import('./down.ts'),
  },
  { name: 'mirror', summary: 'copy images into the ECR', load: () => import('./mirror.ts') },
  {
    name: 'images',
    summary: 'list images with their place in the ECR and who uses them',
    load: () => import('./images.ts'),
  },
  {
    name: 'render',
    summary: 'print the Kubernetes objects that up applies, without secrets',
    load: () => import('./render.ts'),
  },
  {
    name: 'policy',
    summary: 'print an IAM policy or ClusterRole to hand to an administrator',
    load: () => import('./policy.ts'),
  },
  {
    name: 'init',
    summary: 'write a commented configuration file from what is found here',
    load: () => import('./init.ts'),
  },
  {
    name: 'config',
    summary: 'print the effective configuration and where each value comes from',
    load: () => import('./config.ts'),
  },
  {
    name: 'sandbox',
    summary: 'rehearse any command without AWS and without a cluster',
    load: () => import('./sandbox.ts'),
  },
  {
    name: 'completion',
    summary: 'print the completion script of a shell',
    load: () => import('./completion.ts'),
  },
];

/** Words that people try, and what each is called here. */
export const otherWords: Readonly<Record<string, string>> = {
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
  doctor: 'status',
  health: 'status',
  copy: 'mirror',
  push: 'mirror',
  list: 'images',
};
