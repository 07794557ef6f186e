import type { Ask, Case, Situation } from '../case.ts';
import { iam } from '../request.ts';
import { moto } from './differences.ts';
import { allow, document, having, listWith, something } from './support.ts';

const first = document(allow('ecr:GetAuthorizationToken'));
const second = document(allow('ecr:BatchGetImage'));

const arnOf = ({ name, account }: Situation): string => `arn:aws:iam::${account}:policy/${name}`;
const policy: Ask = ({ name }) => iam('CreatePolicy', { PolicyName: name, PolicyDocument: first });
const user: Ask = ({ name }) => iam('CreateUser', { UserName: name });
const attach: Ask = (situation) =>
  iam('AttachUserPolicy', { UserName: situation.name, PolicyArn: arnOf(situation) });
const version: Ask = (situation) =>
  iam('CreatePolicyVersion', {
    PolicyArn: arnOf(situation),
    PolicyDocument: second,
    SetAsDefault: 'true',
  });
const done = { status: 200, body: { ResponseMetadata: { RequestId: something } } };
const absent = { status: 404, code: 'NoSuchEntity' };

/** Customer managed policies with their versions, and their attachments to users. */
export const iamPolicyCases: readonly Case[] = [
  {
    name: 'CreatePolicy answers with ARN and default version',
    ask: ({ name }) =>
      iam('CreatePolicy', {
        PolicyName: name,
        PolicyDocument: first,
        Description: 'Of the contract',
        Tags: [{ Key: 'k', Value: 'v' }],
      }),
    answer: (situation) => ({
      status: 200,
      body: {
        CreatePolicyResult: {
          Policy: {
            PolicyName: situation.name,
            Arn: arnOf(situation),
            Path: '/',
            DefaultVersionId: 'v1',
            AttachmentCount: '0',
            Tags: [{ Key: 'k', Value: 'v' }],
          },
        },
      },
    }),
  },
  {
    name: 'CreatePolicy of a name that exists is refused',
    given: [policy],
    ask: policy,
    answer: { status: 409, code: 'EntityAlreadyExists' },
  },
  {
    name: 'CreatePolicy with a document that is not a policy is refused',
    ask: ({ name }) => iam('CreatePolicy', { PolicyName: name, PolicyDocument: '{"Version":' }),
    answer: { status: 400, code: 'MalformedPolicyDocument' },
  },
  {
    name: 'GetPolicy returns default version and tags',
    given: [
      policy,
      (situation) => iam('TagPolicy', { PolicyArn: arnOf(situation), Tags: [{ Key: 'k', Value: 'v' }] }),
    ],
    ask: (situation) => iam('GetPolicy', { PolicyArn: arnOf(situation) }),
    answer: (situation) => ({
      status: 200,
      body: {
        GetPolicyResult: {
          Policy: {
            Arn: arnOf(situation),
            DefaultVersionId: 'v1',
            IsAttachable: 'true',
            Tags: [{ Key: 'k', Value: 'v' }],
          },
        },
      },
    }),
  },
  {
    name: 'GetPolicy of one that does not exist is refused',
    ask: (situation) => iam('GetPolicy', { PolicyArn: arnOf(situation) }),
    answer: absent,
  },
  {
    name: 'GetPolicyVersion returns the document URL-encoded',
    given: [policy],
    ask: (situation) => iam('GetPolicyVersion', { PolicyArn: arnOf(situation), VersionId: 'v1' }),
    answer: {
      status: 200,
      body: {
        GetPolicyVersionResult: {
          PolicyVersion: { VersionId: 'v1', IsDefaultVersion: 'true', Document: encodeURIComponent(first) },
        },
      },
    },
    differs: { moto: moto.plainDocument },
  },
  {
    name: 'CreatePolicyVersion as default answers with its id',
    given: [policy],
    ask: version,
    answer: {
      status: 200,
      body: { CreatePolicyVersionResult: { PolicyVersion: { VersionId: 'v2', IsDefaultVersion: 'true' } } },
    },
  },
  {
    name: 'CreatePolicyVersion of a policy that does not exist is refused',
    ask: version,
    answer: absent,
  },
  {
    name: 'a sixth version is refused',
    given: [policy, version, version, version, version],
    ask: version,
    answer: { status: 409, code: 'LimitExceeded' },
  },
  {
    name: 'ListPolicyVersions returns all versions, and which one is the default',
    given: [policy, version, version],
    ask: (situation) => iam('ListPolicyVersions', { PolicyArn: arnOf(situation) }),
    answer: {
      status: 200,
      body: {
        ListPolicyVersionsResult: {
          // The order is undefined, so the client has to sort.
          Versions: listWith(
            having({ VersionId: 'v3', IsDefaultVersion: 'true' }),
            having({ VersionId: 'v2', IsDefaultVersion: 'false' }),
            having({ VersionId: 'v1', IsDefaultVersion: 'false' }),
          ),
        },
      },
    },
  },
  {
    name: 'DeletePolicyVersion deletes a version that is not the default',
    given: [policy, version],
    ask: (situation) => iam('DeletePolicyVersion', { PolicyArn: arnOf(situation), VersionId: 'v1' }),
    answer: done,
  },
  {
    name: 'DeletePolicyVersion of the default version is refused',
    given: [policy],
    ask: (situation) => iam('DeletePolicyVersion', { PolicyArn: arnOf(situation), VersionId: 'v1' }),
    answer: { status: 409, code: 'DeleteConflict' },
  },
  {
    name: 'DeletePolicy deletes',
    given: [policy],
    ask: (situation) => iam('DeletePolicy', { PolicyArn: arnOf(situation) }),
    answer: done,
  },
  {
    name: 'DeletePolicy of one that does not exist is refused',
    ask: (situation) => iam('DeletePolicy', { PolicyArn: arnOf(situation) }),
    answer: absent,
  },
  {
    name: 'DeletePolicy of one that has other versions is refused',
    given: [policy, version],
    ask: (situation) => iam('DeletePolicy', { PolicyArn: arnOf(situation) }),
    answer: { status: 409, code: 'DeleteConflict' },
    differs: { moto: moto.noDeleteConflict('DeletePolicy') },
  },
  {
    name: 'DeletePolicy of one that is attached is refused',
    given: [policy, user, attach],
    ask: (situation) => iam('DeletePolicy', { PolicyArn: arnOf(situation) }),
    answer: { status: 409, code: 'DeleteConflict' },
    differs: { moto: moto.noDeleteConflict('DeletePolicy') },
  },
  {
    name: 'AttachUserPolicy of a policy that does not exist is refused',
    given: [user],
    ask: attach,
    answer: absent,
  },
  {
    name: 'ListAttachedUserPolicies returns what is attached',
    given: [policy, user, attach],
    ask: ({ name }) => iam('ListAttachedUserPolicies', { UserName: name }),
    answer: (situation) => ({
      status: 200,
      body: {
        ListAttachedUserPoliciesResult: {
          IsTruncated: 'false',
          AttachedPolicies: [{ PolicyName: situation.name, PolicyArn: arnOf(situation) }],
        },
      },
    }),
  },
  {
    name: 'DetachUserPolicy detaches',
    given: [policy, user, attach],
    ask: (situation) => iam('DetachUserPolicy', { UserName: situation.name, PolicyArn: arnOf(situation) }),
    answer: done,
  },
  {
    name: 'DetachUserPolicy of a policy that is not attached is refused',
    given: [policy, user],
    ask: (situation) => iam('DetachUserPolicy', { UserName: situation.name, PolicyArn: arnOf(situation) }),
    answer: absent,
  },
  {
    name: 'DeleteUser of a user with an attached policy is refused',
    given: [policy, user, attach],
    ask: ({ name }) => iam('DeleteUser', { UserName: name }),
    answer: { status: 409, code: 'DeleteConflict' },
  },
  {
    name: 'ListUserPolicies names inline policies',
    given: [
      user,
      ({ name }) => iam('PutUserPolicy', { UserName: name, PolicyName: 'inline', PolicyDocument: first }),
    ],
    ask: ({ name }) => iam('ListUserPolicies', { UserName: name }),
    answer: {
      status: 200,
      body: { ListUserPoliciesResult: { PolicyNames: ['inline'], IsTruncated: 'false' } },
    },
  },
  {
    name: 'SimulatePrincipalPolicy decides each action for a resource, with the keys of the request',
    given: [
      user,
      ({ name }) =>
        iam('PutUserPolicy', {
          UserName: name,
          PolicyName: 'inline',
          PolicyDocument: JSON.stringify({
            Version: '2012-10-17',
            Statement: [
              {
                Effect: 'Allow',
                Action: 'ecr:PutImage',
                Resource: '*',
                Condition: { StringEquals: { 'aws:RequestTag/team': 'a' } },
              },
              { Effect: 'Deny', Action: 'ecr:DeleteRepository', Resource: '*' },
            ],
          }),
        }),
    ],
    ask: ({ name, account }) =>
      iam('SimulatePrincipalPolicy', {
        PolicySourceArn: `arn:aws:iam::${account}:user/${name}`,
        ActionNames: ['ecr:PutImage', 'ecr:DeleteRepository', 'ecr:CreateRepository'],
        ResourceArns: ['*'],
        ContextEntries: [
          {
            ContextKeyName: 'aws:RequestTag/team',
            'ContextKeyValues.member.1': 'a',
            ContextKeyType: 'string',
          },
        ],
      }),
    answer: {
      status: 200,
      body: {
        SimulatePrincipalPolicyResult: {
          EvaluationResults: [
            { EvalActionName: 'ecr:PutImage', EvalResourceName: '*', EvalDecision: 'allowed' },
            { EvalActionName: 'ecr:DeleteRepository', EvalDecision: 'explicitDeny' },
            { EvalActionName: 'ecr:CreateRepository', EvalDecision: 'implicitDeny' },
          ],
          IsTruncated: 'false',
        },
      },
    },
    differs: { moto: moto.simulationUnknown },
  },
  {
    name: 'SimulatePrincipalPolicy of a user that does not exist is refused',
    ask: ({ name, account }) =>
      iam('SimulatePrincipalPolicy', {
        PolicySourceArn: `arn:aws:iam::${account}:user/${name}`,
        ActionNames: ['ecr:PutImage'],
      }),
    answer: { status: 404, code: 'NoSuchEntity' },
    differs: { moto: moto.simulationUnknown },
  },
];
