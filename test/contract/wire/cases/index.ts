import type { Case } from '../case.ts';
import type { Service } from '../request.ts';
import { bearerRegistryCases } from './bearer-registry.ts';
import { ecrCases } from './ecr.ts';
import { ecrRegistryCases } from './ecr-registry.ts';
import { iamPolicyCases } from './iam-policies.ts';
import { iamUserCases } from './iam-users.ts';
import { kubernetesApplyCases } from './kubernetes-apply.ts';
import { kubernetesListCases } from './kubernetes-lists.ts';
import { kubernetesObjectCases } from './kubernetes-objects.ts';
import { kubernetesPatchCases } from './kubernetes-patches.ts';
import { kubernetesPodCases } from './kubernetes-pods.ts';
import { kubernetesRbacCases } from './kubernetes-rbac.ts';
import { kubernetesRefusalCases } from './kubernetes-refusals.ts';
import { kubernetesRuleCases } from './kubernetes-rules.ts';
import { kubernetesServerCases } from './kubernetes-server.ts';
import { kubernetesVersionCases } from './kubernetes-versions.ts';
import { kubernetesWarningCases } from './kubernetes-warnings.ts';
import { registryCases } from './registry.ts';
import { secretsManagerCases } from './secrets-manager.ts';
import { stsCases } from './sts.ts';

/** The contract: every call and every error that the product handles. */
export const cases: Readonly<Record<Service, readonly Case[]>> = {
  sts: stsCases,
  iam: [...iamUserCases, ...iamPolicyCases],
  ecr: ecrCases,
  secretsmanager: secretsManagerCases,
  'ecr-registry': ecrRegistryCases,
  registry: registryCases,
  'bearer-registry': bearerRegistryCases,
  kubernetes: [
    ...kubernetesServerCases,
    ...kubernetesObjectCases,
    ...kubernetesPatchCases,
    ...kubernetesApplyCases,
    ...kubernetesListCases,
    ...kubernetesRuleCases,
    ...kubernetesRefusalCases,
    ...kubernetesRbacCases,
    ...kubernetesPodCases,
    ...kubernetesWarningCases,
    ...kubernetesVersionCases,
  ],
};
