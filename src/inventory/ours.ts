/** Label on every Kubernetes object that this program made. */
export const managedBy = { 'app.kubernetes.io/managed-by': 'ecr-bootstrap' } as const;
