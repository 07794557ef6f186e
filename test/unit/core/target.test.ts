import { expect, it } from 'vitest';
import { actionsByTarget } from '../../../src/core/target.ts';

const change = (action: string, name: string) => ({ action, target: { kind: 'IAM access key', name } });

it('counts a key that is disabled and then deleted as deleted, and one that is created and then updated as created', () => {
  const changes = [
    change('update', 'AKIAOLD'),
    change('create', 'AKIANEW'),
    change('update', 'AKIANEW'),
    change('delete', 'AKIAOLD'),
  ];
  expect([...actionsByTarget(changes)]).toEqual([
    ['IAM access key AKIAOLD', 'delete'],
    ['IAM access key AKIANEW', 'create'],
  ]);
});
