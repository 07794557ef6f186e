/** One statement of an IAM policy. Every one of ours allows. */
export interface Statement {
  readonly Sid: string;
  readonly Effect: 'Allow';
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

/** An IAM policy in the form that IAM keeps. */
export interface PolicyDocument {
  readonly Version: '2012-10-17';
  readonly Statement: readonly Statement[];
}

export const document = (...statements: readonly (Statement | undefined)[]): PolicyDocument => ({
  Version: '2012-10-17',
  Statement: statements.filter((statement) => statement !== undefined),
});

/** A statement about actions of one service, which are named without its prefix. */
export function allow(
  sid: string,
  service: string,
  actions: readonly string[],
  resources: readonly string[],
  condition?: Statement['Condition'],
): Statement {
  return {
    Sid: sid,
    Effect: 'Allow',
    Action: actions.map((action) => `${service}:${action}`),
    Resource: resources,
    ...(condition ? { Condition: condition } : {}),
  };
}
