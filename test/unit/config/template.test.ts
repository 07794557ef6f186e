import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { type Tree, withoutNulls } from '../../../src/config/tree.ts';
import { configSchema } from '../../../src/config/schema.ts';
import { configTemplate } from '../../../src/config/template.ts';

const template = (values: Record<string, string>): string =>
  configTemplate({
    heading: [],
    values: new Map(Object.entries(values)),
    remarks: new Map(),
  });

describe('configTemplate', () => {
  it('writes a file that sets exactly the given values', () => {
    const text = template({ project: 'shop', 'aws.region': 'eu-west-1', 'aws.accountId': '"123456789012"' });
    expect(load(text)).toEqual({ project: 'shop', aws: { region: 'eu-west-1', accountId: '123456789012' } });
  });

  it('writes defaults that the schema accepts into its comments', () => {
    const text = template({ project: 'shop', 'aws.region': 'eu-west-1' });
    const switchedOn = text
      .split('\n\n')
      .map((block) => (/^# \w+:\n/.test(block) ? block.replace(/^# /gm, '') : block))
      .join('\n');
    expect(configSchema.safeParse(withoutNulls(load(switchedOn) as Tree)).error?.issues).toBeUndefined();
    expect(switchedOn).toContain('\npullSecret:\n');
  });
});
