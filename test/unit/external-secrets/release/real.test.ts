import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { patchCrds, patchObjects } from '../../../../src/external-secrets/release/operator.ts';
import { verifyOfficial } from '../../../../src/external-secrets/release/official.ts';
import { parseObjects } from '../../../../src/external-secrets/release/parse.ts';
import { settings } from './settings.ts';

/** The manifest of the release is not in this repository, so the test runs only if the variable names its file. */
const file = process.env['OPERATOR_MANIFEST'];

describe.skipIf(file === undefined)('the manifest of the release', () => {
  it('is recognized and matches every patch, which remove the rendered namespace and the retired registry', async () => {
    const objects = await parseObjects(readFileSync(file ?? '', 'utf8'), 'real');
    verifyOfficial(objects, 'real');
    const manifest = { objects, sha256: 'f'.repeat(64), from: 'real' };
    const crds = patchCrds(manifest, settings);
    const rest = patchObjects(manifest, settings);
    expect([crds.length, rest.length]).toEqual([16, 19]);
    for (const crd of crds)
      expect(crd).toHaveProperty('spec.conversion.webhook.clientConfig.service', {
        name: 'external-secrets-webhook',
        namespace: 'external-secrets',
        path: '/convert',
      });
    const text = JSON.stringify(rest);
    expect(text).not.toMatch(/"default"|=default|\.default\.svc|oci\.external-secrets\.io/);
  });
});
