import { expect, it } from 'vitest';
import { inNotationOf } from '../../../../src/iam/policies/compare.ts';
import { allow, document } from '../../../../src/iam/policies/document.ts';

const wanted = document(
  allow('Pull', 'ecr', ['BatchGetImage', 'GetDownloadUrlForLayer'], ['repository']),
  allow('Read', 'secretsmanager', ['GetSecretValue'], ['secret']),
);

it('a policy that IAM treats as equal is written as the desired one', () => {
  const actual = {
    Version: '2012-10-17',
    Statement: [
      { Sid: 'Read', Effect: 'Allow', Action: 'secretsmanager:getsecretvalue', Resource: 'secret' },
      {
        Sid: 'Pull',
        Effect: 'Allow',
        Action: ['ecr:GetDownloadUrlForLayer', 'ecr:BatchGetImage'],
        Resource: ['repository'],
      },
    ],
  };
  expect(inNotationOf(wanted, actual)).toEqual(wanted);
});

it('values and statements of the actual policy alone come first, and missing ones are missing', () => {
  const actual = {
    Statement: [
      { Effect: 'Allow', Action: 's3:*', Resource: '*' },
      {
        Sid: 'Pull',
        Effect: 'Allow',
        Action: ['ecr:PutImage', 'ecr:BatchGetImage'],
        Resource: 'repository',
        NotAction: 'x',
      },
      'not a statement',
    ],
  };
  expect(inNotationOf(wanted, actual)).toEqual({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: 's3:*', Resource: '*' },
      'not a statement',
      {
        Sid: 'Pull',
        Effect: 'Allow',
        Action: ['ecr:PutImage', 'ecr:BatchGetImage'],
        Resource: ['repository'],
        NotAction: 'x',
      },
    ],
  });
});

it('a document without statements has none', () => {
  expect(inNotationOf(wanted, undefined)).toEqual({ Version: '2012-10-17', Statement: [] });
});
