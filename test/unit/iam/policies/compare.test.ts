import { expect, it } from 'vitest';
import { compareDocuments } from '../../../../src/iam/policies/compare.ts';
import { allow, document } from '../../../../src/iam/policies/document.ts';

const wanted = document(
  allow('Pull', 'ecr', ['BatchGetImage', 'GetDownloadUrlForLayer'], ['*'], {
    Null: { 'aws:TokenIssueTime': ['true'] },
  }),
);
const pull = {
  Sid: 'Pull',
  Effect: 'Allow',
  Action: ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
  Resource: '*',
  Condition: { Null: { 'aws:TokenIssueTime': 'true' } },
};

it.each([
  ['another order of actions', { Action: ['ecr:GetDownloadUrlForLayer', 'ecr:BatchGetImage'] }],
  ['actions in another case', { Action: ['ECR:batchgetimage', 'ecr:getdownloadurlforlayer'] }],
  ['an action that is listed twice', { Action: [...pull.Action, 'ecr:BatchGetImage'] }],
  ['a list with one resource', { Resource: ['*'] }],
  ['condition keys in another case', { Condition: { Null: { 'AWS:tokenissuetime': ['true'] } } }],
  ['a Boolean in a condition', { Condition: { Null: { 'aws:TokenIssueTime': true } } }],
])('finds no difference in %s', (_, change) => {
  expect(compareDocuments(wanted, { Statement: { ...pull, ...change } })).toEqual([]);
});

it.each([
  ['Action', { Action: [...pull.Action, 'ecr:PutImage'] }],
  ['Resource', { Resource: 'arn:aws:ecr:*:*:repository/*' }],
  ['Condition', { Condition: { Null: { 'aws:TokenIssueTime': 'false' } } }],
  ['Effect', { Effect: 'Deny' }],
])('finds a changed %s', (field, change) => {
  const fields = compareDocuments(wanted, { Statement: [{ ...pull, ...change }] });
  expect(fields.map(({ path }) => path)).toEqual([`document.Pull.${field}`]);
});
