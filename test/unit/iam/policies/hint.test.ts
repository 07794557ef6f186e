import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { denialHint } from '../../../../src/clients/aws/denial.ts';
import { policyDocument, type PolicyName } from '../../../../src/iam/policies/documents.ts';
import { configOf } from '../../../support/aws.ts';

const services = { iam: 'iam', ecr: 'ecr', secrets: 'secretsmanager' };

/** Every action that the clients of these services use. */
function actions(): string[] {
  const folder = new URL('../../../../src/clients/aws/', import.meta.url);
  return Object.entries(services).flatMap(([prefix, service]) =>
    readdirSync(folder)
      .filter((file) => file.startsWith(prefix))
      .flatMap((file) => [
        ...readFileSync(new URL(file, folder), 'utf8').matchAll(/\b(?:read|write)\(\s*'([A-Z]\w+)'/g),
      ])
      .map(([, action]) => `${service}:${action}`),
  );
}

const account = { partition: 'aws', accountId: '123456789012', region: 'eu-west-1' };
const aws = { region: 'eu-west-1', blobMounting: true };
const users = { powerUser: {}, imagePuller: { permissionsBoundary: 'arn:aws:iam::123456789012:policy/b' } };

const holds = (name: PolicyName, action: string): boolean =>
  JSON.stringify(policyDocument(name, configOf({ aws, users }), account)).includes(`"${action}"`);

it('names a policy that allows the denied action, and no policy if none allows it', () => {
  const all = actions();
  expect(all.length).toBeGreaterThan(40);
  for (const action of all) {
    const [, name] = /ecr-bootstrap policy ([\w-]+)/.exec(denialHint('', action)) ?? [];
    const isInPolicy = holds('power-user', action) || holds('first-run', action);
    expect(name !== undefined, action).toBe(isInPolicy);
    if (name !== undefined) expect(holds(name as PolicyName, action), `${action} in ${name}`).toBe(true);
  }
});
