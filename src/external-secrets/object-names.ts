import type { Config } from '../config/schema.ts';
import { releasedNames } from './release/release.ts';
import {
  keySecretName,
  nodeAccessName,
  nodeNamespace,
  operatorNamespace,
  warningPolicyName,
} from '../core/ownership.ts';
import { policyName } from '../cluster/service-account-policy/policy.ts';

/** Kubernetes authorizes these verbs by object name; `list` and `create` have no name. */
const byName = new Set(['get', 'update', 'patch', 'delete', 'escalate', 'bind']);

/**
 * The object names to which a verb on a resource can be restricted; undefined where the steps need every name. The names
 * come from ecr-bootstrap, the operator's release, and the configuration.
 * @param resource with its group: `deployments.apps`
 */
export function namesOf(config: Config, resource: string, verb: string): readonly string[] | undefined {
  if (!byName.has(verb)) return undefined;
  const pullSecret = config.pullSecret.name;
  const names: Readonly<Record<string, readonly string[]>> = {
    namespaces: [operatorNamespace, nodeNamespace, ...(verb === 'get' ? ['kube-system'] : [])],
    secrets: [...releasedNames('Secret'), keySecretName, nodeAccessName, pullSecret],
    services: releasedNames('Service'),
    endpoints: releasedNames('Service'),
    'daemonsets.apps': [nodeAccessName],
    'deployments.apps': releasedNames('Deployment'),
    'clusterroles.rbac.authorization.k8s.io': releasedNames('ClusterRole'),
    'clusterrolebindings.rbac.authorization.k8s.io': releasedNames('ClusterRoleBinding'),
    'roles.rbac.authorization.k8s.io': [...releasedNames('Role'), reader],
    'rolebindings.rbac.authorization.k8s.io': [...releasedNames('RoleBinding'), reader],
    'validatingwebhookconfigurations.admissionregistration.k8s.io': releasedNames(
      'ValidatingWebhookConfiguration',
    ),
    'mutatingadmissionpolicies.admissionregistration.k8s.io': [policyName],
    'mutatingadmissionpolicybindings.admissionregistration.k8s.io': [policyName],
    'validatingadmissionpolicies.admissionregistration.k8s.io': [warningPolicyName],
    'validatingadmissionpolicybindings.admissionregistration.k8s.io': [warningPolicyName],
    'customresourcedefinitions.apiextensions.k8s.io': releasedNames('CustomResourceDefinition'),
    'secretstores.external-secrets.io': [keySecretName],
    'externalsecrets.external-secrets.io': [keySecretName, nodeAccessName, pullSecret],
    'clustersecretstores.external-secrets.io': ['pull-secret'],
    'clusterexternalsecrets.external-secrets.io': [pullSecret],
    'ecrauthorizationtokens.generators.external-secrets.io': [keySecretName],
    // `up` patches every service account, but deletes only these.
    ...(verb === 'delete' ? { serviceaccounts: [...releasedNames('ServiceAccount'), reader] } : {}),
  };
  return names[resource];
}

/** The service account, Role and RoleBinding with which the pull secret is read for other namespaces. */
const reader = 'pull-secret-reader';
