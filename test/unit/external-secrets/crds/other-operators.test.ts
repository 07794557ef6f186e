import { describe, expect, it } from 'vitest';
import { otherOperatorFindings } from '../../../../src/external-secrets/crds/other-operators.ts';

const controller = (version?: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: {
    name: 'eso',
    namespace: 'tools',
    labels: version === undefined ? {} : { 'app.kubernetes.io/version': version },
  },
});
const hintOf = (version: string | undefined, isUsable: boolean): string =>
  otherOperatorFindings([controller(version)], isUsable)[0]?.hint ?? '';

describe('the fix for an operator of others', () => {
  const use = 'Set externalSecrets.install: false to use it as it is.';

  it('is to use a newer one, which is never uninstalled or replaced by an earlier version', () => {
    for (const version of ['v0.13.0', 'v0.20.4', 'v1.3.2']) {
      expect(hintOf(version, true)).toBe(use);
      expect(hintOf(version, false)).toBe(
        `It does not serve all kinds that ecr-bootstrap uses. Install all of its CRDs. ${use}`,
      );
    }
  });

  it.each(['v0.9.11', 'v0.12.1', undefined])('is to use or uninstall %s when it is usable', (version) => {
    expect(hintOf(version, true)).toMatch(/^Set externalSecrets\.install: false .* Or uninstall it, keeping/);
  });

  it.each(['v0.5.9', undefined])('is to upgrade or uninstall %s when it is not usable', (version) => {
    expect(hintOf(version, false)).toMatch(/Upgrade it to v0\.12\.1 or later, or uninstall it, keeping/);
  });
});
