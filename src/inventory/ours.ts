/** Label on every Kubernetes object that this program made. */
export const managedBy = { 'app.kubernetes.io/managed-by': 'ecr-bootstrap' } as const;

/** The label by which tools say that an object is theirs. */
export const managedByLabel = 'app.kubernetes.io/managed-by';
