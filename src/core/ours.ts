/** The label by which tools say that an object is theirs. */
export const managedByLabel = 'app.kubernetes.io/managed-by';

/** Label on every Kubernetes object that this program made. */
export const managedBy = { [managedByLabel]: 'ecr-bootstrap' } as const;
