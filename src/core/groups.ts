/**
 * What a step or a finding is about, in the order in which screens show it. `status` shows groups, and a plan
 * combines them into sections.
 */
export const groups = {
  aws: { title: 'AWS', section: 'AWS' },
  operator: { title: 'Operator', section: 'Cluster' },
  'pull-secrets': { title: 'Pull secrets', section: 'Cluster' },
  tokens: { title: 'Tokens', section: 'Cluster' },
  workloads: { title: 'Workloads', section: 'Cluster' },
  nodes: { title: 'Nodes', section: 'Cluster' },
  images: { title: 'Images', section: 'Images' },
} as const;

export type Group = keyof typeof groups;

/** Parts of groups that have lines of their own in a plan. */
export const topics = ['users', 'repositories', 'access-key', 'image-warnings'] as const;

export type Topic = (typeof topics)[number];
